"""From our request to a model's own input names. Pure but for Pillow, which turns masks.

Shared by every provider whose models are in the catalogue, and by the search for a lost request: the same request
always gives the same input.
"""

import io
from collections.abc import Awaitable, Callable
from typing import Any

from PIL import Image, ImageOps

from generation.catalogue import CatalogueModel, snap_size
from generation.catalogue.constraints import fold_constraints
from generation.catalogue.schema import AspectSize, FreeSize, InputSize, ListedSize
from generation.rules.values import ImageInput, ProviderRefused, RenderRequest

HandOver = Callable[[ImageInput], Awaitable[str]]


def plain_input(model: CatalogueModel, request: RenderRequest) -> dict[str, Any]:
    """Everything but pictures, under the model's names: words, seed, size, guidance, steps and further parameters.

    Constraints are folded into the prompt where the model has no negative prompt; guidance and steps are held
    inside its range; a size that it cannot draw becomes the nearest one.
    """
    fields = model.fields
    content: dict[str, Any] = {**model.parameters, **request.parameters}
    scale = content.pop("scale", None)
    prompt, negative = fold_constraints(model, request.prompt, request.negative_prompt)
    if fields.prompt:
        content[fields.prompt] = prompt
    if fields.negative_prompt and negative:
        content[fields.negative_prompt] = negative
    if fields.seed and request.seed is not None:
        content[fields.seed] = request.seed
    if fields.guidance and (guidance := _held(request.guidance, model.guidance, model.guidance_range)) is not None:
        content[fields.guidance] = guidance
    if fields.steps and (steps := _held(request.steps, model.steps, model.steps_range)) is not None:
        content[fields.steps] = int(steps)
    content.update(_size_input(model, request, scale=scale))
    return content


def _held(asked: float | None, usual: float | None, allowed: tuple[float, float] | None) -> float | None:
    value = usual if asked is None else asked
    if value is None or allowed is None:
        return value
    return min(max(value, allowed[0]), allowed[1])


def _size_input(model: CatalogueModel, request: RenderRequest, *, scale: float | None) -> dict[str, Any]:
    fields, rule = model.fields, model.size
    snapped = snap_size(model, request.width, request.height)
    content: dict[str, Any] = {}
    if isinstance(rule, FreeSize) and fields.scale and scale:
        # its size follows from the picture that is handed in
        content[fields.scale] = scale
    elif isinstance(rule, FreeSize) and fields.width and fields.height:
        content.update(rule.fixed)
        content[fields.width], content[fields.height] = snapped.width, snapped.height
    elif isinstance(rule, AspectSize) and fields.aspect_ratio:
        content[fields.aspect_ratio] = snapped.aspect_ratio
    elif isinstance(rule, ListedSize) and fields.size:
        content[fields.size] = f"{snapped.width}x{snapped.height}"
    if isinstance(rule, InputSize) and fields.scale:
        content[fields.scale] = scale or rule.scale
    return content


async def picture_input(model: CatalogueModel, request: RenderRequest, *, hand_over: HandOver) -> dict[str, Any]:
    """The pictures of a request under the model's names; `hand_over` turns one into an address or data URI.

    Raises ProviderRefused(kind="invalid_input") where the model cannot do what was asked for: a mask for a model
    without one, a picture to change for a model that only takes words.
    """
    fields = model.fields
    pictures: dict[str, list[ImageInput]] = {}
    for picture in request.inputs:
        name = {"parent": fields.image, "mask": fields.mask}.get(picture.role, fields.references)
        if name is None and picture.role in ("parent", "mask"):
            what = "a mask" if picture.role == "mask" else "an existing picture"
            raise ProviderRefused(
                f"{model.label} cannot work with {what}. Nothing was sent or paid: choose another model.",
                kind="invalid_input",
            )
        if name is not None:
            mask = picture.role == "mask" and model.mask_polarity == "black"
            pictures.setdefault(name, []).append(invert_mask(picture) if mask else picture)
    content: dict[str, Any] = {}
    for name, several in pictures.items():
        several.sort(key=lambda picture: picture.role != "parent")
        most = max(1, fields.most_references if name == fields.references else 1)
        links = [await hand_over(picture) for picture in several[:most]]
        content[name] = links if name in fields.lists else links[0]
    return content


def invert_mask(mask: ImageInput) -> ImageInput:
    """The same mask with black where the picture shall change, for models that read it so."""
    with Image.open(io.BytesIO(mask.content)) as image:
        turned = ImageOps.invert(image.convert("L"))
    target = io.BytesIO()
    turned.save(target, "PNG")
    return ImageInput(target.getvalue(), "image/png", "mask")
