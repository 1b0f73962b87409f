"""Colour arithmetic of the local studio: names, hex, linear light and CIELAB.

Sources: sRGB transfer function and primaries, IEC 61966-2-1:1999; CIELAB and the D65 white point, CIE 15:2018.
"""

import re
from functools import cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Rgb = tuple[float, float, float]

COLOUR_NAMES: dict[str, str] = {
    "off-white": "#f4efe6", "off white": "#f4efe6", "warm white": "#f7f1e6", "cool white": "#eef3f6",
    "ivory": "#f5eedc",
    "cream": "#f3e6cd", "bone": "#e6dcca", "eggshell": "#efe7d6", "alabaster": "#efe9df", "pearl": "#e8e4dc",
    "white": "#f5f4f1", "snow": "#f6f8fa", "chalk": "#ecebe4", "linen": "#ebe1d1", "oat": "#dccfb8", "beige": "#dcc9ac",
    "sand": "#d9c2a0", "sandstone": "#cdb08a", "taupe": "#9c8a78", "khaki": "#b3a77c", "camel": "#bf9567",
    "caramel": "#b9743a", "honey": "#d99a2b", "amber": "#d98a1f", "ochre": "#c5862b", "mustard": "#d0a12c",
    "saffron": "#eaa221", "lemon": "#f0dc4e", "yellow": "#f2c83a", "rose gold": "#c98f7c", "gold": "#c9a14a",
    "brass": "#b08d47", "bronze": "#8c6239", "copper": "#b8703f", "rust": "#a6492a", "burnt orange": "#c2571f",
    "terracotta": "#c4633f", "terra cotta": "#c4633f", "clay": "#b5694a", "brick": "#9b4532", "orange": "#e8832a",
    "apricot": "#f0b184", "peach": "#f3b795", "coral": "#ee7a62", "salmon": "#ec8b77", "blush": "#ecc5b8",
    "dusty rose": "#c98d8b", "rose": "#d77f8c", "pink": "#eda3b0", "fuchsia": "#cc2f83", "magenta": "#c22e7d",
    "crimson": "#a81c33", "scarlet": "#c8281f", "red": "#c8322b", "burgundy": "#6a1b2c", "wine": "#641f30",
    "maroon": "#6a2026", "plum": "#5f2b4c", "aubergine": "#3d2138", "mauve": "#a98aa3", "lilac": "#bda6cf",
    "lavender": "#b6a9d6", "violet": "#6e4fa3", "purple": "#5f3b8c", "indigo": "#343a7e", "midnight blue": "#161d3a",
    "midnight": "#141a30", "navy": "#1b2748", "cobalt": "#1f4aa8", "royal blue": "#2b50b4", "electric blue": "#2f6bff",
    "ice blue": "#cfe2ec", "powder blue": "#b5ccdc", "sky blue": "#8bbbe0", "sky": "#9cc6e4", "steel blue": "#55789b",
    "slate blue": "#56658a", "azure": "#3f8fd6", "cyan": "#35b3cf", "blue": "#2f63b8", "petrol": "#155561",
    "teal": "#1f7a7a", "turquoise": "#37b0a6", "aqua": "#7cc9c6", "mint": "#b4dfc8", "seafoam": "#9fd3be",
    "sage": "#a3b18a", "eucalyptus": "#7f9a85", "olive": "#75753a", "moss": "#66713b", "forest green": "#264c36",
    "forest": "#264c36", "emerald": "#1d7a55", "bottle green": "#174034", "lime": "#a9ca3c", "green": "#4d8a52",
    "chocolate": "#4d2e1f", "espresso": "#33211a", "coffee": "#5a3d2b", "mocha": "#7a5a46", "walnut": "#5f4431",
    "oak": "#b08a5b", "chestnut": "#733e25", "tan": "#c7a377", "brown": "#6f4a32", "silver": "#bfc3c7",
    "platinum": "#d8d8d6", "ash": "#b5b3ad", "pewter": "#8b8e92", "stone": "#aaa294", "concrete": "#a09d97",
    "graphite": "#3b3e43", "charcoal": "#2e3033", "slate": "#4c5661", "gunmetal": "#33383d", "onyx": "#17181b",
    "jet black": "#101114", "black": "#17181a", "ink": "#171c2b", "light grey": "#cfcfcd", "light gray": "#cfcfcd",
    "dark grey": "#3c3d40", "dark gray": "#3c3d40", "grey": "#8c8d8f", "gray": "#8c8d8f",
}  # fmt: skip

HEX = re.compile(r"#([0-9a-f]{6}|[0-9a-f]{3})\b", re.IGNORECASE)
# Longest names first, so that "rose gold" is not read as "rose"; light and place words that only look like colours are
# excluded ("golden hour" never matches "gold"; "sky line", "gold standard" are rare enough to accept).
_NAMES = re.compile(
    r"(?<![\w#-])(" + "|".join(re.escape(name) for name in sorted(COLOUR_NAMES, key=len, reverse=True)) + r")(?![\w-])",
    re.IGNORECASE,
)


def parse_hex(text: str) -> Rgb:
    """'#rrggbb' or '#rgb' to sRGB 0..1. Raises ValueError for anything else."""
    match = HEX.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"“{text}” is not a colour like #d9c2a0.")
    digits = match.group(1)
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    return (int(digits[0:2], 16) / 255, int(digits[2:4], 16) / 255, int(digits[4:6], 16) / 255)


def find_colours(text: str) -> tuple[str, ...]:
    """Colours named in a text, as #rrggbb in the order of mention, without repeats.

    Where a name stands right before a hex value ("sand #d9c2a0") only the hex value counts: it is the more exact one.
    """
    found: list[tuple[int, str]] = [(match.start(), match.group(0).lower()) for match in HEX.finditer(text)]
    for match in _NAMES.finditer(text):
        following = text[match.end() : match.end() + 3]
        if "#" not in following:
            found.append((match.start(), COLOUR_NAMES[match.group(1).lower()]))
    ordered: list[str] = []
    for _, value in sorted(found):
        if value not in ordered:
            ordered.append(value)
    return tuple(ordered)


def to_linear(srgb: npt.ArrayLike) -> Floats:
    """sRGB 0..1 to linear light 0..1 (IEC 61966-2-1), any shape."""
    value = np.asarray(srgb, dtype=np.float32)
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


def to_srgb(linear: npt.ArrayLike) -> Floats:
    """Linear light to sRGB 0..1 (IEC 61966-2-1), clipped, any shape."""
    value = np.clip(np.asarray(linear, dtype=np.float32), 0, 1)
    return np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055).astype(np.float32)


@cache
def _encoding_table() -> npt.NDArray[np.float32]:
    """sRGB code values 0..255 for 8192 linear steps: a look-up is ten times faster than a power for a megapixel."""
    return (to_srgb(np.linspace(0, 1, 8192, dtype=np.float32)) * 255).astype(np.float32)


def encode(linear: Floats) -> Floats:
    """Linear light to sRGB code values 0..255 as floats (not rounded, so that grain can dither), any shape."""
    index = np.clip(linear * 8191, 0, 8191).astype(np.int32)
    return _encoding_table()[index]


@cache
def _decoding_table() -> npt.NDArray[np.float32]:
    return to_linear(np.arange(256, dtype=np.float32) / 255)


def decode(codes: npt.NDArray[np.uint8]) -> Floats:
    """sRGB code values 0..255 to linear light, any shape."""
    return _decoding_table()[codes]


_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]],
    dtype=np.float32,
)
_WHITE = np.array([0.95047, 1.0, 1.08883], dtype=np.float32)


def to_lab(linear: npt.ArrayLike) -> Floats:
    """Linear sRGB (last axis 3) to CIELAB (L 0..100, a, b), D65."""
    xyz = (np.asarray(linear, dtype=np.float32) @ _TO_XYZ.T) / _WHITE
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack(
        [116 * root[..., 1] - 16, 500 * (root[..., 0] - root[..., 1]), 200 * (root[..., 1] - root[..., 2])], axis=-1
    ).astype(np.float32)


def from_lab(lab: npt.ArrayLike) -> Floats:
    """CIELAB to linear sRGB, clipped to 0..1."""
    value = np.asarray(lab, dtype=np.float32)
    fy = (value[..., 0] + 16) / 116
    root = np.stack([fy + value[..., 1] / 500, fy, fy - value[..., 2] / 200], axis=-1)
    xyz = np.where(root > 0.206893, root**3, (root - 16 / 116) / 7.787) * _WHITE
    return np.clip(xyz @ np.linalg.inv(_TO_XYZ).T, 0, 1).astype(np.float32)


def hex_to_linear(text: str) -> Floats:
    """'#rrggbb' to linear light, shape (3,)."""
    return to_linear(parse_hex(text))


def hex_to_lab(text: str) -> Floats:
    """'#rrggbb' to CIELAB, shape (3,)."""
    return to_lab(hex_to_linear(text))


def luminance(linear: Floats) -> Floats:
    """Relative luminance Y of linear sRGB (last axis 3)."""
    return (linear @ _TO_XYZ[1]).astype(np.float32)
