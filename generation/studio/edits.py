"""Edits of an existing picture: the whole of it, a masked region, or its size.

An edit by words is what a retoucher does with curves and a brush: light, colour, contrast, cleaning an area. Outside a
mask nothing changes, to the byte.
"""

import re

import numpy as np
from PIL import Image, ImageFilter

from generation.rules.values import RenderRequest
from generation.studio import finish
from generation.studio.colours import Floats, decode, find_colours, from_lab, hex_to_lab, luminance, to_lab
from generation.studio.corrections import as_instruction
from generation.studio.filling import continue_around, fill_smoothly
from generation.studio.lighting import direction_of, tint
from generation.studio.plan import generator_for
from generation.studio.product import find_input, open_input
from generation.studio.regions import Part, instruction_of, parts_of
from generation.studio.vocabulary import Direction, read_direction

SHINY = re.compile(
    r"\b(?:shin[ey]\w*|gloss\w*|glar\w+|glint\w*|sparkl\w*|reflect\w*|specular\w*|hot ?spots?|less shine)\b",
    re.IGNORECASE,
)
# The share of a mark, its middle counting most, that a thing fills which was meant.
LEAST_OF_A_THING = 0.2
CLEAR = re.compile(r"\b(?:clear(?:er)?|transparent|see[- ]through|translucent)\b", re.IGNORECASE)


def parent_of(request: RenderRequest) -> Image.Image:
    """The picture to be edited, RGB, at the requested size. Raises ValueError where there is none."""
    given = find_input(request, "parent")
    if given is None:
        raise ValueError("An edit needs the picture it starts from, and none was sent.")
    picture = open_input(given).convert("RGB")
    if picture.size != (request.width, request.height):
        picture = picture.resize((request.width, request.height), Image.Resampling.LANCZOS)
    return picture


def mask_of(request: RenderRequest) -> Image.Image:
    """The mask (L, white changes) at the requested size. Raises ValueError where there is none."""
    given = find_input(request, "mask")
    if given is None:
        raise ValueError("This edit needs a mask that shows what may change, and none was sent.")
    picture = open_input(given)
    if picture.mode in ("RGBA", "LA"):
        # A mask painted on nothing: transparency is black, whatever colour hides under it.
        ground = Image.new("RGBA", picture.size, (0, 0, 0, 255))
        picture = Image.alpha_composite(ground, picture.convert("RGBA"))
    mask = picture.convert("L")
    if mask.size != (request.width, request.height):
        mask = mask.resize((request.width, request.height), Image.Resampling.NEAREST)
    return mask


def upscale(request: RenderRequest) -> Image.Image:
    """Lanczos to the requested size, with a light unsharp mask where it really grows."""
    given = find_input(request, "parent")
    if given is None:
        raise ValueError("Upscaling needs the picture it starts from, and none was sent.")
    picture = open_input(given).convert("RGB")
    grows = request.width * request.height > picture.width * picture.height
    picture = picture.resize((request.width, request.height), Image.Resampling.LANCZOS)
    return picture.filter(ImageFilter.UnsharpMask(radius=1.6, percent=60, threshold=2)) if grows else picture


def refine(request: RenderRequest) -> Image.Image:
    """The whole picture, edited by the words of the prompt."""
    parent = parent_of(request)
    linear = _edited(decode(np.asarray(parent)), as_instruction(instruction_of(request.prompt)))
    return finish.develop(linear, rng=generator_for("refine", request.seed, request.prompt), grain=0.0)


def inpaint(request: RenderRequest) -> Image.Image:
    """Only the white of the mask changes, each region as its own line asks; where it is black the parent's bytes stay.

    A change fades in from the edge of its region, so that light and colour end nowhere in a line.
    """
    parent, mask = parent_of(request), mask_of(request)
    source, allowed = np.asarray(parent), np.asarray(mask)
    changing = allowed > 0
    if not changing.any():
        return parent
    linear = decode(source)
    # What lies in a neighbouring region is no surrounding to fill from: one ground for all of them.
    ground = fill_smoothly(linear, changing)
    # The outer half of a soft mask stays as it is, and tells what the fill must meet.
    hole = allowed >= 128
    inside, weight = linear, np.zeros(allowed.shape, np.float32)
    for part in parts_of(request.prompt, changing):
        limits = np.where(part.where, allowed, 0).astype(np.uint8)
        if part.removes:
            fading = _feather(limits, 1.0)
            answer = continue_around(linear, hole, part.where & hole) if (part.where & hole).any() else ground
        else:
            answer = _changed(linear, ground, part, request.seed)
            fading = _fade(limits)
            fading = fading * _thing(linear, ground, fading)
        inside = np.where(part.where[..., None], answer, inside)
        weight = np.where(part.where, fading, weight)
    rng = generator_for("inpaint", request.seed, request.prompt)
    edited = np.asarray(finish.develop(np.clip(inside, 0, 1), rng=rng, grain=0.25), dtype=np.float32)
    blended = np.clip(source + (edited - source) * weight[..., None] + 0.5, 0, 255).astype(np.uint8)
    return Image.fromarray(np.where(changing[..., None], blended, source), "RGB")


def _changed(linear: Floats, ground: Floats, part: Part, seed: int | None) -> Floats:
    """The picture as the words of one region want it."""
    words = as_instruction(part.words)
    picture = linear
    if CLEAR.search(words):
        # What is clear shows what stands around it, and keeps its lights and lines.
        picture = linear + np.float32(0.55) * (ground - linear)
    if SHINY.search(words):
        picture = _dulled(picture, part.where)
    picture = _edited(picture, words)
    if float(np.abs(picture - linear)[part.where].mean()) < 0.004:
        # Words without a reading must still answer the mark: relight the spot in the picture's own colours.
        picture = linear * (1 + 0.28 * generator_for("spot", seed, part.words).choice([-1.0, 1.0]))
    return np.asarray(picture, dtype=np.float32)


def _dulled(linear: Floats, where: np.ndarray) -> Floats:
    """Less shine: lights that stand above the region's middle tone come down to it, with their colour."""
    grey = luminance(linear)
    middle = max(0.02, float(np.median(grey[where])))
    above = np.maximum(grey / middle, 1)
    return (linear * (np.float32(0.88) * above ** np.float32(-0.55))[..., None]).astype(np.float32)


def _feather(allowed: np.ndarray, reach: float) -> Floats:
    """0..1, zero wherever the mask is black, rising to one about `reach` pixels inside."""
    soft = np.asarray(Image.fromarray(allowed).filter(ImageFilter.GaussianBlur(max(1.0, reach))), dtype=np.float32)
    return (np.clip(soft / 127.5 - 1, 0, 1) * (allowed > 0) * (allowed / 255.0)).astype(np.float32)


def _fade(allowed: np.ndarray) -> Floats:
    """Like `_feather`, over a good part of the region: one in its middle, without a visible edge."""
    weight = _feather(allowed, 0.3 * float(np.sqrt((allowed > 0).sum())))
    most = float(weight.max())
    if most <= 0:
        return _feather(allowed, 1.0)
    weight = weight / most
    return (weight * weight * (3 - 2 * weight)).astype(np.float32)


def _thing(linear: Floats, ground: Floats, weight: Floats) -> Floats:
    """0..1: how far each pixel belongs to the thing that was marked and not to the ground around it.

    A mark is drawn larger than what it means. Where hardly anything in its middle stands out from the ground, as where
    it only cuts the corner of a thing, the ground is meant. `weight`: how much each pixel of the mark counts.
    """
    away = np.linalg.norm(to_lab(linear) - to_lab(ground), axis=-1)
    belonging = np.clip(finish.blurred(away.astype(np.float32), 1.5) / 14 - 0.3, 0, 1)
    if float((belonging * weight).sum()) < LEAST_OF_A_THING * float(weight.sum()):
        return np.ones(weight.shape, np.float32)
    return (0.12 + 0.88 * belonging).astype(np.float32)


def _edited(linear: Floats, words: str) -> Floats:
    """Light, colour and contrast by the words, each a small honest move."""
    direction = read_direction(words)
    words = words.lower()
    fixed = direction.corrections
    stops = 0.42 * fixed.exposure + 0.35 * direction.mood.brightness * (
        1 if re.search(r"\bmood\b|look|feel", words) else 0
    )
    warmth = 0.55 * fixed.warmth + (0.5 * direction.light.warmth)
    picture = (
        _relight(linear, direction)
        if direction.light.azimuth is not None or direction.light.elevation is not None
        else linear
    )
    if warmth:
        picture = picture * tint(float(np.clip(warmth, -1.2, 1.2)))
    colours = find_colours(words)
    if colours:
        picture = _recolour(picture, colours[0], strength=0.6 if fixed.palette else 0.8)
    if fixed.sharpness:
        picture = np.clip(picture + 0.7 * (picture - finish.blurred(picture, 2.0)), 0, 1)
    if fixed.clean or re.search(r"\bsmooth(?:er)?\b|\bsofter\b|\bblur", words):
        picture = finish.blurred(picture, 2.2)
    return finish.tone(
        picture, exposure=stops, contrast=0.35 * fixed.contrast, saturation=0.35 * fixed.saturation,
        shadows=0.8 * fixed.shadows, highlights=0.6 * fixed.highlights,
    )  # fmt: skip


def _relight(linear: Floats, direction: Direction) -> Floats:
    """A gradient of light across the picture from the side the words name."""
    light = direction.light
    key = direction_of(light.azimuth or 0.0, light.elevation if light.elevation is not None else 35.0)
    height, width = linear.shape[:2]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    y = np.linspace(1, -1, height, dtype=np.float32)[:, None]
    return (linear * np.exp2(0.55 * (key[0] * x + 0.6 * key[1] * y))[..., None]).astype(np.float32)


def _recolour(linear: Floats, colour: str, *, strength: float) -> Floats:
    """Pull hue and chroma towards a colour and lightness half as far, keeping the modelling of light and shade."""
    lab, wanted = to_lab(linear), hex_to_lab(colour)
    middle = float(np.median(lab[..., 0]))
    lab[..., 1:] += strength * (wanted[1:] - lab[..., 1:])
    lab[..., 0] += 0.5 * strength * (float(wanted[0]) - middle)
    grey = luminance(linear)[..., None]
    # The deepest shadows keep their own colour: a coloured black looks like a printing fault.
    keep = np.exp(-grey * 40)
    return (from_lab(lab) * (1 - keep) + linear * keep).astype(np.float32)
