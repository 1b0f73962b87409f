"""What a person asks of a picture that exists: a variation, an edit, an inpainting, a larger one. Same lineage."""

from decimal import Decimal

from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction

from campaigns.models import User
from generation.catalogue import router
from generation.models import Generation
from generation.planning.planning import routing_of
from generation.planning.runs import CannotStart, draft_generation, queue_generation, reservation_for
from generation.providers import registry
from generation.rules.seeds import derive_seed
from generation.rules.states import GenerationState, Purpose

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
    """USD asked for this change, scoring and buffer included. No query."""
    draft = _draft(parent, purpose=purpose, key="", prompt=parent.prompt, model=model, by=None, seed=0, version=1)
    return reservation_for(draft)


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
    seed: int | None = None,
    version: int | None = None,
) -> Generation:
    generation = draft_generation(
        shot=parent.shot,
        purpose=purpose,
        key=key,
        prompt=prompt,
        seed=_seed_of(parent, purpose=purpose) if seed is None else seed,
        by=by,
        model=model,
        negative_prompt=parent.negative_prompt,
        parent=parent,
        attempt=parent.attempt,
        version=version,
    )
    if purpose is Purpose.VARIATION:
        generation.mask = parent.mask
    if purpose is Purpose.UPSCALE:
        _enlarge(generation, parent)
    elif generation.edit:
        generation.width, generation.height = _size_of(parent)
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


def _enlarge(generation: Generation, parent: Generation) -> None:
    """Twice as large, or as much as LONGEST_UPSCALED allows."""
    width, height = _size_of(parent)
    factor = min(UPSCALE_FACTOR, LONGEST_UPSCALED / max(width, height))
    generation.width, generation.height = round(width * factor), round(height * factor)
    generation.parameters = {**generation.parameters, "scale": round(factor, 3)}


def _size_of(parent: Generation) -> tuple[int, int]:
    return parent.image_width or parent.width, parent.image_height or parent.height
