"""Fills the structured prompt of one shot: scene, light, palette, composition, ratio, constraints; under 120 words."""

import re

import numpy as np

from generation.rules.values import BrandGuide, ShotIdea, StructuredPrompt
from generation.studio import lookbook
from generation.studio.colours import COLOUR_NAMES, HEX, find_colours, hex_to_lab
from generation.studio.vocabulary import read_subjects
from generation.studio.wording import (
    WORD_LIMIT,
    as_clause,
    as_sentence,
    clean,
    clip_words,
    count_words,
    limit_words,
    unique,
)

NEGATIVES = ("text", "watermark", "logo", "hands", "person", "low quality", "deformed")
_MOST_NEGATIVES = 16
_LONGEST_NEGATIVE = 6  # words

PERSON_WORDS = (
    r"persons?|people|woman|women|man|men|someone|somebody|nobody else|listener|athlete|runner|commuters?|customers?"
    r"|employees?|colleagues?|couple|family|friends?|portrait|model wearing|wearing|reader|traveller|traveler|chef"
    r"|barista"
)
_HAND_WORDS = r"hands?|fingers?|holding|holds?|palm of"
_HANDS_REFUSED = re.compile(r"\b(?:no|without) (?:\w+ ){0,2}hands\b|\bhands out of\b")
_ABSENT = r"\b(?:no|without|never|not|avoid)\b[^,.;]*|\b\w+ out of (?:the )?(?:picture|frame|sight|view)\b"

# What a title says about its place in the campaign and not about the picture.
_ROLE_WORDS = re.compile(
    r"\b(?:hero|lifestyle|details?|social|square|launch|key visual|shots?|images?|visuals?|banner|header|close-?up"
    r"|instagram|linkedin|option \d+|version \d+)\b|^\W*\d+[.):]|[#/|()]|\B-\B|\b\d{1,2}:\d{1,2}\b",
    re.IGNORECASE,
)
_BARE_ROLE = re.compile(
    r"^(?:instagram |linkedin )?(?:story|stories|reel|feed|post|poster|scene|other|illustration)(?: \d+)?$",
    re.IGNORECASE,
)
# Room for words that are set later is empty space to the picture; naming the words would paint some.
_COPY_SPACE = re.compile(
    r"\s*\bfor (?:the |a |an |our |your )?(?:headlines?|claim|copy|text|slogan|tagline|logo)\b[^,.;]*", re.IGNORECASE
)
_LEAD_INS = re.compile(
    r"^(?:an? |the |this )?(?:blog )?(?:post|article|piece|story|guide|page|picture|image|photo|photograph|shot)"
    r"(?: that| which)?(?: is| talks| explains| explores| shows)?(?: about| on| of| showing| for)?\s+",
    re.IGNORECASE,
)
_MEDIA = r"photo\w*|illustrat\w*|poster|render\w*|painting|drawing|flat ?-?lay|close-? ?up"
_MEDIUM_BY_KIND = {"illustration": "Poster illustration", "detail": "Macro photograph"}
_RATIO = re.compile(r"^\d{1,2}(?:\.\d{1,2})?:\d{1,2}$")


# Words for the parts that strangers fill; the fixed parts take up to forty-five more.
_MOST_SCENE_WORDS, _MOST_THEME_WORDS, _MOST_MOOD_WORDS, _MOST_RULE_WORDS = 46, 8, 8, 12
_SHORT_DESCRIPTION = 8
_SMALL_OPENING = re.compile(
    r"(?:An?|The|One|Two|Three|Some|On|In|At|With|Over|Under|Beside|Inside|Its|His|Her|Their|Our|Over-ear)\b"
)


def structure_prompt(*, idea: ShotIdea, campaign_mood: str, brand: BrandGuide | None) -> StructuredPrompt:
    """The structured prompt of one shot. Deterministic; any text is accepted and treated as words of a picture."""
    title, description = clean(idea.title), clean(idea.description)
    mood = _choose_mood(idea.mood, campaign_mood, brand)
    words = f"{title}. {description}. {mood}".lower()
    scene, theme = _write_scene(title, description, idea.kind, words)
    lighting = _choose_lighting(f"{title}. {description}".lower(), mood.lower(), idea.kind)
    palette = _choose_palette(words, mood.lower(), brand)
    composition = _choose_composition(f"{title}. {description}".lower(), idea.kind)
    ratio = idea.aspect_ratio if _RATIO.match(idea.aspect_ratio) else lookbook.RATIO_BY_KIND.get(idea.kind, "1:1")
    parts = [
        as_sentence(scene),
        as_sentence(f"Theme: {theme}") if theme else "",
        as_sentence(lighting),
        as_sentence("Colour palette: " + name_colours(palette)),
        as_sentence(composition),
        as_sentence(f"Mood: {mood}") if mood else "",
        as_sentence(_brand_rules(brand)),
        as_sentence(f"Aspect ratio {ratio}"),
        _constraints(words, wants_text=idea.wants_text),
    ]
    return StructuredPrompt(
        scene=scene,
        lighting=lighting,
        palette=palette,
        composition=composition,
        aspect_ratio=ratio,
        negatives=choose_negatives(words, wants_text=idea.wants_text, brand=brand),
        text=limit_words(" ".join(part for part in parts if part), WORD_LIMIT),
    )


def choose_negatives(words: str, *, wants_text: bool, brand: BrandGuide | None) -> tuple[str, ...]:
    """The studio's negatives without those that the shot wants, then the brand's own."""
    present = re.sub(_ABSENT, " ", words)
    wanted: set[str] = set()
    if wants_text:
        wanted.add("text")
    if re.search(rf"\b(?:{PERSON_WORDS})\b", present):
        wanted |= {"person"} if _HANDS_REFUSED.search(words) else {"person", "hands"}
    if re.search(rf"\b(?:{_HAND_WORDS})\b", present):
        wanted.add("hands")
    if re.search(r"\b(?:logos?|wordmark|emblem)\b", present):
        wanted.add("logo")
    own = [clip_words(clean(negative), _LONGEST_NEGATIVE) for negative in (brand.negatives if brand else ())]
    kept = [negative for negative in NEGATIVES if negative not in wanted]
    return tuple(unique(kept + own)[:_MOST_NEGATIVES])


def name_colours(colours: tuple[str, ...]) -> str:
    """ "sand #d9c2a0, ink #171c2b": the studio's nearest name in CIELAB before each #rrggbb, no name twice."""
    named: dict[str, str] = {}
    for colour in colours:
        lab = hex_to_lab(colour)
        name = min(
            (name for name in _NAMED if name not in named), key=lambda name: float(np.sum((_NAMED[name] - lab) ** 2))
        )
        named[name] = colour
    return ", ".join(f"{name} {colour}" for name, colour in named.items())


# Names that are also things or materials are left out: "wine" as a colour shall not put a bottle into the picture.
_THINGS = {"wine", "coffee", "espresso", "snow", "sky", "forest", "brick", "moss", "slate", "slate blue", "steel blue"}
_NAMED = {name: hex_to_lab(value) for name, value in COLOUR_NAMES.items() if name not in _THINGS}


def _choose_mood(shot: str, campaign: str, brand: BrandGuide | None) -> str:
    for source in (shot, campaign, ", ".join(brand.mood) if brand else ""):
        mood = clip_words(as_clause(clean(source)), _MOST_MOOD_WORDS)
        if mood:
            return mood
    return ""


def _write_scene(title: str, description: str, kind: str, words: str) -> tuple[str, str]:
    """The concrete scene, and the theme where the title says more than the scene shows."""
    subject = " ".join(_ROLE_WORDS.sub(" ", _BARE_ROLE.sub("", title)).split()).strip(" ,.;:&-")
    body, theme = as_clause(_COPY_SPACE.sub("", _LEAD_INS.sub("", description))), ""
    if not body:
        body = subject or title or "one product on a plain plinth"
    elif subject and not _covers(body, subject):
        if count_words(body) < _SHORT_DESCRIPTION:
            body = f"{as_clause(subject)}, {_without_capital(body)}"
        else:
            theme = clip_words(as_clause(subject), _MOST_THEME_WORDS)
    is_abstract = count_words(body) < _SHORT_DESCRIPTION and not read_subjects(words)
    if is_abstract and (concrete := lookbook.first_match(lookbook.CONCRETE, words)):
        body = f"{clip_words(body, _MOST_SCENE_WORDS - count_words(concrete) - 1)}, {concrete}"
    medium = "" if re.search(rf"\b(?:{_MEDIA})\b", body.lower()) else _MEDIUM_BY_KIND.get(kind, "Photograph")
    if medium:
        body = _without_capital(body)
    return clip_words(f"{medium}: {body}" if medium else body, _MOST_SCENE_WORDS), theme


def _without_capital(text: str) -> str:
    """Lower case where a small word opens the text; names keep their capital."""
    return text[0].lower() + text[1:] if _SMALL_OPENING.match(text) else text


def _covers(body: str, subject: str) -> bool:
    """Whether half of the subject's longer words already stand in the description."""
    longer = {word.lower() for word in re.findall(r"\w{4,}", subject)}
    found = {word.lower() for word in re.findall(r"\w{4,}", body)}
    return not longer or 2 * len(longer & found) >= len(longer)


def _choose_lighting(words: str, mood: str, kind: str) -> str:
    phrase = (
        lookbook.first_match(lookbook.LIGHT_BY_WORDS, words)
        or lookbook.first_match(lookbook.LIGHT_BY_WORDS, mood)
        or lookbook.first_match(lookbook.LIGHT_BY_MOOD, mood)
        or lookbook.LIGHT_BY_KIND.get(kind, "soft light from the {side}, feathered shadows")
    )
    return phrase.format(side=_light_side(words))


def _light_side(words: str) -> str:
    """From the left, as most readers expect it, unless a clause about light says otherwise."""
    for clause in re.split(r"[.;,]", words):
        if re.search(r"light|lit\b|sun|lamp|glow|window", clause) and re.search(r"\bright\b", clause):
            return "right"
    return "left"


def _choose_palette(words: str, mood: str, brand: BrandGuide | None) -> tuple[str, ...]:
    """Three to four colours as #rrggbb: the brand's, else those the words name; filled up by the mood's."""
    own = [colour.lower() for colour in (brand.palette if brand else ()) if HEX.fullmatch(colour)]
    own = [colour if len(colour) == 7 else "#" + "".join(2 * digit for digit in colour[1:]) for colour in own]
    names: tuple[str, ...] = lookbook.PALETTE_OTHERWISE
    for pattern, row in lookbook.PALETTE_BY_MOOD:
        if re.search(rf"\b(?:{pattern})\b", mood or words):
            names = row
            break
    colours = unique(own or list(find_colours(words)))[:4]
    if len(colours) < 3:
        colours = unique(colours + [COLOUR_NAMES[name] for name in names])[:4]
    return tuple(colours)


def _choose_composition(words: str, kind: str) -> str:
    return lookbook.first_match(lookbook.PLACE_BY_WORDS, words) or lookbook.PLACE_BY_KIND.get(
        kind, lookbook.PLACE_OTHERWISE
    )


def _brand_rules(brand: BrandGuide | None) -> str:
    if brand is None or not brand.rules:
        return ""
    rules = clip_words(", ".join(as_clause(clean(rule)) for rule in brand.rules), _MOST_RULE_WORDS)
    return f"Brand: {rules}" if rules else ""


def _constraints(words: str, *, wants_text: bool) -> str:
    wants_logo = re.search(r"\b(?:logos?|wordmark|emblem)\b", re.sub(_ABSENT, " ", words))
    refused = ([] if wants_text else ["no text"]) + ["no watermarks"] + ([] if wants_logo else ["no logos"])
    words_wanted = "Words as described, legible and spelled right. " if wants_text else ""
    return words_wanted + as_sentence(", ".join(refused))
