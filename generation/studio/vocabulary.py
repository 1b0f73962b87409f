"""Reads a prompt as an art director reads it: kind of scene, subject, light, palette, composition and mood.

The reading is shared by the renderer (what to build) and the critic (what was asked for). It is a dictionary, not a
model: a word that is not in it changes nothing, and no sentence is ever an instruction to anything but the picture.
"""

import re
from dataclasses import dataclass, field

from generation.studio.colours import find_colours
from generation.studio.corrections import CORRECTIVE, Corrections, read_corrections

KINDS: tuple[tuple[str, str], ...] = (
    ("poster", r"illustrat\w*|poster|vector|flat design|screen ?print|linocut|paper ?cut|graphic style|risograph"
               r"|bauhaus"),
    ("flatlay", r"flat[ -]?lay|top[ -]?down|bird'?s[ -]eye|knolling|overhead (?:shot|view|camera|angle)"
                r"|shot from overhead"),
    ("macro", r"macro|extreme close|close[ -]?up|detail (?:shot|of|view)|tight crop|texture detail"),
    ("interior", r"interior|window|living room|bedroom|kitchen|bathroom|café|cafe|loft|apartment|office|home|desk|shelf"
                 r"|table ?top|counter|studio flat|lifestyle|sofa|armchair|morning light|workspace|hotel|restaurant"),
    ("outdoor", r"outdoors?|landscape|mountain\w*|beach|dunes?|desert|forest|meadow|coast\w*|seaside|ocean|lake|valley"
                r"|cliff|rooftop|skyline|city|street|garden|field|horizon line|park|hills?|island|volcano|fjord"),
)  # fmt: skip

SUBJECTS: tuple[tuple[str, str], ...] = (
    ("headphones", r"headphones?|headset|over-ear"),
    ("earbuds", r"earbuds?|earphones?|in-ear"),
    ("bottle", r"bottles?|serum|perfume|fragrance|shampoo|lotion|wine|whisk\w+|olive oil|dropper|flacon|spray"),
    ("jar", r"jars?|balm|face cream|moisturi\w+|candle|tin|pot of"),
    ("bag", r"coffee bags?|pouch\w*|coffee pack\w*|packaging|beans?"),
    ("cup", r"cups?|mugs?|espresso|latte|cappuccino|tea|flat white|coffee"),
    ("shoe", r"shoes?|sneakers?|trainers?|boots?|footwear|loafers?"),
    ("phone", r"phones?|smartphones?|mobile"),
    ("laptop", r"laptops?|notebook computer|macbook|computers?"),
    ("watch", r"(?:wrist)?watch(?:es)?|smartwatch\w*|bracelets?|rings?"),
    ("speaker", r"(?:loud)?speakers?|soundbar|amplifier"),
    ("lamp", r"lamps?|lantern|pendant light|luminaire"),
    ("chair", r"chairs?|stool|armchairs?|seat"),
    ("book", r"books?|magazines?|notebooks?|brochures?"),
    ("box", r"box(?:es)?|cartons?|gift|packages?|parcels?|crate"),
    ("fruit", r"fruits?|oranges|lemons|apples?|citrus|berries"),
    ("plant", r"plants?|monstera|fern|vase|flowers?|bouquet|cactus|leaves"),
    ("person", r"persons?|people|woman|man|portrait|model wearing|listener|athlete|someone|human|bust|figure|runner"),
    ("skyline", r"skyline|city|rooftops?|skyscrapers?|downtown"),
    ("mountains", r"mountains?|peaks?|alps|summit|hills?|valley|dunes?|landscape|coast\w*|desert|beach|sea"),
)  # fmt: skip

# Mood words on four axes from -1 to 1: brightness, warmth, saturation, contrast. The groups follow the corners of
# the pleasure-arousal colour findings of Valdez and Mehrabian (1994): pleasure rises with brightness and
# saturation, arousal with saturation; dominance falls with brightness.
_MOODS: tuple[tuple[str, tuple[float, float, float, float]], ...] = (
    (r"bright|airy|fresh|clean|high[ -]key|luminous|light-filled|crisp|pure|sunlit", (0.8, 0.0, 0.0, -0.1)),
    (r"dark|moody|low[ -]key|nocturnal|night|shadowy|mysterious|noir|brooding", (-0.9, -0.1, -0.1, 0.5)),
    (r"dramatic|bold|powerful|cinematic|intense|striking|epic", (-0.4, 0.0, 0.2, 0.8)),
    (r"warm|cosy|cozy|golden|sunset|sunrise|autumn\w*|candle\w*|homely|inviting|earthy|rustic", (0.05, 0.8, 0.1, 0.0)),
    (r"cool|cold|icy|arctic|winter\w*|crystalline|clinical|nordic|frosty|aqua\w*", (0.1, -0.8, -0.1, 0.0)),
    (r"vibrant|vivid|playful|energetic|joyful|lively|pop|saturated|summer\w*|tropical|exciting", (0.3, 0.1, 0.8, 0.3)),
    (r"muted|calm|serene|quiet|gentle|soft|minimal\w*|pastel|tranquil|dreamy|delicate", (0.25, 0.05, -0.5, -0.5)),
    (r"luxur\w*|premium|elegant|sophisticated|refined|exclusive|opulent", (-0.35, 0.2, -0.15, 0.3)),
    (r"futuristic|tech\w*|neon|electric|cyber\w*|sleek", (-0.4, -0.5, 0.4, 0.4)),
    (r"nostalgic|vintage|retro|melanchol\w*|faded", (-0.05, 0.35, -0.4, -0.2)),
    (r"optimistic|hopeful|uplifting|happy|sunny|cheerful|friendly", (0.6, 0.4, 0.4, 0.0)),
    (r"focus\w*|confident|precise|modern|editorial", (-0.05, -0.1, -0.05, 0.25)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Light:
    """The key light. `azimuth` in degrees: 0 from the camera, 90 from the right, -90 from the left, 180 from behind.

    `elevation` in degrees above the floor, `softness` 0 (bare bulb) to 1 (overcast), `warmth` -1 to 1,
    `rim` 0 to 1 the strength of the light from behind, `pattern` the shadow thrown by a window, blinds or leaves.
    """

    azimuth: float | None = None
    elevation: float | None = None
    softness: float = 0.6
    warmth: float = 0.0
    rim: float = 0.35
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Composition:
    """Where the subject sits. `x` and `y` as shares of the frame, None where the words leave it open.

    `framing`: macro, close, medium, wide. `view`: eye, low, high, overhead. `thirds`: a third, side left open.
    """

    x: float | None = None
    thirds: bool = False
    framing: str = "medium"
    view: str = "eye"
    symmetrical: bool = False
    diagonal: bool = False


@dataclass(frozen=True, slots=True)
class Mood:
    """Four axes from -1 to 1; all zero where no mood word was read."""

    brightness: float = 0.0
    warmth: float = 0.0
    saturation: float = 0.0
    contrast: float = 0.0
    words: int = 0


@dataclass(frozen=True, slots=True)
class Direction:
    """A prompt, read."""

    kind: str
    subjects: tuple[str, ...]
    subject_colour: str | None
    backdrop_colour: str | None
    finish: str
    light: Light
    palette: tuple[str, ...]
    composition: Composition
    mood: Mood
    ground: str = ""  # water, sand or grass, for scenes under an open sky
    corrections: Corrections = field(default_factory=Corrections)


_SENTENCES = re.compile(r"(?<=[.;!?\n])\s+|\n+")
_NEGATION = re.compile(r"\b(?:no|without|avoid(?:ing)?|never|not)\b[^,.;\n]*", re.IGNORECASE)
_CONSTRAINTS = re.compile(r"^\s*(?:negative|avoid|exclude|must not|do not|constraints?)\b", re.IGNORECASE)

# Colours and lamps are no moods: "warm sand" and "soft key light" say nothing of how the picture shall feel.
_PALETTE_SENTENCE = re.compile(r"\b(?:palette|colou?rs?)\b[^.;\n]*", re.IGNORECASE)
_LIGHT_PHRASE = re.compile(
    r"\b(?:soft|warm|cool|cold|gentle|bright|clean|natural)\s+(?:\w+\s+){0,2}(?:light\w*|rim|shadows?|fill|glow)\b"
)


def read_direction(prompt: str) -> Direction:
    """Read a whole prompt. Never fails: an empty prompt is a medium studio shot of an abstract volume."""
    sentences = [
        sentence for sentence in _SENTENCES.split(prompt[:8000]) if sentence and not _CONSTRAINTS.match(sentence)
    ]
    corrective = " ".join(sentence for sentence in sentences if CORRECTIVE.search(sentence))
    base = " ".join(sentence for sentence in sentences if not CORRECTIVE.search(sentence))
    positive = _NEGATION.sub(" ", base).lower()
    scene = _PALETTE_SENTENCE.sub(" ", positive)
    subjects = read_subjects(scene)
    kind = read_kind(scene, subjects)
    return Direction(
        kind=kind,
        subjects=subjects,
        subject_colour=read_subject_colour(positive, subjects),
        backdrop_colour=read_backdrop_colour(positive),
        finish=read_finish(positive),
        light=read_light(positive),
        palette=read_palette(positive),
        composition=read_composition(positive, kind),
        mood=read_mood(_LIGHT_PHRASE.sub(" ", scene)),
        ground=read_ground(scene),
        corrections=read_corrections(corrective),
    )


def read_kind(text: str, subjects: tuple[str, ...]) -> str:
    """Studio unless the words say otherwise; `vista` is an outdoor scene without a thing to sell in it."""
    people_at_sunset = subjects[:1] == ("person",) and re.search(r"golden hour|sunset|sunrise|dusk|dawn|low sun", text)
    for kind, pattern in KINDS:
        if re.search(rf"\b(?:{pattern})\b", text):
            if kind == "interior" and people_at_sunset and not re.search(r"window|room|kitchen|home|desk|sofa", text):
                return "outdoor"
            if kind == "outdoor" and (not subjects or subjects[0] in ("mountains", "skyline")):
                return "vista"
            return kind
    return "outdoor" if people_at_sunset else "studio"


def read_subjects(text: str) -> tuple[str, ...]:
    """Known subjects, the first one the earliest mention; places come after things."""
    found: list[tuple[int, int, str]] = []
    for name, pattern in SUBJECTS:
        match = re.search(rf"\b(?:{pattern})\b", text)
        if match:
            found.append((1 if name in ("mountains", "skyline") else 0, match.start(), name))
    names = [name for _, _, name in sorted(found)]
    # A word may belong to two subjects ("coffee bag" is a bag first, "espresso cup" one cup): the order above decides.
    if "bag" in names and "cup" in names and not re.search(r"\b(?:cups?|mugs?|espresso|latte)\b", text):
        names.remove("cup")
    if "person" in names and "headphones" in names:
        names.remove("person")
        names.insert(0, "person")
    return tuple(names[:3])


def read_subject_colour(text: str, subjects: tuple[str, ...]) -> str | None:
    """A colour named within three words before the first subject: "matte black over-ear headphones"."""
    pattern = dict(SUBJECTS).get(subjects[0]) if subjects else None
    match = re.search(rf"((?:[\w-]+\s+){{1,4}})(?:{pattern})\b", text) if pattern else None
    colours = find_colours(match.group(1)) if match else ()
    return colours[-1] if colours else None


def read_backdrop_colour(text: str) -> str | None:
    """A colour named within three words before the backdrop: "on a bold burnt orange background"."""
    match = re.search(r"((?:[\w#-]+\s+){1,4})(?:background|backdrop|wall|seamless|ground)\b", text)
    colours = find_colours(match.group(1)) if match else ()
    return colours[-1] if colours else None


def read_finish(text: str) -> str:
    """matte, glossy, metal or glass; empty where open."""
    for finish, pattern in (
        ("metal", r"metal\w*|alumini\w+|steel|chrome|brushed|anodi[sz]ed"),
        ("glass", r"glass|transparent|translucent|crystal|frosted"),
        ("glossy", r"gloss\w*|polished|lacquer\w*|shiny|ceramic|porcelain"),
        ("matte", r"matte?|satin|velvet\w*|powder[ -]coated|soft[ -]touch|paper|leather"),
    ):
        if re.search(rf"\b(?:{pattern})\b", text):
            return finish
    return ""


def read_ground(text: str) -> str:
    """What the land is made of; empty where open."""
    for ground, pattern in (
        ("sand", r"dunes?|desert|sandy|beach"),
        ("water", r"lake|sea|ocean|coast\w*|water|fjord|river|bay"),
        ("grass", r"meadow|hills?|field|garden|park|grass|valley|vineyard"),
    ):
        if re.search(rf"\b(?:{pattern})\b", text):
            return ground
    return ""


def read_palette(text: str) -> tuple[str, ...]:
    """The colours of the palette sentence where there is one, else every colour in the text; at most six."""
    named = [
        find_colours(clause)
        for clause in re.split(r"[.;\n]", text)
        if re.search(r"\b(?:palette|colou?rs?|tones|hues)\b", clause)
    ]
    longest = max(named, key=len, default=())
    if len(longest) >= 2:
        return longest[:6]
    return find_colours(text)[:6]


_LIGHT_WORDS = r"light\w*|\blit\b|sun\w*|softbox|window|glow\w*|\bkey\b|backlit|back-lit|golden hour|dusk|dawn|shadow"


def read_light(text: str) -> Light:
    """The lighting direction. Left and right count only in a clause that speaks of light."""
    clauses = " | ".join(clause for clause in re.split(r"[.;,\n]", text) if re.search(_LIGHT_WORDS, clause))
    azimuth: float | None = None
    elevation: float | None = None
    if re.search(r"\bright\b", clauses):
        azimuth = 62.0
    if re.search(r"\bleft\b", clauses):
        azimuth = -62.0
    if re.search(r"back ?-?lit|back ?-?light\w*|behind|contre-jour|silhouett\w*|halo", clauses):
        azimuth = 152.0 if azimuth is None or azimuth > 0 else -152.0
        elevation = 30.0
    if re.search(r"overhead|from above|top ?-?light|top-lit|zenith|\bnoon\b", clauses):
        azimuth, elevation = azimuth or 15.0, 74.0
    golden = re.search(r"golden hour|sunset|sunrise|low sun|dusk|dawn|late afternoon", text)
    if golden and elevation is None:
        elevation = 21.0
    return Light(
        azimuth=azimuth,
        elevation=elevation,
        softness=_read_softness(text),
        warmth=_read_warmth(text, golden=bool(golden)),
        rim=0.9 if re.search(r"rim|edge light|back ?-?lit|back ?-?light|halo|contour", clauses) else 0.35,
        pattern=_read_pattern(text),
    )


def _read_softness(text: str) -> float:
    if re.search(r"hard (?:light|shadow|sun|edge)\w*|harsh|direct sun\w*|crisp shadow\w*|bare bulb|spotlight", text):
        return 0.12
    if re.search(r"diffuse[d]?|overcast|softbox|soft (?:\w+ )?(?:light|shadow)\w*|feathered|cloudy", text):
        return 0.85
    return 0.5


def _read_warmth(text: str, *, golden: bool) -> float:
    if golden or re.search(r"candle\w*|tungsten|warm (?:\w+ )?(?:light|glow|sun)\w*|amber (?:light|glow)", text):
        return 0.75
    if re.search(r"cool (?:\w+ )?(?:light|glow)\w*|moon\w*|blue hour|north light|neon|fluorescent", text):
        return -0.6
    return 0.0


def _read_pattern(text: str) -> str:
    if re.search(r"blinds?|slats?|shutters?|louvre", text):
        return "blinds"
    if re.search(r"dappled|leaf shadow|palm shadow|foliage shadow|leafy shadow|tree shadow|botanical shadow", text):
        return "leaves"
    if re.search(r"window", text):
        return "window"
    return ""


_PLACE_WORDS = (
    r"compos\w*|subject|third|space|placed|position\w*|frame\w*|cent(?:re|er)\w*|symmetr\w*|product|off-cent\w*"
)


def read_composition(text: str, kind: str) -> Composition:
    """Placement, framing and view. Empty space on one side means the subject stands on the other."""
    clauses = [clause for clause in re.split(r"[.;,\n]", text) if re.search(_PLACE_WORDS, clause)]
    x: float | None = None
    thirds = False
    for clause in clauses:
        side = re.search(r"\b(left|right)\b", clause)
        empty = re.search(r"(?:negative|empty|copy|breathing|white) ?space|room for|space for", clause)
        if side and not re.search(r"\blight|\blit\b|shadow|window", clause):
            on_left = (side.group(1) == "left") != bool(empty)
            x = 0.335 if on_left else 0.665
        elif re.search(r"third", clause):
            thirds = True
        elif x is None and re.search(r"\bcent(?:re|er)|symmetr|middle", clause) and "off-cent" not in clause:
            x = 0.5
    return Composition(
        x=x,
        thirds=thirds and x is None,
        framing=_read_framing(text, kind),
        view=_read_view(text, kind),
        symmetrical=bool(re.search(r"symmetr\w*", text)),
        diagonal=bool(re.search(r"diagonal\w*|dutch|dynamic angle|tilted", text)),
    )


def _read_framing(text: str, kind: str) -> str:
    if kind == "macro":
        return "macro"
    if re.search(
        r"\bwide\b|establishing|small in (?:the )?frame|generous (?:negative )?space|vast|negative space", text
    ):
        return "wide"
    if re.search(r"tight|fills? the frame|head and shoulders|hero close|frame-filling", text):
        return "close"
    return "medium"


def _read_view(text: str, kind: str) -> str:
    if kind == "flatlay":
        return "overhead"
    if re.search(r"low[ -]angle|hero angle|worm'?s|from below|looking up", text):
        return "low"
    if re.search(r"high[ -]angle|three[ -]quarter top|looking down|45[ -]degree", text):
        return "high"
    return "eye"


def read_mood(text: str) -> Mood:
    """Mean of the mood words on each axis, so that one more word never pushes past the strongest."""
    lowered = text.lower()
    rows = [axes for pattern, axes in _MOODS if re.search(rf"\b(?:{pattern})\b", lowered)]
    if not rows:
        return Mood()
    # Axes on which a group is silent do not dilute the others.
    means: list[float] = []
    for axis in range(4):
        values = [row[axis] for row in rows if row[axis]]
        means.append(sum(values) / len(values) if values else 0.0)
    return Mood(means[0], means[1], means[2], means[3], len(rows))
