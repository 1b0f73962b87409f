"""What the studio's writer knows about light, colour and placement: tables, read from the top, first match wins.

The phrases are chosen so that any image model understands them and the local renderer
reads them without doubt (vocabulary.py). They are an art director's rules of thumb:
light from one named side, three or four colours of which one is dark and one a touch of
accent, the subject off-centre where a headline needs room.
"""

import re

# Where the words already name their light, that light is used; then the mood; then the kind of shot.
LIGHT_BY_WORDS: tuple[tuple[str, str], ...] = (
    (
        r"back-? ?lit|backlight\w*|(?:light|lit|sun) from behind|silhouette\w*",
        "backlit, bright rim light along the edges, soft fill from the front",
    ),
    (
        r"golden hour|golden light|sunset|sunrise|early evening|late afternoon|low and golden",
        "golden hour, low warm sun from the {side}, long soft shadows",
    ),
    (r"dawn|first light|early morning|dusk|blue hour", "low light at dawn from the {side}, cool shadows"),
    (r"candle\w*|fireside|lamp ?light|tungsten", "one warm glow from the {side}, deep shadows"),
    (r"neon|night\w*|nocturnal", "rim light from the right against a dark ground, cool glow, hard edges"),
    (r"window", "window light from the {side}, gentle shadows"),
    (r"overcast|diffused?|cloudy|shade", "soft overhead light, diffuse, hardly any shadow"),
    (r"hard light|direct sun\w*|noon|midday|harsh|spotlight", "hard light from the {side}, crisp shadows"),
    (r"overhead light|light from above|top ?-?light", "soft overhead light, bright and even"),
    (r"softbox|studio light\w*", "lit from the {side} by a large softbox, feathered shadows"),
)

LIGHT_BY_MOOD: tuple[tuple[str, str], ...] = (
    (
        r"dramatic|bold|dark|moody|cinematic|intense|powerful|mysterious|epic|low-key",
        "hard light from the {side}, rim light on the far edge, deep shadows",
    ),
    (r"futuristic|sleek|electric|tech\w*|cyber\w*", "cool light from the {side}, thin rim light"),
    (
        r"warm|cosy|cozy|golden|homely|autumn\w*|inviting|rustic|nostalgic|vintage|romantic",
        "golden hour, low warm sun from the {side}, long soft shadows",
    ),
    (
        r"premium|luxur\w*|elegant|refined|exclusive|sophisticated",
        "lit from the {side} by one large softbox, rim light on the far edge",
    ),
    (
        r"energetic|playful|vibrant|vivid|joyful|lively|summer\w*|fun|bold",
        "hard sunlight from the {side}, clean crisp shadows",
    ),
    (
        r"bright|fresh|clean|airy|pure|crisp|optimistic|hopeful|friendly",
        "soft overhead light, bright and even, pale shadows",
    ),
    (r"cool|cold|icy|winter\w*|nordic|clinical|precise|focus\w*", "cool soft light from the {side}, clear edges"),
    (
        r"calm|serene|quiet|gentle|soft|minimal\w*|muted|dreamy|tranquil|natural|honest|confident",
        "soft light from the {side}, feathered shadows",
    ),
)

LIGHT_BY_KIND: dict[str, str] = {
    "hero": "lit from the {side} by one large softbox, rim light on the far edge",
    "lifestyle": "window light from the {side}, gentle shadows",
    "detail": "low light from the {side} across the surface, soft highlights",
    "social": "soft overhead light, even on all sides",
    "illustration": "flat even light, no cast shadows",
}

# Dark ground, two tones, one accent. Names of the studio's colour table.
PALETTE_BY_MOOD: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"dramatic|dark|moody|cinematic|mysterious|night\w*|intense|epic", ("onyx", "charcoal", "pewter", "amber")),
    (r"luxur\w*|premium|elegant|refined|exclusive|opulent|sophisticated", ("ink", "taupe", "bone", "brass")),
    (r"futuristic|tech\w*|neon|electric|cyber\w*|sleek", ("midnight", "indigo", "ice blue", "electric blue")),
    (r"warm|cosy|cozy|golden|homely|autumn\w*|inviting|rustic|earthy", ("walnut", "sand", "warm white", "terracotta")),
    (r"vibrant|vivid|playful|energetic|joyful|lively|summer\w*|fun|bold", ("cobalt", "coral", "lemon", "warm white")),
    (r"nostalgic|vintage|retro|melanchol\w*|faded", ("mocha", "dusty rose", "oat", "olive")),
    (r"dreamy|pastel|delicate|romantic|tender", ("mauve", "blush", "powder blue", "pearl")),
    (r"cool|cold|icy|winter\w*|nordic|clinical|aqua\w*", ("pewter", "ice blue", "cool white", "teal")),
    (r"natural|organic|botanical|honest|sustainable|green", ("forest green", "sage", "linen", "clay")),
    (r"optimistic|hopeful|happy|sunny|cheerful|friendly|uplifting", ("sky blue", "honey", "warm white", "coral")),
    (r"bright|clean|airy|pure|crisp|fresh|light", ("graphite", "pearl", "snow", "sky blue")),
    (r"calm|serene|quiet|gentle|soft|minimal\w*|muted|tranquil|understated", ("pewter", "stone", "linen", "sage")),
    (r"focus\w*|confident|precise|modern|editorial|professional", ("graphite", "azure", "light grey", "amber")),
)
PALETTE_OTHERWISE = ("graphite", "stone", "off-white", "amber")

PLACE_BY_WORDS: tuple[tuple[str, str], ...] = (
    (
        r"flat ?-?lay|from above|top-? ?down|bird'?s[ -]eye|knolling",
        "flat lay from above, objects in neat order, empty space at the edges",
    ),
    (
        r"(?:empty|negative|copy|free) space (?:on|to|at) the right|(?:on|in|to) the left third|subject (?:on"
        r"|to) the left|(?:room|space|air)\b[^.;,]{0,40} (?:on|to|at) the right|(?:far|hard) left",
        "subject on the left third, empty space on the right",
    ),
    (
        r"(?:empty|negative|copy|free) space (?:on|to|at) the left|(?:on|in|to) the right third|subject (?:on"
        r"|to) the right|(?:room|space|air)\b[^.;,]{0,40} (?:on|to|at) the left|(?:far|hard) right",
        "subject on the right third, empty space on the left",
    ),
    (r"symmetr\w*", "centered, symmetrical, even empty space on all sides"),
    (r"close-? ?up|macro|tight crop", "close-up, fills the frame, plain blurred ground above"),
    (r"low angle|from below|looking up", "low angle, subject on the left third, empty space on the right"),
    (r"cent(?:re|er)ed|in the (?:middle|centre|center)", "centered, empty space above and below"),
)

PLACE_BY_KIND: dict[str, str] = {
    "hero": "low angle, subject on the left third, empty space on the right",
    "lifestyle": "eye level, subject on the right third, empty space on the left",
    "detail": "close-up, fills the frame, plain blurred ground above",
    "social": "centered, symmetrical, even empty space on all sides",
    "illustration": "large plain shapes, centered, wide empty margins",
}
PLACE_OTHERWISE = "subject on the left third, empty space on the right"

RATIO_BY_KIND: dict[str, str] = {
    "hero": "16:9",
    "lifestyle": "3:2",
    "detail": "4:5",
    "social": "1:1",
    "illustration": "4:5",
    "other": "1:1",
}

# Abstract nouns cannot be photographed; each gets a thing that can.
CONCRETE: tuple[tuple[str, str], ...] = (
    (r"freedom|independence|possibilit\w+", "an open horizon under a wide sky"),
    (r"innovation|technology|progress|future", "one precisely made object on a plain plinth"),
    (r"growth|sustainab\w+|ecolog\w+", "a young green plant in a clay pot"),
    (r"connection|community|together\w*|collaboration|team\w*", "two chairs turned towards each other at one table"),
    (r"silence|quiet|calm|rest|sleep|mindful\w*|wellbeing", "an empty armchair beside a still curtain"),
    (r"focus|productiv\w+|clarity|work", "a cleared desk with one lamp and one notebook"),
    (r"speed|performance|energy|power", "a running shoe on a wet track"),
    (r"trust|security|privacy|safety", "a closed box with a brass clasp on a table"),
    (r"learning|education|knowledge|ideas?", "an open book under a lamp"),
    (r"travel|journey|adventure|discover\w*", "a packed bag at the edge of a mountain path"),
)


def first_match(table: tuple[tuple[str, str], ...], text: str) -> str:
    """The value of the first row of which a word stands in the text (lower case); empty where none does."""
    for pattern, value in table:
        if re.search(rf"\b(?:{pattern})\b", text):
            return value
    return ""
