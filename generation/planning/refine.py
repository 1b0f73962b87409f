"""What a person asks of a picture that exists: a variation, an edit, an inpainting, a larger one. Same lineage."""

from decimal import Decimal

from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction

from campaigns.models import User
from generation import catalogue
from generation.catalogue import CatalogueModel, router
from generation.models import EDITS, Generation, GenerationState, Purpose
from generation.money.pricing import megapixels_handed_in, price_of_attempt
from generation.planning.planning import routing_of
from generation.planning.runs import CannotStart, draft_generation, queue_generation
from generation.providers import registry
from generation.rules.seeds import derive_seed

REQUESTS = {
    Purpose.REFINE: router.RoutingRequest(editing=True),
    Purpose.INPAINT: router.RoutingRequest(inpainting=True),
    Purpose.UPSCALE: router.RoutingRequest(upscaling=True),
}
UPSCALE_FACTOR = 2
LONGEST_UPSCALED = 4096


def choose_model_for(parent: Generation, *, purpose: Purpose) -> router.Route:
    """The model for this kind of change with its reason; a variation stays with the parent's model.

    Where that model is gone, a variation of an edit needs another that edits, any other one that draws from words.
    """
    available = registry.available_models()
    if purpose is Purpose.VARIATION and any(model.key == parent.model for model in available):
        return router.Route(parent.model, "A variation keeps the model and changes the seed.")
    if purpose is Purpose.VARIATION:
        edit = parent.edit
        asked = REQUESTS[Purpose(edit.purpose)] if edit else routing_of(parent.shot)
    else:
        asked = REQUESTS[purpose]
    return router.route(asked, available=available)


def price_of(parent: Generation, *, purpose: Purpose, model: str) -> Decimal:
    """Give the USD asked for this change, scoring and buffer included. No query."""
    asked = registry.get_model(model)
    edits = purpose in EDITS or parent.edit is not None
    width, height = size_of_change(parent, purpose=purpose, model=asked)
    megapixels = megapixels_handed_in(asked, references=parent.references, source=parent if edits else None)
    return price_of_attempt(asked, width=width, height=height, input_megapixels=megapixels)


def size_of_change(parent: Generation, *, purpose: Purpose, model: CatalogueModel) -> tuple[int, int]:
    """Give the pixels of the changed image: an edit keeps the size, an upscale enlarges it by `enlargement`."""
    if purpose is Purpose.UPSCALE:
        width, height = parent.image_size
        factor = enlargement(parent)
        return round(width * factor), round(height * factor)
    if purpose in EDITS or (purpose is Purpose.VARIATION and parent.edit is not None):
        return parent.image_size
    size = catalogue.snap_size(model, parent.shot.width, parent.shot.height)
    return size.width, size.height


def enlargement(parent: Generation) -> float:
    """Give the factor of an upscale: 2, or as much as LONGEST_UPSCALED allows."""
    return min(UPSCALE_FACTOR, LONGEST_UPSCALED / max(parent.image_size))


def request_change(
    parent: Generation,
    *,
    purpose: Purpose,
    by: User,
    request_key: str,
    prompt: str = "",
    model: str = "",
    mask: bytes | None = None,
    direction: str = "",
) -> Generation:
    """Queue one change of `parent`, once a `request_key` (a double click is one request).

    `mask` is a PNG as large as the picture, white where it shall change. Raises CannotStart,
    ledger.NoHeadRoom.
    """
    if parent.state != GenerationState.READY or not parent.sha256:
        raise CannotStart("This picture is not finished yet. Wait until it is there and ask again.")
    if parent.shot.removed_at:
        raise CannotStart("The shot was removed from the campaign. Its pictures stay on record and are not changed.")
    key = f"{purpose}:{parent.pk}:{request_key}"[:120]
    generation = _draft(
        parent,
        purpose=purpose,
        key=key,
        prompt=prompt or parent.prompt,
        model=model or choose_model_for(parent, purpose=purpose).model_key,
        by=by,
    )
    generation.direction = direction[:400]
    try:
        with transaction.atomic():
            if mask is not None:
                generation.mask.save(f"{generation.pk}.png", ContentFile(mask), save=False)
            return queue_generation(generation, by=by)
    except IntegrityError:
        existing = Generation.objects.filter(key=key).first()
        if existing is None:
            raise CannotStart("A colleague asked for a change at this moment. Nothing was sent: try again.") from None
        return existing


def _draft(
    parent: Generation,
    *,
    purpose: Purpose,
    key: str,
    prompt: str,
    model: str,
    by: User | None,
) -> Generation:
    generation = draft_generation(
        shot=parent.shot,
        purpose=purpose,
        key=key,
        prompt=prompt,
        seed=_seed_of(parent, purpose=purpose),
        by=by,
        model=model,
        negative_prompt=parent.negative_prompt,
        parent=parent,
        attempt=parent.attempt,
    )
    if purpose is Purpose.VARIATION:
        generation.mask = parent.mask
    if purpose is Purpose.UPSCALE:
        generation.parameters = {**generation.parameters, "scale": round(enlargement(parent), 3)}
    asked = registry.get_model(model)
    generation.width, generation.height = size_of_change(parent, purpose=purpose, model=asked)
    return generation


def _seed_of(parent: Generation, *, purpose: Purpose) -> int:
    """The parent's own, so that only what was asked for changes; a derived one for a variation."""
    if purpose is not Purpose.VARIATION and parent.seed is not None:
        return parent.seed
    siblings = Generation.objects.filter(parent=parent, purpose=purpose).count()
    return derive_seed(
        base_seed=parent.campaign.base_seed,
        position=parent.shot.position,
        attempt=parent.version,
        variation=siblings + 1,
    )
