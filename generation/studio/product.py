"""Cuts a product out of its photograph and sets it on the stage.

The cut uses the picture's own transparency where there is any; else everything that is connected to the border and
close in colour to it is background. A photograph whose border is busy is kept whole, with softly rounded corners.
"""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from generation.rules.values import ImageInput, RenderRequest
from generation.studio.colours import Floats, decode, to_lab
from generation.studio.lighting import Lights
from generation.studio.plan import Plan
from generation.studio.stage import Stage

# Pixels looked at when cutting out; enough for a clean edge at the size a product takes in a comp.
LARGEST_SIDE = 900
# CIELAB distance under which a pixel still belongs to a plain background.
NEAR_BACKGROUND = 11.0


@dataclass(frozen=True, slots=True)
class CutOut:
    """A product without its background: RGBA, trimmed to what is left."""

    picture: Image.Image

    @property
    def aspect(self) -> float:
        """Width by height."""
        return self.picture.width / self.picture.height


def open_input(given: ImageInput) -> Image.Image:
    """Decode an input, upright. Raises ValueError where it is not a picture."""
    try:
        picture = Image.open(io.BytesIO(given.content))
        picture.load()
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"The {given.role} picture cannot be read. Upload it again as PNG, JPEG or WebP.") from error
    return ImageOps.exif_transpose(picture)


def find_input(request: RenderRequest, role: str) -> ImageInput | None:
    """The first input of a role."""
    return next((given for given in request.inputs if given.role == role), None)


def cut_out(picture: Image.Image) -> CutOut:
    """Remove the background."""
    picture = picture.convert("RGBA")
    picture.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.LANCZOS)
    alpha = picture.getchannel("A")
    if np.asarray(alpha).min() > 250:
        alpha = _background_mask(picture.convert("RGB"))
        picture.putalpha(alpha)
    box = alpha.point(lambda value: 255 if value > 24 else 0).getbbox()
    return CutOut(picture.crop(box) if box else picture)


def _background_mask(picture: Image.Image) -> Image.Image:
    """Alpha by flooding in from the border over what looks like the border."""
    lab = to_lab(decode(np.asarray(picture)))
    border = np.concatenate([lab[0], lab[-1], lab[:, 0], lab[:, -1]])
    middle = np.median(border, axis=0)
    if float(np.quantile(np.linalg.norm(border - middle, axis=1), 0.8)) > 2.2 * NEAR_BACKGROUND:
        return _rounded(picture.size)
    distance = np.linalg.norm(lab - middle, axis=2)
    near = Image.fromarray(np.where(distance < NEAR_BACKGROUND, 255, 0).astype(np.uint8), "L")
    framed = ImageOps.expand(near, border=1, fill=255)
    ImageDraw.floodfill(framed, (0, 0), 128)
    flooded = np.asarray(framed)[1:-1, 1:-1] == 128
    kept = Image.fromarray(np.where(flooded, 0, 255).astype(np.uint8), "L")
    share = float(1 - flooded.mean())
    if not 0.01 < share < 0.97:
        return _rounded(picture.size)
    # Shrink by a pixel and soften: a light fringe around a cut-out gives it away.
    return kept.filter(ImageFilter.MinFilter(3)).filter(ImageFilter.GaussianBlur(0.8))


def _rounded(size: tuple[int, int]) -> Image.Image:
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), radius=min(size) // 24, fill=255)
    return mask


def set_on_stage(plan: Plan, stage: Stage, lights: Lights, cut: CutOut, picture: Floats) -> Floats:
    """Composite the cut-out into the linear picture, in place: sized, light-matched, with a shadow where it touches.

    Returns how much of each pixel it covers, (height, width), 0..1.
    """
    height, width = picture.shape[:2]
    camera = stage.camera
    foot_x, foot_y, _ = camera.project(np.array([0, stage.top, 0], np.float32))
    _, head_y, _ = camera.project(np.array([0, stage.top + stage.subject_height, 0], np.float32))
    tall = max(4, round(abs(foot_y - head_y)))
    if plan.direction.kind == "flatlay":
        tall, foot_y = (
            max(4, round(plan.apparent * min(width, height))),
            camera.centre_y * height + plan.apparent * min(width, height) / 2,
        )
    wide = max(4, round(tall * cut.aspect))
    scaled = cut.picture.resize((wide, tall), Image.Resampling.LANCZOS)
    left, top = round(foot_x - wide / 2), round(foot_y - tall)
    canvas = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    canvas.paste(scaled, (left, top))
    alpha = np.asarray(canvas.getchannel("A"), dtype=np.float32)[..., None] / 255
    _touch_down(picture, canvas.getchannel("A"), foot_y=foot_y, tall=tall)
    body = decode(np.asarray(canvas.convert("RGB"))) * _match(plan, lights, width, left, wide)
    picture *= 1 - alpha
    picture += body * alpha
    return np.asarray(alpha[..., 0], dtype=np.float32)


def _touch_down(picture: Floats, alpha: Image.Image, *, foot_y: float, tall: int) -> None:
    """The dark line under a thing that stands: its own outline, squashed flat at the foot and blurred."""
    box = alpha.getbbox()
    if box is None:
        return
    strip = alpha.crop((box[0], max(box[1], box[3] - max(2, tall // 10)), box[2], box[3]))
    flat = strip.resize((box[2] - box[0], max(3, tall // 16)), Image.Resampling.BILINEAR)
    ground = Image.new("L", alpha.size, 0)
    ground.paste(flat, (box[0], round(foot_y) - flat.height // 2))
    close, wide = (
        ground.filter(ImageFilter.GaussianBlur(max(1.0, tall / 70))),
        ground.filter(ImageFilter.GaussianBlur(max(2.0, tall / 22))),
    )
    dark = np.asarray(ImageChops.lighter(close, wide), dtype=np.float32)[..., None] / 255
    picture *= 1 - 0.72 * dark


def _match(plan: Plan, lights: Lights, width: int, left: int, wide: int) -> Floats:
    """Gain over the product (1, width, 3): tinted by the key, a little darker on the side away from it."""
    across = np.clip((np.arange(width, dtype=np.float32) - left) / max(wide, 1), 0, 1)
    side = np.float32(np.clip(lights.key[0], -0.8, 0.8))
    gradient = 1 + 0.32 * side * (2 * across - 1)
    tinted = 0.72 + 0.28 * lights.key_colour / max(float(lights.key_colour.max()), 1e-3)
    level = 0.82 if abs(plan.azimuth) > 105 else 0.97
    return (gradient[None, :, None] * tinted * level).astype(np.float32)


__all__ = ["CutOut", "cut_out", "find_input", "open_input", "set_on_stage"]
