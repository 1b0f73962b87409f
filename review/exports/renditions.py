"""One picture for each channel. Pure over Pillow and numpy: no models, no network.

A channel that crops looks for the subject first: where its shape would cut away too much of
it, the whole picture stands on a ground of its own edge colour instead. Nothing is ever
enlarged, and the same picture always gives the same bytes, so an export can resume anywhere.
"""

from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from generation.pictures.images import open_still


class Fit(StrEnum):
    """How a picture meets the frame of a channel."""

    AS_IT_IS = "as_it_is"  # the very pixels, nothing encoded again
    CONTAIN = "contain"  # whole, scaled down into the frame
    COVER = "cover"  # fills the frame; cropped around the subject


@dataclass(frozen=True, slots=True)
class Channel:
    """Where a rendition goes. Sizes in pixels are the largest; None for the original."""

    name: str
    label: str
    use: str
    fit: Fit
    width: int | None = None
    height: int | None = None
    media_type: str = ""
    quality: int = 90


# 1920 x 1080: full HD; 1080 x 1080 and 1080 x 1920: the sizes that Instagram, TikTok and LinkedIn store.
CHANNELS = (
    Channel("original", "Original", "The very pixels that were signed", Fit.AS_IT_IS),
    Channel("web", "Web", "Site header, 16:9", Fit.COVER, 1920, 1080, "image/webp", 88),
    Channel("social", "Social", "Feed post, square", Fit.COVER, 1080, 1080, "image/jpeg", 90),
    Channel("story", "Story", "Story or reel, 9:16", Fit.COVER, 1080, 1920, "image/jpeg", 90),
)
ORIGINAL = CHANNELS[0]
EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}

# Of the subject, how much a crop must keep: under it the picture is shown whole.
KEEP_AT_LEAST = 0.9
# A subject spread over more of an edge than this is a pattern or a landscape: any part of it may stand for it.
SPREAD = 0.85
# What counts as subject: at least this part of the strongest visual weight.
STRONG = 0.25
_SMALL_EDGE = 96


@dataclass(frozen=True, slots=True)
class Frame:
    """How one picture stands in one channel. `left`, `top`, `right`, `bottom`: the part shown, 0 to 1.

    `ground`, where the whole picture stands on one: the colours (#rrggbb) that continue its two open edges, the
    upper (or left) one first. Else empty. `kept` is the visual weight, 0 to 1, that a crop keeps.
    """

    width: int
    height: int
    left: float
    top: float
    right: float
    bottom: float
    kept: float
    ground: tuple[str, ...] = ()

    @property
    def position(self) -> tuple[float, float]:
        """CSS `object-position` in per cent that shows the same part."""
        across, down = 1 - (self.right - self.left), 1 - (self.bottom - self.top)
        return (
            round(100 * self.left / across, 2) if across > 0 else 50.0,
            round(100 * self.top / down, 2) if down > 0 else 50.0,
        )


@dataclass(frozen=True, slots=True)
class Rendition:
    """Encoded bytes with their facts."""

    content: bytes
    media_type: str
    width: int
    height: int


def frame_for(*, image: Image.Image, channel: Channel, width: int, height: int) -> Frame:
    """How a picture of `width` x `height` stands in the channel; `image` is it or any smaller copy (RGB or RGBA)."""
    whole = Frame(width, height, 0, 0, 1, 1, 1)
    if channel.fit is Fit.AS_IT_IS or channel.width is None or channel.height is None:
        return whole
    if channel.fit is Fit.CONTAIN:
        scale = min(1, channel.width / width, channel.height / height)
        return Frame(max(1, round(width * scale)), max(1, round(height * scale)), 0, 0, 1, 1, 1)
    aspect = channel.width / channel.height
    part_across = min(1, aspect * height / width)
    part_down = min(1, width / (aspect * height))
    weight = visual_weight(image)
    left, kept_across = _best_window(weight.sum(axis=0), part_across)
    top, kept_down = _best_window(weight.sum(axis=1), part_down)
    kept = min(kept_across, kept_down)
    if kept < KEEP_AT_LEAST:
        return _on_ground(image=image, channel=channel, width=width, height=height, kept=kept)
    shown_width = part_across * width
    out_width = min(channel.width, max(1, round(shown_width)))
    out_height = max(1, round(out_width / aspect))
    return Frame(out_width, out_height, left, top, left + part_across, top + part_down, kept)


def render(*, content: bytes, channel: Channel, max_pixels: int) -> Rendition:
    """The picture for a cropping or scaling channel. Raises ImageRejected where the file is damaged."""
    image, facts = open_still(content, max_pixels=max_pixels)
    frame = frame_for(image=image, channel=channel, width=facts.width, height=facts.height)
    picture = _lay_on_ground(image, frame) if frame.ground else _cut(image, frame)
    media_type = channel.media_type
    if picture.mode == "RGBA" and media_type == "image/jpeg":
        media_type = "image/png"  # JPEG cannot be see-through
    return Rendition(_encode(picture, media_type, channel.quality), media_type, frame.width, frame.height)


def visual_weight(image: Image.Image) -> NDArray[np.float64]:
    """Where the eye goes, summing to 1: local contrast of light and colour plus distance from the border's colour.

    The border stands for the background (Wei et al., "Geodesic Saliency Using Background Priors", ECCV 2012);
    a mild pull to the middle stands for the way pictures are composed.
    """
    scale = _SMALL_EDGE / max(image.size)
    size = (max(8, round(image.width * scale)), max(8, round(image.height * scale)))
    pixels = np.asarray(image.convert("RGB").resize(size, Image.Resampling.BOX), dtype=np.float64) / 255
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    colour = np.linalg.norm(pixels - np.median(border, axis=0), axis=2)
    down, across = np.gradient(pixels, axis=(0, 1))
    edges = np.sqrt((down**2 + across**2).sum(axis=2))
    # squares: the subject outweighs a wide, slightly uneven backdrop
    weight = (colour / (colour.max() or 1)) ** 2 + (edges / (edges.max() or 1)) ** 2
    y = np.linspace(-1, 1, size[1])[:, None]
    x = np.linspace(-1, 1, size[0])[None, :]
    weight = weight * np.exp(-(x**2 + y**2) / 4)
    weight = np.where(weight >= STRONG * weight.max(), weight, 0) + 1e-9
    return np.asarray(weight / weight.sum())


def _best_window(profile: NDArray[np.float64], part: float) -> tuple[float, float]:
    """Start (0 to 1) of the window over `part` of the profile, and how much of the subject it keeps, 0 to 1.

    Of the windows that keep most, the one with the subject nearest to its middle.
    """
    cells = len(profile)
    length = max(1, min(cells, round(cells * part)))
    sums = np.convolve(profile, np.ones(length), mode="valid")
    centre = float((np.arange(cells) + 0.5) @ profile)
    off_centre = np.abs(np.arange(len(sums)) + length / 2 - centre)
    start = int(np.argmin(np.where(sums >= sums.max() - 0.01, off_centre, np.inf)))
    kept = 1.0 if _extent(profile) > SPREAD else float(sums[start])
    return min(max(0.0, 1 - part), start / cells), kept


def _extent(profile: NDArray[np.float64]) -> float:
    """The shortest part of the edge, 0 to 1, that holds nine tenths of the weight."""
    reached = np.concatenate([[0.0], np.cumsum(profile)])
    ends = np.searchsorted(reached, reached + 0.9)
    lengths = ends - np.arange(len(reached))
    return float(lengths[ends < len(reached)].min(initial=len(profile))) / len(profile)


def _on_ground(*, image: Image.Image, channel: Channel, width: int, height: int, kept: float) -> Frame:
    """The whole picture in the frame's shape, without enlarging: the frame's longer overhang is ground."""
    assert channel.width is not None
    assert channel.height is not None
    scale = min(1, channel.width / width, channel.height / height)
    aspect = channel.width / channel.height
    shown_width, shown_height = width * scale, height * scale
    out_width = max(shown_width, shown_height * aspect)
    out_height = out_width / aspect
    small = np.asarray(image.convert("RGB").resize((32, 32), Image.Resampling.BOX))
    edges = (small[0], small[-1]) if out_height > shown_height + 0.5 else (small[:, 0], small[:, -1])
    return Frame(
        width=min(channel.width, round(out_width)),
        height=min(channel.height, round(out_height)),
        left=0,
        top=0,
        right=1,
        bottom=1,
        kept=kept,
        ground=tuple(_hexadecimal(np.median(edge, axis=0)) for edge in edges),
    )


def _hexadecimal(colour: NDArray[np.float64]) -> str:
    return "#" + "".join(f"{int(value):02x}" for value in colour)


def _cut(image: Image.Image, frame: Frame) -> Image.Image:
    width, height = image.size
    box = (frame.left * width, frame.top * height, min(1, frame.right) * width, min(1, frame.bottom) * height)
    return image.resize((frame.width, frame.height), Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)


def _lay_on_ground(image: Image.Image, frame: Frame) -> Image.Image:
    scale = min(1, frame.width / image.width, frame.height / image.height)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    small = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    ground = Image.new("RGB", (frame.width, frame.height), frame.ground[0])
    is_tall = frame.height - size[1] >= frame.width - size[0]
    second_half = (0 if is_tall else frame.width // 2, frame.height // 2 if is_tall else 0, frame.width, frame.height)
    ground.paste(frame.ground[1], second_half)
    at = ((frame.width - size[0]) // 2, (frame.height - size[1]) // 2)
    ground.paste(small, at, small if small.mode == "RGBA" else None)
    return ground


def _encode(image: Image.Image, media_type: str, quality: int) -> bytes:
    target = BytesIO()
    if media_type == "image/jpeg":
        image.convert("RGB").save(target, "JPEG", quality=quality, subsampling="4:4:4", optimize=True)
    elif media_type == "image/webp":
        image.save(target, "WEBP", quality=quality, method=4)
    else:
        image.save(target, "PNG", optimize=False)
    return target.getvalue()
