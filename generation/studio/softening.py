"""The same picture in words that a safety filter accepts: first other words, then fewer.

Filters refuse one to three in two hundred prompts for words such as skin, body, brand and
place names in innocent copy. The first softening replaces those; where nothing is left to
replace, the second drops adjectives, names and details. Deterministic, no state: what is
soft already is recognised by having no risky word left.
"""

import re

from generation.studio.wording import WORD_LIMIT, as_sentence, clip_words, count_words, limit_words, split_sentences

_FRAMING = "head and shoulders only"

# (risky words, softer ones); the first that matches at a place wins. No softer word is risky itself.
SOFTER: tuple[tuple[str, str], ...] = (
    (r"eyes (?:are )?(?:half )?closed|closed eyes", "calm expression"),
    (r"(?:lit|light|sun) from behind|back-? ?lit(?! golden)", "backlit golden hour"),
    (r"lying (?:down |back )?(?:in|on) (?:the |a |her |his )?bed", "resting in an armchair"),
    (r"young (?:women|girls|ladies|men|boys)", "people"),
    (r"young (?:woman|girl|lady|man|boy)", "person"),
    (r"women|girls|ladies|men|boys|guys|kids|children|teens|teenagers|babies|toddlers", "people"),
    (r"woman|girl|lady|man|boy|guy|kid|child|teen|teenager|baby|toddler|mother|father|daughter|son", "person"),
    (r"she|he", "they"),
    (r"her|his", "their"),
    (r"bare skin|naked skin|skin tones?|skin", "natural texture"),
    (r"naked|nude|topless|undressed|bare", "plain"),
    (r"bod(?:y|ies)", "form"),
    (r"blood orange", "red orange"),
    (r"bloody|blood", "deep red"),
    (r"photo ?-?shoot|shooting|shoot", "photograph"),
    (r"sexy|seductive|sensual|erotic|hot|provocative|intimate", "elegant"),
    (r"lingerie|bikini|underwear|swimsuit|swimwear|bra|panties", "clothing"),
    (r"cleavage|breasts?|chest|thighs?|legs?|hips?|curves?|waist", "outline"),
    (r"lips|mouth|tongue", "face"),
    (r"bedroom|bed", "quiet room"),
    (r"shower|bathtub|bath", "washroom"),
    (r"touching|caressing|stroking", "holding"),
    (r"kissing|kiss", "smile"),
    (r"guns?|rifles?|pistols?|weapons?|bullets?|knife|knives|sword", "tool"),
    (r"kill(?:er|ing|s|ed)?|murder\w*|dead(?:ly)?|death", "still"),
    (r"explosi\w+|explod\w+|explosion|bombs?|blast", "burst of light"),
    (r"attack\w*|fight\w*|violen\w+|war", "contrast"),
    (r"burning|flames?|on fire", "warm glow"),
    (r"drugs?|cocaine|cannabis|weed|syringes?|needles?|pills?", "product"),
    (r"cigarettes?|smoking|vape|vaping", "mist"),
    (r"drunk|beer|wine|whisky|whiskey|vodka|gin|cocktails?|alcohol\w*", "drink"),
    (r"wounds?|scars?|surgery|injur\w+|pain\w*", "mark"),
    (r"massage", "rest"),
    (r"wet", "glossy"),
    (r"tight", "close"),
    (r"(?:in the style of|inspired by|as seen in|directed by|painted by|photographed by) [^,.;]+", "in a plain style"),
    (
        r"(?:nike|adidas|apple|iphone|sony|bose|beats|samsung|google|microsoft|coca-?cola|pepsi|disney|marvel"
        r"|pixar|lego|barbie"
        r"|ferrari|porsche|tesla|bmw|mercedes|gucci|prada|chanel|rolex|starbucks|ikea|netflix|instagram|tiktok)(?:'s)?",
        "unbranded",
    ),
    (
        r"(?:eiffel tower|big ben|times square|golden gate bridge|taj mahal|colosseum|white house|brandenburg gate)",
        "landmark",
    ),
)

# Places keep their case: "in Paris", "near Lake Como".
_PLACE = re.compile(r"\b(in|at|near) (?:the )?[A-Z][a-zà-ÿ]+(?: (?:of )?[A-Z][a-zà-ÿ]+)*(?![\w:])")
_PLACE_WORDS = {"in": "in a quiet place", "at": "at a quiet place", "near": "near a quiet place"}
_NAME = re.compile(r"(?:(?<=[a-z] )|(?<=\A ))[A-Z][\w'-]+(?: [A-Z][\w'-]+)*(?=[ ,.;]|$)")
_LABELS = ("Colour palette", "Mood", "Brand", "Photograph", "Macro", "Poster", "Correct")

_ADJECTIVES = re.compile(
    r"\b(?:very |really |extremely )?(?:beautiful|stunning|gorgeous|elegant|natural|plain|glossy|smooth|delicate"
    r"|tender|young|old|slim"
    r"|athletic|strong|powerful|dramatic|intense|wild|dark|deep|raw|rough|hard|soft|warm|cool|cold|bold|fresh|pure"
    r"|perfect|flawless"
    r"|relaxed|playful|passionate|dreamy|luxurious|premium|tiny|huge|little|close|clean|bright|pale|quiet|still"
    r"|lovely|pretty"
    r"|attractive|charming|happy|sad|lonely|mysterious|moody|unbranded|matte|brushed|knitted|heavy"
    r"|light(?= \w+ed\b))\s+(?=\w)",
    re.IGNORECASE,
)
_KEPT = re.compile(
    r"#|\blight|\blit\b|backlit|golden hour|shadow|space|third|angle|frame|\beven\b|\bno\b|^\s*Correct\b", re.IGNORECASE
)
_PERSON = re.compile(r"\b(?:person|people|someone|portrait|model wearing)\b", re.IGNORECASE)
_PLAINEST = "nothing else in the picture"
_PLAINEST_SCENE = "One product on a plain plinth"
_QUOTED = re.compile(r"[\"“'‘]([\w -]{3,40})[\"”'’]")

_RISKY = re.compile("|".join(rf"(?P<r{row}>\b(?:{words})\b)" for row, (words, _) in enumerate(SOFTER)), re.IGNORECASE)
_ARTICLE = re.compile(
    r"\b([Aa])n? (?=(elegant|unbranded|outline|in a plain|natural|plain|person|people|clothing|tool|form|drink))"
)


def soften_prompt(prompt: str, refusal: str) -> str:
    """The prompt, softened once more. Under 120 words; the light and palette stay.

    Every call gives another wording, until the plainest one is reached.
    """
    softer = _replace_risky(_drop_named_words(prompt, refusal))
    if softer.split() == prompt.split():
        softer = _reduce(softer)
    if _PERSON.search(softer) and _FRAMING not in softer:
        softer = _append_to_scene(softer, _FRAMING)
    if softer.split() == prompt.split():
        softer = _shorten(softer)
    return limit_words(softer, WORD_LIMIT)


def _drop_named_words(prompt: str, refusal: str) -> str:
    """A filter that quotes the word it minds is taken at its word."""
    for quoted in _QUOTED.findall(refusal[:2_000]):
        prompt = re.sub(rf"\b{re.escape(quoted.strip())}\b\s*", "", prompt, flags=re.IGNORECASE)
    return _tidy(prompt)


def _replace_risky(prompt: str) -> str:
    def softer_word(match: re.Match[str]) -> str:
        row = int((match.lastgroup or "r0")[1:])
        softer, risky = SOFTER[row][1], match.group(0)
        return softer[0].upper() + softer[1:] if risky[0].isupper() and match.start() == 0 else softer

    softened = _PLACE.sub(lambda match: _PLACE_WORDS[match.group(1)], _RISKY.sub(softer_word, prompt))
    return _tidy(_ARTICLE.sub(_right_article, softened))


def _right_article(match: re.Match[str]) -> str:
    following = match.group(2)
    if following in ("people", "clothing", "in a plain"):
        return ""
    return match.group(1) + ("n " if following[0] in "aeiou" else " ")


def _reduce(prompt: str) -> str:
    """Without adjectives, names, theme and mood; light, palette, placement and constraints stay as they are."""
    sentences = [
        ",".join(clause if _KEPT.search(clause) else _plainer(clause) for clause in sentence.split(","))
        for sentence in split_sentences(prompt)
        if not sentence.startswith(("Mood:", "Theme:", "Brand:"))
    ]
    return _tidy(" ".join(sentences))


def _plainer(clause: str) -> str:
    return _ADJECTIVES.sub("", _NAME.sub(_drop_name, clause))


def _drop_name(match: re.Match[str]) -> str:
    return match.group(0) if match.group(0).startswith(_LABELS) else ""


def _append_to_scene(prompt: str, words: str) -> str:
    sentences = split_sentences(prompt)
    scene = sentences[0]
    ending = scene[-1] if scene[-1] in ".!?" else ""
    room = WORD_LIMIT - count_words(words) - sum(map(count_words, sentences[1:]))
    if count_words(scene) > room > 0:
        scene = clip_words(scene, room)
    sentences[0] = f"{scene.rstrip('.!?, ')}, {words}{ending}"
    return " ".join(sentences)


def _shorten(prompt: str) -> str:
    """The last resort: half of the scene's clauses, and nothing else in the picture; further calls go on halving."""
    sentences = split_sentences(prompt) or [_PLAINEST_SCENE]
    clauses = [clause.strip(" .!?") for clause in sentences[0].split(",")]
    ends = [clause for clause in clauses if _KEPT.search(clause)] + [_FRAMING] * (_FRAMING in clauses) + [_PLAINEST]
    things = [clause for clause in clauses if clause and clause not in ends] or [_PLAINEST_SCENE]
    kept = things[: max(1, len(things) // 2)]
    if len(kept) == len(things) and _PLAINEST in clauses:
        kept = [clip_words(kept[0], count_words(kept[0]) // 2) or _PLAINEST_SCENE]
    return " ".join([as_sentence(", ".join([*kept, *ends])), *sentences[1:]])


def _tidy(text: str) -> str:
    text = re.sub(r"\s+([,.;!?])", r"\1", text)
    text = re.sub(r",(?:\s*,)+", ",", text)
    text = re.sub(r"\b(\w+)( \1\b)+", r"\1", text, flags=re.IGNORECASE)
    return " ".join(text.split()).lstrip(",; ")
