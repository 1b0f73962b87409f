"""ThumbHash: a picture in 24 to 36 characters, and back to a tiny picture in the page itself.

So the first byte of a page already shows something. Format: evanw/thumbhash. Written with
numpy, forty times faster than the `thumbhash` package, which the tests compare with; that
one also fails on transparency, and its decoder prints to the console.
"""

import base64
import binascii
from functools import lru_cache
from io import BytesIO
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Seven waves an edge need no more; the browser smooths the rest.
_EDGE = 16
# What the encoder looks at: the hash keeps at most seven waves an edge. At least three waves
# are read from either edge, so fewer samples than five would fold them into each other.
_SAMPLES, _FEWEST_SAMPLES = 32, 5


def thumbhash(image: Image.Image) -> str:
    """The ThumbHash in base64, up to 36 characters. `image` is RGB or RGBA."""
    scale = _SAMPLES / max(image.size)
    width, height = (max(_FEWEST_SAMPLES, round(edge * scale)) for edge in image.size)
    small = image.resize((width, height), Image.Resampling.BOX).convert("RGBA")
    pixels = np.frombuffer(small.tobytes(), dtype=np.uint8).reshape(height, width, 4) / 255
    return base64.b64encode(_encode(pixels)).decode("ascii")


@lru_cache(maxsize=4096)
def placeholder_data_uri(thumbhash_b64: str) -> str:
    """`data:image/png;base64,...` of at most 16 pixels an edge; an empty string where there is no valid hash."""
    try:
        encoded = base64.b64decode(thumbhash_b64, validate=True)
        image = _decode(encoded)
    except (binascii.Error, ValueError, IndexError):
        return ""
    target = BytesIO()
    image.save(target, "PNG")
    return "data:image/png;base64," + base64.b64encode(target.getvalue()).decode("ascii")


def average_colour(thumbhash_b64: str) -> str:
    """`#rrggbb`, the mean of the picture, from the first bytes of its hash; "" where there is no valid hash."""
    return _colour_of(thumbhash_b64[:4]) if len(thumbhash_b64) >= 8 else ""


@lru_cache(maxsize=1 << 14)
def _colour_of(first_bytes: str) -> str:
    """Pictures of one campaign resemble each other: most of their colours were worked out before."""
    try:
        header = int.from_bytes(binascii.a2b_base64(first_bytes), "little")
    except (binascii.Error, ValueError):
        return ""
    light, yellow_blue, red_green = (header & 63) / 63, (header >> 6 & 63) / 31.5 - 1, (header >> 12 & 63) / 31.5 - 1
    blue = light - 2 / 3 * yellow_blue
    red = (3 * light - blue + red_green) / 2
    return f"#{_byte(red):02x}{_byte(red - red_green):02x}{_byte(blue):02x}"


def _byte(part: float) -> int:
    return min(255, max(0, round(part * 255)))


def _encode(pixels: NDArray[np.float64]) -> bytes:
    """The hash of height x width x RGBA, 0 to 1."""
    height, width, _ = pixels.shape
    alpha = pixels[..., 3]
    has_alpha = bool(alpha.min() < 1)
    average = (pixels[..., :3] * alpha[..., None]).sum(axis=(0, 1)) / (alpha.sum() or 1)
    red, green, blue = np.moveaxis(average * (1 - alpha[..., None]) + pixels[..., :3] * alpha[..., None], -1, 0)
    longest = 5 if has_alpha else 7
    across, down = (max(1, round(longest * edge / max(width, height))) for edge in (width, height))

    light = _waves((red + green + blue) / 3, max(3, across), max(3, down))
    yellow_blue = _waves((red + green) / 2 - blue, 3, 3)
    red_green = _waves(red - green, 3, 3)
    is_landscape = width > height
    header = round(63 * light.mean) | round(31.5 + 31.5 * yellow_blue.mean) << 6
    header |= round(31.5 + 31.5 * red_green.mean) << 12 | round(31 * light.scale) << 18 | has_alpha << 23
    shape = (down if is_landscape else across) | round(63 * yellow_blue.scale) << 3
    shape |= round(63 * red_green.scale) << 9 | is_landscape << 15
    encoded = bytearray(header.to_bytes(3, "little") + shape.to_bytes(2, "little"))
    nibbles = [*light.nibbles, *yellow_blue.nibbles, *red_green.nibbles]
    if has_alpha:
        opacity = _waves(alpha, 5, 5)
        encoded.append(round(15 * opacity.mean) | round(15 * opacity.scale) << 4)
        nibbles += opacity.nibbles
    nibbles += [0] * (len(nibbles) % 2)
    encoded += bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))
    return bytes(encoded)


class _Waves(NamedTuple):
    mean: float
    scale: float
    nibbles: list[int]


def _waves(values: NDArray[np.float64], across: int, down: int) -> _Waves:
    """The low half of the discrete cosine transform of one channel."""
    height, width = values.shape
    transformed = _cosines(height, down).T @ values @ _cosines(width, across) / values.size
    kept = [float(transformed[row, column]) for row, column in _kept(across, down)]
    scale = max(map(abs, kept), default=0.0)
    nibbles = [round(15 * (0.5 + 0.5 / scale * wave)) if scale else 0 for wave in kept]
    return _Waves(float(transformed[0, 0]), scale, nibbles)


def _cosines(samples: int, waves: int) -> NDArray[np.float64]:
    return np.cos(np.pi / samples * np.outer(np.arange(samples) + 0.5, np.arange(waves)))


def _kept(across: int, down: int) -> list[tuple[int, int]]:
    """Row and column of the waves in a hash, in its order: the triangle of the low ones, without the mean."""
    return [
        (row, column)
        for row in range(down)
        for column in range(across)
        if (row or column) and column * down < across * (down - row)
    ]


def _decode(encoded: bytes) -> Image.Image:
    header = int.from_bytes(encoded[:3], "little")
    shape = int.from_bytes(encoded[3:5], "little")
    if len(encoded) < 5:
        raise ValueError("a ThumbHash has at least five bytes")
    has_alpha, is_landscape = bool(header >> 23), bool(shape >> 15)
    longest, shortest = 5 if has_alpha else 7, max(1, shape & 7)
    across, down = (longest, shortest) if is_landscape else (shortest, longest)
    width = _EDGE if across > down else max(1, round(_EDGE * across / down))
    height = _EDGE if across <= down else max(1, round(_EDGE * down / across))

    nibbles = _Nibbles(encoded, start=6 if has_alpha else 5)
    light = nibbles.channel((header & 63) / 63, (header >> 18 & 31) / 31, max(3, across), max(3, down), width, height)
    yellow_blue = nibbles.channel((header >> 6 & 63) / 31.5 - 1, (shape >> 3 & 63) / 63 * 1.25, 3, 3, width, height)
    red_green = nibbles.channel((header >> 12 & 63) / 31.5 - 1, (shape >> 9 & 63) / 63 * 1.25, 3, 3, width, height)
    blue = light - 2 / 3 * yellow_blue
    red = (3 * light - blue + red_green) / 2
    layers = [red, red - red_green, blue]
    if has_alpha:
        layers.append(nibbles.channel((encoded[5] & 15) / 15, (encoded[5] >> 4) / 15, 5, 5, width, height))
    pixels = np.clip(np.stack(layers, axis=-1) * 255, 0, 255).round().astype(np.uint8)
    return Image.frombytes("RGBA" if has_alpha else "RGB", (width, height), pixels.tobytes())


class _Nibbles:
    """Reads the waves of one channel after another, four bits each."""

    def __init__(self, encoded: bytes, *, start: int) -> None:
        self._encoded = encoded
        self._index = start * 2

    def channel(
        self, mean: float, scale: float, across: int, down: int, width: int, height: int
    ) -> NDArray[np.float64]:
        """Values of one channel, height x width; 0 to 1 for light, -1 to 1 for the colour axes."""
        waves = np.zeros((down, across))
        for row, column in _kept(across, down):
            waves[row, column] = self._next() * scale * 2
        waves[0, 0] = mean
        return _cosines(height, down) @ waves @ _cosines(width, across).T

    def _next(self) -> float:
        byte = self._encoded[self._index >> 1]
        value = (byte >> 4 if self._index & 1 else byte & 15) / 7.5 - 1
        self._index += 1
        return value
