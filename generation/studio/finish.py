"""The darkroom: depth of field, bloom, tone curve, vignette, grain and the small label that says what a picture is.

Tone curve: linear to 0.72, then an exponential shoulder: palette colours keep their value and only lights roll off.
"""

from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from generation.studio.colours import Floats, encode, luminance


def resized(plane: Floats, width: int, height: int, method: Image.Resampling = Image.Resampling.BILINEAR) -> Floats:
    """A float picture (h, w) or (h, w, channels) at another size."""
    if plane.ndim == 2:
        return np.asarray(
            Image.fromarray(np.ascontiguousarray(plane, dtype=np.float32)).resize((width, height), method)
        )
    return np.stack([resized(plane[..., channel], width, height, method) for channel in range(plane.shape[2])], axis=-1)


def blurred(picture: Floats, radius: float) -> Floats:
    """A soft blur of about `radius` pixels: shrink with a box, smooth, enlarge bicubically. Cheap at any radius."""
    height, width = picture.shape[:2]
    factor = max(1.0, radius / 1.6)
    small = resized(picture, max(2, round(width / factor)), max(2, round(height / factor)), Image.Resampling.BOX)
    for axis in (0, 1):
        pad = [(1, 1) if a == axis else (0, 0) for a in range(small.ndim)]
        edge = np.pad(small, pad, mode="edge")
        low, high = (
            np.take(edge, range(small.shape[axis]), axis),
            np.take(edge, range(2, small.shape[axis] + 2), axis),
        )
        small = ((low + 2 * small + high) / 4).astype(np.float32)
    return resized(small, width, height, Image.Resampling.BICUBIC)


def focus(picture: Floats, depth: Floats, *, near: float, spread: float, strength: float) -> Floats:
    """Blur by distance from the plane of focus: sharp within `spread` of `near`, at most `strength` pixels.

    The blur is weighted by how far out of focus each pixel is, so that a sharp subject does not smear backwards.
    """
    away = np.clip((np.abs(depth - near) - spread) / (2.2 * spread + 1e-3), 0, 1).astype(np.float32)[..., None]
    weight = away + np.float32(0.004)
    weighted = picture * weight

    def spread_out(radius: float) -> Floats:
        total = np.maximum(blurred(weight[..., 0], radius), np.float32(1e-3))
        return (blurred(weighted, radius) / total[..., None]).astype(np.float32)

    slightly, fully = spread_out(strength * 0.45), spread_out(strength)
    first, second = np.clip(away * 2, 0, 1), np.clip(away * 2 - 1, 0, 1)
    return picture * (1 - first) + first * (slightly * (1 - second) + fully * second)


def foreground(picture: Floats, colour: Floats, rng: np.random.Generator) -> Floats:
    """Something close to the lens and far out of focus in a lower corner: a leaf, an edge, a shoulder."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[0 : 1 : complex(max(2, height // 8)), 0 : 1 : complex(max(2, width // 8))].astype(np.float32)
    side = 0.0 if rng.random() < 0.5 else 1.0
    veil = np.zeros_like(x)
    for _ in range(3):
        angle = float(rng.uniform(-0.9, 0.9))
        u, v = (x - side) * width / height, y - float(rng.uniform(0.9, 1.15))
        along, across = u * np.cos(angle) + v * np.sin(angle), v * np.cos(angle) - u * np.sin(angle)
        veil = np.maximum(
            veil,
            np.clip(1.25 - ((along / rng.uniform(0.2, 0.34)) ** 2 + (across / rng.uniform(0.07, 0.12)) ** 2), 0, 1),
        )
    cover = (
        np.clip(resized(blurred(veil.astype(np.float32), 2.4), width, height, Image.Resampling.BICUBIC), 0, 1)[
            ..., None
        ]
        * 0.85
    )
    return picture * (1 - cover) + colour * cover


def bloom(picture: Floats, amount: float) -> Floats:
    """Lights spill a little, as through a real lens."""
    bright = np.clip(picture - 0.75, 0, 2)
    size = max(picture.shape[:2])
    spill = blurred(bright, size / 90) + np.float32(0.6) * blurred(bright, size / 24)
    return (picture + np.float32(amount) * spill).astype(np.float32)


def tone(
    picture: Floats, *, exposure: float, contrast: float, saturation: float, shadows: float, highlights: float
) -> Floats:
    """Exposure in stops, contrast around middle grey, saturation around luminance; shoulder above 0.72. Result 0..1."""
    value = picture * np.float32(2.0**exposure)
    if contrast:
        middle = np.float32(0.22)
        grey = np.maximum(luminance(value), 1e-4)[..., None]
        value = value * (grey / middle) ** np.float32(0.55 * contrast)
    if shadows:
        grey = luminance(value)[..., None]
        value = value + np.float32(0.10 * shadows) * np.exp(-grey * 6)
    if saturation:
        grey = luminance(value)[..., None]
        value = np.maximum(grey + (value - grey) * np.float32(1 + saturation), 0)
    knee = np.float32(0.72 - 0.2 * highlights)
    over = np.maximum(value - knee, 0)
    return np.where(value > knee, knee + (1 - knee) * (1 - np.exp(-over / (1 - knee))), value).astype(np.float32)


@cache
def _radius_map(width: int, height: int) -> Floats:
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return (((x / width - 0.5) * 2) ** 2 + ((y / height - 0.5) * 2) ** 2) / 2


def vignette(picture: Floats, amount: float) -> Floats:
    """Darken the corners: cosine-fourth like fall-off."""
    height, width = picture.shape[:2]
    return picture * (1 - np.float32(amount) * _radius_map(width, height) ** 1.3)[..., None]


def develop(linear: Floats, *, rng: np.random.Generator, grain: float) -> Image.Image:
    """Linear 0..1 to an 8-bit RGB picture. Grain strongest in the middle tones, and always enough to stop banding."""
    codes = encode(linear)
    height, width = codes.shape[:2]
    noise = rng.standard_normal((height, width), dtype=np.float32)
    noise = 0.72 * noise + 0.28 * np.roll(noise, 1, axis=0) + 0.28 * np.roll(noise, 1, axis=1)
    middle = codes[..., 1] / 255
    strength = 0.55 + grain * 1.5 * (1 - (2 * middle - 1) ** 2)
    codes += (noise * strength)[..., None]
    return Image.fromarray(np.clip(codes + 0.5, 0, 255).astype(np.uint8), "RGB")


def label(picture: Image.Image) -> Image.Image:
    """Write a small “comp” in the lower right corner, in the tone of what lies under it."""
    size = max(9, round(min(picture.size) / 64))
    font = ImageFont.load_default(size)
    draw = ImageDraw.Draw(picture, "RGBA")
    left, top, right, bottom = draw.textbbox((0, 0), "comp", font=font)
    x, y = picture.width - (right - left) - 1.4 * size, picture.height - (bottom - top) - 1.5 * size
    patch = (
        picture.crop((int(x), int(y), picture.width, picture.height)).convert("L").resize((1, 1), Image.Resampling.BOX)
    )
    tone_under = int(np.asarray(patch)[0, 0])
    draw.text(
        (x - left, y - top), "comp", font=font, fill=(255, 255, 255, 110) if tone_under < 140 else (20, 20, 20, 105)
    )
    return picture
