"""The shots that a brief asks for: listed, named in a sentence, only counted, or left to us.

What the brief names is honoured as it stands; what it leaves open (a description, a ratio)
is filled from the brief's own words about the product and its surroundings.
"""

import re
from dataclasses import dataclass

from generation.rules.values import ShotIdea
from generation.studio.brief_lines import Line
from generation.studio.lookbook import RATIO_BY_KIND
from generation.studio.wording import as_clause, clip_words, count_words, split_sentences

KIND_WORDS: tuple[tuple[str, str], ...] = (
    ("hero", r"hero|key visual|banner|header|billboard|cover|masthead|opener|stage image"),
    ("lifestyle", r"lifestyle|in use|at home|candid|on location|in context|people shot"),
    ("detail", r"details?|close-? ?ups?|macro|texture|material shot"),
    ("social", r"social|square|instagram|insta|story|stories|reels?|feed|tiktok|linkedin|pinterest|facebook"),
    ("illustration", r"illustrations?|poster|drawing|vector"),
)
_KINDS = tuple((kind, re.compile(rf"\b(?:{words})\b", re.IGNORECASE)) for kind, words in KIND_WORDS)
_ANY_KIND = re.compile("|".join(rf"\b(?:{words})\b" for _, words in KIND_WORDS), re.IGNORECASE)

_SHOT_NOUNS = r"shots?|shot ?list|images?|visuals?|pictures?|photos?|deliverables?|assets?|motifs?|frames|renders?"
_SHOT_SECTION = re.compile(rf"\b(?:{_SHOT_NOUNS})\b", re.IGNORECASE)
_FIRM_SECTION = re.compile(r"\b(?:shots?|shot ?list|deliverables?|motifs?)\b|\bwe need\b", re.IGNORECASE)
_RULES_SECTION = re.compile(
    r"\b(?:mind|musts?|rules?|don'?ts?|avoid|constraints?|references?|not|legal|mandator\w+)\b", re.IGNORECASE
)

_NUMBERS = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
}
_NUMBER = r"(\d{1,2}|" + "|".join(_NUMBERS) + ")"
_COUNTED = re.compile(rf"\b{_NUMBER}(?: [\w-]+){{0,3}} (?:{_SHOT_NOUNS})\b", re.IGNORECASE)
_COUNT_PREFIX = re.compile(rf"^{_NUMBER}(?: ?x| ×)? (?=\w)", re.IGNORECASE)

_FOR_WHOM = re.compile(r"\s+for (?:the |our |a )?(?:new )?[A-Z][^,;]*$")

# Any shape that is no time of day: minutes have two digits.
_RATIO = re.compile(r"(?<![\d.:])([1-9]\d?(?:\.\d{1,2})?:[1-9]|9:16|10:16|16:10|9:21)(?!\d|:\d)")
_USUAL_RATIOS = ("1:1", "16:9", "9:16", "4:5", "5:4", "3:2", "2:3", "4:3", "3:4", "21:9", "2:1", "1:2")
# Pixels that are further than this from every usual shape are a shape of their own.
_SAME_SHAPE = 0.04
_PIXELS = re.compile(r"\b(\d{3,4}) ?[x×] ?(\d{3,4})\b")
_SHAPES: tuple[tuple[str, str], ...] = (
    (r"square", "1:1"),
    (r"story|stories|reels?|tiktok|vertical video", "9:16"),
    (r"portrait format|upright format|vertical|upright", "4:5"),
    (r"landscape format|horizontal|widescreen|banner|header", "16:9"),
)

_WORDS_IN_PICTURE = re.compile(
    r"\b(?:legible|readable)\b|\b(?:headlines?|slogan|tagline|claim|words?|lettering|text|price"
    r"|typography)\b[^.;]{0,40}\b(?:in|on|across|inside)"
    r" (?:the |this |each |every )?(?:image|picture|poster|visual|photo|label|sign|product|banner|square)s?\b"
    r"|\b(?:reads|reading|saying|says|(?:the|with) (?:words?|text|slogan|headline|claim|tagline"
    r"|lettering))\s*[:]?\s*[\"“'„«‘]",
    re.IGNORECASE,
)
_WORDS_REFUSED = re.compile(
    r"\b(?:no|without|never|not|avoid|do not|don't)\b[^,.;]*"
    r"|\b(?:space|room|place) (?:\w+ ){0,4}for (?:\w+ ){0,3}(?:headlines?|text|copy|claim|slogan|tagline)\b[^.;]*",
    re.IGNORECASE,
)

_MATERIALS = re.compile(
    r"\b(?:matte?|glossy|brushed|polished|knitted|woven|alumini?um|steel|brass|leather|linen|cotton|wool|oak"
    r"|walnut|wood(?:en)?|glass"
    r"|ceramic|clay|concrete|paper|rubber|silicone|fabric|metal|recycled|transparent|anodi[sz]ed|stitched|black"
    r"|white|blue|green|red"
    r"|grey|gray|beige|sand|silver|gold|amber|orange|yellow|pink|brown|midnight|navy|ivory)\b",
    re.IGNORECASE,
)
_WORN = re.compile(
    r"headphone|earbud|watch|shoe|sneaker|boot|jacket|coat|dress|shirt|glasses|ring|necklace|backpack|handbag",
    re.IGNORECASE,
)

# What the campaign says is no picture of anything.
_SAID_FIELDS = frozenset(
    {"say", "message", "key message", "claim", "slogan", "tagline", "headline", "copy", "text", "call to action", "cta"}
)

_OTHERWISE = ("hero", "lifestyle", "detail", "social")
_VARIATIONS = ("seen from the side", "from a low angle", "in the last light of the day")


@dataclass(frozen=True, slots=True)
class _Found:
    """A shot as the brief words it; `title` and `description` may be empty, not both."""

    title: str
    description: str
    kind: str
    ratio: str


def read_kind(text: str) -> str:
    """The kind of shot whose word comes first; other where there is none."""
    matches = [(match.start(), kind) for kind, words in _KINDS if (match := words.search(text))]
    return min(matches)[1] if matches else "other"


def find_shots(lines: list[Line], *, product: str, mood: str, most: int) -> tuple[list[ShotIdea], int]:
    """One to `most` shots in the brief's order, and how many it asks for."""
    asked = _find_listed(lines) or _find_named(lines)
    found = [_read_shot(text) for text in asked[:most]] or _find_in_sentence(lines) or _propose(_find_count(lines))
    appearance = _find_appearance(lines)
    said = {_plain(line.text) for line in lines if line.role == "field" and line.name in _SAID_FIELDS}
    shots: list[ShotIdea] = []
    taken: set[str] = set()
    for shot in found[:most]:
        shows = "" if _plain(shot.description) in said else shot.description
        description = shows or _sentence_about(lines, shot.kind) or _describe(shot.kind, product)
        if not shows and any(earlier.kind == shot.kind for earlier in shots):
            description = f"{description}, {_VARIATIONS[len(shots) % len(_VARIATIONS)]}"
        title = shot.title or shot.kind
        shots.append(
            ShotIdea(
                slug=_slug(title, taken),
                title=title[:1].upper() + title[1:],
                description=_with_product(description, product, appearance),
                mood=mood,
                kind=shot.kind,
                aspect_ratio=shot.ratio,
                wants_text=_wants_words(f"{shot.title}. {shot.description}"),
            )
        )
    return _with_words_asked_elsewhere(shots, lines), max(len(asked), len(found))


def _plain(text: str) -> str:
    """A sentence without what differs when it is written twice: case, quotes, the stop at its end."""
    return text.strip(" .!\"'“”„‘’«»").lower()


def _find_listed(lines: list[Line]) -> list[str]:
    """The items under a heading that speaks of shots."""
    sections: dict[str, list[str]] = {}
    for line in lines:
        if line.role == "item":
            sections.setdefault(line.section, []).append(line.text)
    found: list[str] = []
    for section, items in sections.items():
        if not _SHOT_SECTION.search(section) or _RULES_SECTION.search(section):
            continue
        telling = [item for item in items if _ANY_KIND.search(item) or _RATIO.search(item)]
        if _FIRM_SECTION.search(section) or 2 * len(telling) > len(items):
            found += [item for item in items if not _is_table_head(item)]
    return found


def _is_table_head(text: str) -> bool:
    return (
        bool(re.match(r"(?:shots?|no\.?|nr\.?|#|name|title|image|format)\s*:", text, re.IGNORECASE))
        and count_words(text) <= 8
    )


def _find_named(lines: list[Line]) -> list[str]:
    """Lines that begin with the word of a kind: "Hero: ...", "- Lifestyle, in the kitchen", or the bare word."""
    found: list[str] = []
    for line in lines:
        text = f"{line.name.capitalize()}: {line.text}" if line.role == "field" else line.text
        opening = _ANY_KIND.search(" ".join(text[:200].split()[:3]))
        is_short = line.role in ("item", "field") or count_words(text) <= 6
        if opening and is_short and not _RULES_SECTION.search(line.section) and not _enumerates(text):
            found.append(text)
    return found if len(found) > 1 else []


def _enumerates(text: str) -> bool:
    return len({kind for kind, words in _KINDS if words.search(text)}) >= 2 and count_words(text) <= 14


def _find_in_sentence(lines: list[Line]) -> list[_Found]:
    """ "Four launch shots by lunch: hero, lifestyle, detail, social square." """
    for line in lines:
        text = f"{line.name.capitalize()}: {line.text}" if line.role == "field" else line.text
        for sentence in split_sentences(text):
            if len(_ANY_KIND.findall(sentence[:2_000])) < 2:
                continue
            first = _ANY_KIND.search(sentence)
            colon = sentence.rfind(": ", 0, first.start() if first else 0)
            start = colon + 2 if colon >= 0 else _start_of_part(sentence, first.start() if first else 0)
            parts = re.split(r"[,;/]\s*|\s+(?:and|plus|&|\+)\s+", _FOR_WHOM.sub("", sentence[start:2_000]).rstrip("."))
            found = [shot for part in parts if count_words(part) <= 12 for shot in _read_counted(part.strip())]
            if len(found) > 1:
                return found
    return []


def _start_of_part(sentence: str, position: int) -> int:
    """Where the words of the first kind begin: "a square" and "two lifestyle" belong together."""
    before = re.search(rf"(?:\b{_NUMBER} (?:\w+ )?|\ban? )$", sentence[:position], re.IGNORECASE)
    return before.start() if before else position


def _read_counted(part: str) -> list[_Found]:
    if not _ANY_KIND.search(part):
        return []
    part = re.sub(r"^(?:and|plus|an?|the)\s+", "", part, flags=re.IGNORECASE)
    count = 1
    if prefix := _COUNT_PREFIX.match(part):
        count, part = min(_as_number(prefix.group(1)), 12), part[prefix.end() :]
    shot = _read_shot(part)
    if count < 2:
        return [shot]
    return [_Found(f"{shot.title} {number}", shot.description, shot.kind, shot.ratio) for number in range(1, count + 1)]


def _find_count(lines: list[Line]) -> int:
    for line in lines:
        if match := _COUNTED.search(line.text[:20_000]):
            return max(1, min(_as_number(match.group(1)), 12))
    return len(_OTHERWISE)


def _as_number(text: str) -> int:
    return int(text) if text.isdigit() else _NUMBERS[text.lower()]


def _propose(count: int) -> list[_Found]:
    shots: list[_Found] = []
    for position in range(count):
        kind = _OTHERWISE[position % len(_OTHERWISE)]
        round_number = position // len(_OTHERWISE) + 1
        title = "Social square" if kind == "social" else kind.capitalize()
        shots.append(_Found(f"{title} {round_number}" if round_number > 1 else title, "", kind, RATIO_BY_KIND[kind]))
    return shots


def _read_shot(text: str) -> _Found:
    """Title, description, kind and ratio of one listed shot: "Hero (16:9): the headphones on a plinth"."""
    title, description = "", text
    if parted := re.match(r"^(.{1,80}?)(?::\s+|\s+[-–—]\s+)(\S.*)$", text):
        if count_words(parted.group(1)) <= 8:
            title, description = parted.group(1), parted.group(2)
    elif count_words(text) <= 7:
        title, description = text, ""
    kind = read_kind(title)
    kind = read_kind(description) if kind == "other" else kind
    ratio = _read_ratio(text) or RATIO_BY_KIND[kind]
    title = _without_format(title) or (
        kind.capitalize() if kind != "other" else clip_words(_without_format(description), 6)
    )
    description = _without_format(description)
    if count_words(description) < 3 and not _MATERIALS.search(description):
        description = ""
    return _Found(clip_words(as_clause(title), 10)[:120], clip_words(description, 80), kind, ratio)


def _read_ratio(text: str) -> str:
    if match := _RATIO.search(text):
        return match.group(1)
    if pixels := _PIXELS.search(text):
        return _shape_of(int(pixels.group(1)) / max(1, int(pixels.group(2))))
    for words, ratio in _SHAPES:
        if re.search(rf"\b(?:{words})\b", text, re.IGNORECASE):
            return ratio
    return ""


def _shape_of(wanted: float) -> str:
    """The usual ratio of this width by height, else its own: "3:1", "1.91:1", "1:2.5"."""

    def astray(ratio: str) -> float:
        across, down = (int(side) for side in ratio.split(":"))
        return abs(across / down / wanted - 1)

    nearest = min(_USUAL_RATIOS, key=astray)
    if astray(nearest) <= _SAME_SHAPE:
        return nearest
    return f"{wanted:.3g}:1" if wanted >= 1 else f"1:{1 / wanted:.3g}"


def _without_format(text: str) -> str:
    text = _PIXELS.sub(" ", _RATIO.sub(" ", text))
    text = re.sub(r"\(\s*[,;]?\s*(?:px)?\s*\)", " ", text)
    text = re.sub(r"\(\s*[,;]\s*|\s*[,;]\s*\)", " ", text)
    text = re.sub(r"\s+([,.;:])", r"\1", text)
    return " ".join(text.split()).strip(" ,;:-–—.")


def _wants_words(text: str) -> bool:
    return bool(_WORDS_IN_PICTURE.search(_WORDS_REFUSED.sub(" ", text)))


def _with_words_asked_elsewhere(shots: list[ShotIdea], lines: list[Line]) -> list[ShotIdea]:
    """ "The slogan must be legible in the social square" counts for that shot; without a kind, for the first."""
    if any(shot.wants_text for shot in shots):
        return shots
    for line in lines:
        for sentence in split_sentences(line.text):
            if not _wants_words(sentence[:2_000]):
                continue
            kind = read_kind(sentence)
            chosen = next((position for position, shot in enumerate(shots) if shot.kind == kind), 0)
            return [_marked(shot) if position == chosen else shot for position, shot in enumerate(shots)]
    return shots


def _marked(shot: ShotIdea) -> ShotIdea:
    return ShotIdea(shot.slug, shot.title, shot.description, shot.mood, shot.kind, shot.aspect_ratio, wants_text=True)


def _find_appearance(lines: list[Line]) -> str:
    """The sentence that says most about material and colour of the product."""
    best, most = "", 1
    for line in lines[:2_000]:
        if line.role in ("heading", "item") or line.name in ("mood", "tone", "colours", "colors", "palette"):
            continue
        for sentence in split_sentences(line.text)[:200]:
            score = len({word.lower() for word in _MATERIALS.findall(sentence)})
            is_rule = re.search(r"\b(?:no|never|must|not|light|backdrop|background|palette)\b", sentence, re.IGNORECASE)
            if score > most and not is_rule and count_words(sentence) <= 40:
                best, most = sentence, score
    return clip_words(as_clause(best), 18)


def _sentence_about(lines: list[Line], kind: str) -> str:
    """A sentence elsewhere that speaks of this kind of shot alone, long enough to be a description."""
    words = dict(_KINDS).get(kind)
    if words is None:
        return ""
    for line in lines[:2_000]:
        for sentence in split_sentences(line.text)[:200]:
            if words.search(sentence) and count_words(sentence) >= 8 and not _enumerates_any(sentence):
                return clip_words(
                    as_clause(
                        re.sub(
                            rf"^(?:(?:for|in|as) the {kind}\s*(?:shot|image)?,?|{kind}\s*:)\s*",
                            "",
                            sentence,
                            flags=re.IGNORECASE,
                        )
                    ),
                    60,
                )
    return ""


def _enumerates_any(sentence: str) -> bool:
    return len({kind for kind, words in _KINDS if words.search(sentence)}) >= 2


def _describe(kind: str, product: str) -> str:
    wearing = "wearing" if _WORN.search(product) else "using"
    return {
        "hero": f"{product} standing on a low plinth before a seamless backdrop, the whole product visible",
        "lifestyle": f"a person {wearing} {product} in a lived-in room, seen from the side",
        "detail": f"close-up of {product}, so near that its material can be felt",
        "social": f"{product} alone on a plain ground, large and clear at thumbnail size",
        "illustration": f"poster illustration of {product} in large plain shapes",
    }.get(kind, f"{product} on a plain table, three-quarter view")


def _with_product(description: str, product: str, appearance: str) -> str:
    """Product and looks belong into every description that does not tell them yet."""
    description = description[:1].upper() + description[1:]
    subject = product[:1].upper() + product[1:]
    told = {word.lower() for word in _MATERIALS.findall(description)}
    looks = {word.lower() for word in _MATERIALS.findall(appearance)}
    if looks and len(told & looks) < 2 and count_words(description) + count_words(appearance) <= 60:
        return f"{description}. {subject}: {appearance[:1].lower() + appearance[1:]}"
    names = {word.lower() for word in re.findall(r"\w{4,}", product)} - {"product"}
    if names and not any(name in description.lower() for name in names):
        return f"{description}. {subject}"
    return description


def _slug(title: str, taken: set[str]) -> str:
    plain = "-".join(re.findall(r"[a-z0-9]+", title.lower()))[:60].strip("-") or "shot"
    slug, number = plain, 2
    while slug in taken:
        slug, number = f"{plain}-{number}", number + 1
    taken.add(slug)
    return slug
