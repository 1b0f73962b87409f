"""Topics where people stay in charge: a brief that speaks of them is flagged, nothing of it is promoted by itself.

The list errs on the side of asking a person. Words that the brief rules out ("no children")
do not count.
"""

import re

_ABSENT = re.compile(
    r"\b(?:no|without|never|avoid|nobody|do not show|don't show|must not show)\b[^,.;:\n]*", re.IGNORECASE
)

TOPICS: tuple[tuple[str, str], ...] = (
    (
        "real persons",
        r"celebrit(?:y|ies)|brand ambassadors?|testimonials?|look-?alikes?|likeness|same face|real person|influencers?"
        r"|prime minister|chancellor|royal family|(?:portrait|photo|picture|image|face|likeness) of (?-i:(?:Mr|Ms"
        r"|Mrs|Dr)?\.? ?[A-Z][a-z]+ [A-Z][a-z]+)"
        r"|(?:starring|featuring|actor|actress|singer|athlete|footballer|player|founder|ceo|designer|chef)"
        r"(?-i: [A-Z][a-z]+ [A-Z][a-z]+)|(?-i:(?:Mr|Ms|Mrs|Dr)\. ?[A-Z][a-z]+)|our (?:ceo|founder|employees?"
        r"|customer)(?-i:,? [A-Z][a-z]+)",
    ),
    (
        "children",
        r"child(?:ren)?|kids?|bab(?:y|ies)|toddlers?|infants?|newborns?|teens?|teenagers?|minors|schoolchildren"
        r"|pupils|under-?age",
    ),
    (
        "medicine or health claims",
        r"medicin\w+|medical|drugs?|pharma\w*|prescription|cures?|therap(?:y|ies|eutic)|clinical(?:ly)?|patients?"
        r"|vaccin\w+|dosage|diagnos\w+"
        r"|symptoms?|diseases?|cancer|diabet\w+|anxiety|depression|weight[ -]loss|slimming|supplements?|heals?"
        r"|pain relief|relieves?|anti-?ageing"
        r"|blood pressure|immune|hospital|surgery|doctors? recommend\w*|health claims?",
    ),
    (
        "alcohol",
        r"alcohol\w*|wines?|beers?|whisk(?:y|ey)|vodka|gin|rum|champagne|prosecco|cocktails?|liquor|liqueur"
        r"|spirits|brewery|winery",
    ),
    ("tobacco or cannabis", r"tobacco|cigarettes?|cigars?|vap(?:e|es|ing)|nicotine|cannabis|cbd|hemp"),
    (
        "money and insurance",
        r"loans?|mortgages?|credit cards?|invest(?:ment|ments|ing|ors?)|crypto\w*|bitcoin|insurance"
        r"|interest rates?|pensions?|brokers?"
        r"|stocks?(?= and| market| trading)|trading|guaranteed returns?|savings account|payday",
    ),
    ("gambling", r"gambl\w+|casinos?|bett?ing|bets|lotter(?:y|ies)|poker|slot machines?"),
    ("weapons", r"weapons?|guns?|firearms?|rifles?|ammunition|military"),
    (
        "politics or religion",
        r"elections?|political part(?:y|ies)|politicians?|vote for|referendum|church|mosque|synagogue|religious|prayer",
    ),
    ("nudity", r"nude|naked|nudity|lingerie|erotic|topless"),
)

_COMPILED = tuple((topic, re.compile(rf"\b(?:{words})(?!\w)", re.IGNORECASE)) for topic, words in TOPICS)


def find_sensitive_topics(text: str) -> tuple[str, ...]:
    """The topics a text speaks of, in the order of the table. Linear in the text's length."""
    present = _ABSENT.sub(" ", text)
    return tuple(topic for topic, words in _COMPILED if words.search(present))
