"""Preflight and start as one decision: all shots start together or none does."""

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max

from campaigns import services as campaigns
from campaigns.models import Campaign, Shot, User
from generation import catalogue, lifecycle
from generation.catalogue.constraints import fold_constraints
from generation.models import ASKED_TO_STOP, CANCELLED_AT_ONCE, Generation, GenerationState, Purpose
from generation.money import ledger
from generation.money.pricing import reservation_for
from generation.planning.estimates import estimate_start, never_rendered
from generation.planning.references import campaign_references
from generation.providers import registry
from generation.rules.seeds import derive_seed


class CannotStart(Exception):
    """Nothing was started; the message says why and what to do."""


class StartedAlready(CannotStart):
    """The same start came twice: the first one counts."""


def start_run(campaign: Campaign, *, by: User, shots: Sequence[Shot] | None = None) -> list[Generation]:
    """Start all shots that were never rendered, together. Raises CannotStart or ledger.NoHeadRoom: nothing started."""
    try:
        return _start_run(campaign, by=by, shots=shots)
    except IntegrityError as twice:
        raise StartedAlready("These shots were started a moment ago.") from twice


@transaction.atomic
def _start_run(campaign: Campaign, *, by: User, shots: Sequence[Shot] | None) -> list[Generation]:
    if campaign.planning != Campaign.Planning.PLANNED:
        raise CannotStart("The campaign is still being planned. Wait a moment and start again.")
    estimate = estimate_start(campaign, shots=shots)
    if not estimate.shots:
        raise CannotStart("Every shot has been started already. Add a shot, or ask for a variation of one.")
    startable = never_rendered(campaign).exclude(prompt="").order_by("position")
    if shots is not None:
        startable = startable.filter(pk__in=[shot.pk for shot in shots])
    rows = _first_renders(campaign, shots=list(startable), by=by)
    lifecycle.start(rows, by=by)
    ledger.reserve(amounts=[(row, reservation_for(row)) for row in rows], asked=estimate.asked)
    campaigns.mark_started(campaign)
    return rows


def _first_renders(campaign: Campaign, *, shots: Sequence[Shot], by: User) -> list[Generation]:
    """A draft for each shot; two queries, however many there are."""
    latest = dict(Generation.objects.filter(shot__in=shots).values_list("shot").annotate(last=Max("version")))
    references = campaign_references(campaign)
    rows = []
    for shot in shots:
        shot.campaign = campaign
        row = draft_generation(
            shot=shot,
            purpose=Purpose.CREATE,
            key=f"create:{shot.pk}",
            prompt=shot.prompt,
            seed=derive_seed(base_seed=campaign.base_seed, position=shot.position),
            by=by,
            version=latest.get(shot.pk, 0) + 1,
            references=references,
        )
        rows.append(row)
    return rows


def draft_generation(
    *,
    shot: Shot,
    purpose: Purpose,
    key: str,
    prompt: str,
    seed: int,
    by: User | None,
    model: str = "",
    negative_prompt: str | None = None,
    parent: Generation | None = None,
    attempt: int = 1,
    direction: str = "",
    metadata: dict[str, object] | None = None,
    version: int | None = None,
    references: list[int] | None = None,
) -> Generation:
    """A generation as it will be queued, with the size and prompt that its model takes. Not saved.

    `version` and `references` are asked of the database where the caller does not know them.
    """
    campaign = shot.campaign
    asked = registry.get_model(model or shot.model)
    if version is None:
        version = (Generation.objects.filter(shot=shot).aggregate(last=Max("version"))["last"] or 0) + 1
    if references is None:
        references = list(parent.references) if parent else campaign_references(campaign)
    return Generation(
        workspace_id=campaign.workspace_id,
        campaign=campaign,
        shot=shot,
        parent=parent,
        purpose=purpose,
        attempt=attempt,
        version=version,
        key=key,
        ticket=campaign.ticket,
        metadata={**_audit_trail(shot, asked), **(metadata or {})},
        requested_by=by,
        references=references,
        direction=direction,
        **_asked_of(
            asked,
            shot=shot,
            prompt=prompt,
            negative_prompt=shot.negative_prompt if negative_prompt is None else negative_prompt,
            seed=seed,
        ),
    )


def _audit_trail(shot: Shot, model: catalogue.CatalogueModel) -> dict[str, object]:
    """Where a picture came from, in three months; with the pinned version, without which a seed repeats nothing."""
    campaign = shot.campaign
    trail: dict[str, object] = {"campaign": campaign.title, "shot": shot.slug, "ticket": campaign.ticket}
    return trail | ({"model_version": model.version} if model.version else {})


def _asked_of(
    model: catalogue.CatalogueModel, *, shot: Shot, prompt: str, negative_prompt: str, seed: int
) -> dict[str, Any]:
    """What this model can be asked: the nearest size that it draws, constraints folded into its prompt.

    The model's further parameters are kept with the row: the catalogue may change, what was asked for stays.
    """
    size = catalogue.snap_size(model, shot.width, shot.height)
    folded, negative = fold_constraints(model, prompt, negative_prompt)
    return {
        "provider": model.provider,
        "model": model.key,
        "prompt": folded,
        "negative_prompt": negative,
        "seed": seed if model.supports_seed else None,
        "width": size.width,
        "height": size.height,
        "guidance": model.guidance,
        "steps": model.steps,
        "parameters": dict(model.parameters),
        "estimated_seconds": model.typical_seconds,
    }


@transaction.atomic
def queue_generation(generation: Generation, *, by: User | None) -> Generation:
    """Queue one more generation and reserve for it. Raises ledger.NoHeadRoom; IntegrityError where its key exists."""
    lifecycle.start([generation], by=by)
    ledger.reserve(amounts=[(generation, reservation_for(generation))])
    return generation


def start_again(shot: Shot, *, by: User) -> Generation:
    """Render a shot once more as it is planned now, where no image came of it. Raises CannotStart, ledger.NoHeadRoom.

    The ladder begins anew; what was tried stays on record. A double click is one start.
    """
    try:
        return _start_again(shot, by=by)
    except IntegrityError as twice:
        raise StartedAlready(f"{shot.title} was started a moment ago.") from twice


@transaction.atomic
def _start_again(shot: Shot, *, by: User) -> Generation:
    newest = Generation.objects.filter(shot=shot).order_by("-version").first()
    if shot.removed_at or newest is None or not came_to_nothing(newest):
        raise CannotStart("This shot is not waiting for another start. Look at its newest version.")
    if Generation.objects.filter(shot=shot).exclude(sha256="").exists():
        raise CannotStart("This shot has a picture: ask for a variation or a revision of it.")
    row = draft_generation(
        shot=shot,
        purpose=Purpose.CREATE,
        key=f"again:{newest.pk}",
        prompt=shot.prompt,
        seed=derive_seed(base_seed=shot.campaign.base_seed, position=shot.position),
        by=by,
        parent=newest,
        version=newest.version + 1,
    )
    queue_generation(row, by=by)
    Generation.objects.filter(pk=newest.pk).update(followed_up=True, escalated=False)
    return row


def came_to_nothing(generation: Generation) -> bool:
    """Over, without a picture, and no machine goes on from it."""
    ended = generation.state in {GenerationState.REFUSED, GenerationState.FAILED} and generation.followed_up
    return ended or generation.state == GenerationState.CANCELLED


def pause_run(campaign: Campaign) -> None:
    """Nothing new is sent; what is at a provider is still collected."""
    campaigns.set_paused(campaign=campaign, paused=True)


def resume_run(campaign: Campaign) -> None:
    """Go on sending."""
    campaigns.set_paused(campaign=campaign, paused=False)


def cancel_run(campaign: Campaign, *, by: User, shot: Shot | None = None) -> int:
    """Cancel what has not been sent yet and ask the rest to stop; returns how many were cancelled at once.

    What a provider is rendering is stopped by the conductor and charged for what it ran; what is being sent is stopped
    as soon as its id is known. An image that is rendered already is kept.
    """
    scope = Generation.objects.filter(campaign=campaign, **({"shot": shot} if shot else {}))
    # first, so that one that goes back to the queue meanwhile is not sent again
    scope.filter(state__in=ASKED_TO_STOP).update(cancel_asked=True)
    scope.filter(state=GenerationState.RENDERING).update(due_at=None)
    cancelled = 0
    for generation in scope.filter(state__in=CANCELLED_AT_ONCE):
        with transaction.atomic():
            if lifecycle.move(generation, to=GenerationState.CANCELLED, note="Cancelled before it was sent.", by=by):
                ledger.close(generation)
                cancelled += 1
    return cancelled
