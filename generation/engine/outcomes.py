"""What the conductor records: who was sent, what was seen. Short transactions, no network."""

import random
from copy import copy
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from campaigns.database.clock import database_now
from generation import catalogue, lifecycle
from generation.engine.render_requests import REPORTING
from generation.lifecycle import Sending
from generation.models import Generation
from generation.money import ledger
from generation.providers.base import (
    OutcomeUnknown,
    ProviderBusy,
    ProviderError,
    ProviderRefused,
    RenderProgress,
    RenderStatus,
    Submission,
)
from generation.rules import retries
from generation.rules.states import GenerationState

SUBMIT_LEASE_SECONDS = 22.0
# A lost POST may still be on its way: ask only after the provider's list can know it.
DOUBT_SECONDS = 5.0
# A report comes within a second of the end and is tried again for a minute: looks are rarer, never absent.
REPORTED_PATIENCE = 2.0
WAITED = "Start it again later, or choose another model."
# What a bill is made from.
BILLED_BY = (
    "pk",
    "provider",
    "model",
    "width",
    "height",
    "purpose",
    "external_id",
    "ticket",
    "workspace_id",
    "campaign_id",
    "shot_id",
    "requested_by_id",
)
# Predictions of other rows may look like the one in doubt where they were sent within this time of it.
SEARCHED_BEFORE = SEARCHED_AFTER = timedelta(hours=1)


def wait_before_look(provider: str, *, looks: int, estimated_seconds: float) -> float:
    """Seconds until the next look. Where the provider reports by itself, looking is only for reports that were lost."""
    if settings.LOUPE_PUBLIC_URL and provider == REPORTING:
        return REPORTED_PATIENCE * retries.wait_before_look(looks=looks, estimated_seconds=estimated_seconds)
    return retries.wait_before_look(looks=looks, estimated_seconds=estimated_seconds)


def record_submission(generation: Generation, submission: Submission) -> bool:
    """The provider took it: rendering, first look after the estimate."""
    return lifecycle.move(
        generation,
        to=GenerationState.RENDERING,
        external_id=submission.external_id,
        estimated_seconds=submission.estimated_seconds,
        looks=0,
        due_at=database_now()
        + timedelta(
            seconds=wait_before_look(generation.provider, looks=0, estimated_seconds=submission.estimated_seconds)
        ),
        error_kind="",
        error_text="",
    )


def record_late_submission(sending: Sending, submission: Submission) -> bool:
    """An answer that came after its claim had ended; True where nobody waits for that prediction any more.

    What is in doubt over this very sending takes it. What was sent again since must not run twice.
    """
    row = Generation.objects.filter(pk=sending.pk).first()
    if row is None:
        return True
    if row.state == GenerationState.IN_DOUBT and row.submitted_at == sending.submitted_at:
        row.estimated_seconds = submission.estimated_seconds
        record_found(row, submission.external_id)
        return False
    return submission.external_id not in {row.external_id, *row.earlier_ids}


def record_failed_sending(sending: Sending, error: ProviderError) -> None:
    """A sending that came to nothing, or to nobody knows what; under a later claim it changes nothing."""
    if (generation := sending.row()) is not None:
        record_submission_error(generation, error)


def record_submission_error(generation: Generation, error: ProviderError) -> None:
    """Refused: the ladder. Busy: back to the queue, no strike. Unknown: in doubt, the reservation is held."""
    if isinstance(error, ProviderRefused):
        _refuse(generation, kind=error.kind, text=str(error))
    elif isinstance(error, ProviderBusy):
        _send_later(generation, text=str(error), kind=error.kind, retry_after=error.retry_after)
    elif isinstance(error, OutcomeUnknown):
        lifecycle.move(
            generation,
            to=GenerationState.IN_DOUBT,
            note=str(error),
            due_at=database_now() + timedelta(seconds=DOUBT_SECONDS),
            error_kind="outcome_unknown",
            error_text=str(error),
        )
    else:
        fail(generation, kind=error.kind, text=str(error))


def record_found(generation: Generation, external_id: str | None) -> None:
    """What asking the provider told of a generation in doubt: attached again, or never arrived and sent once more."""
    if external_id:
        lifecycle.move(
            generation,
            to=GenerationState.RENDERING,
            note="Found at the provider.",
            external_id=external_id,
            looks=0,
            due_at=None,
            error_kind="",
            error_text="",
        )
    else:
        lifecycle.move(
            generation, to=GenerationState.QUEUED, note="It never reached the provider.", due_at=None, error_kind=""
        )


def give_up_doubt(generation: Generation, error: OutcomeUnknown) -> None:
    """Nobody can tell any more whether it was taken: it ends, counted as spent, and a person decides.

    The estimate is booked: what may have been paid must not be promised to something else, and a promise that
    stays open would hold the budget for ever. A correction is one more entry.
    """
    text = (
        f"{error} Its estimated price is counted as spent, and nothing was sent again. "
        "Look at the provider's own list, then start it again or leave it."
    )
    with transaction.atomic():
        moved = lifecycle.move(
            generation,
            to=GenerationState.FAILED,
            note=text,
            error_kind="outcome_unknown",
            error_text=text,
            escalated=True,
            due_at=None,
        )
        if moved:
            estimate = RenderProgress(RenderStatus.SUCCEEDED)
            sent_at = (generation.submitted_at or generation.created_at).timestamp()
            _charge_render(
                generation, estimate, key=f"unknown:{sent_at:.6f}", note="Outcome unknown, counted as spent."
            )
            ledger.close(generation)


def ids_taken(provider: str, *, besides: Generation) -> list[str]:
    """The provider's ids that belong to other rows sent around the same time, or to its own earlier sendings."""
    sent_at = besides.submitted_at or besides.created_at
    rows = (
        Generation.objects.filter(
            provider=provider, submitted_at__gt=sent_at - SEARCHED_BEFORE, submitted_at__lt=sent_at + SEARCHED_AFTER
        )
        .exclude(pk=besides.pk)
        .values_list("external_id", "earlier_ids")
    )
    taken = {external_id for first, earlier in rows for external_id in (first, *earlier)}
    return sorted(taken - {""} | set(besides.earlier_ids))


def take_in_doubt(*, limit: int) -> list[Generation]:
    """Generations whose POST is unknown and may be asked about now, oldest first."""
    now = database_now()
    return list(
        Generation.objects.select_related("shot", "campaign", "parent").filter(
            Q(due_at__isnull=True) | Q(due_at__lte=now), state=GenerationState.IN_DOUBT
        )[:limit]
    )


def doubt_abandoned_submissions() -> int:
    """Submissions whose process died: nobody knows whether they were sent, so they are in doubt."""
    abandoned = Generation.objects.filter(state=GenerationState.SUBMITTING, claimed_until__lt=database_now())
    return sum(
        lifecycle.move(
            generation,
            to=GenerationState.IN_DOUBT,
            note="The process ended while it was being sent.",
            due_at=None,
            error_kind="outcome_unknown",
        )
        for generation in abandoned
    )


def record_progress(generation: Generation, progress: RenderProgress) -> bool:
    """Write what a look (or a webhook) told; True where the image waits to be fetched. Late news changes nothing."""
    status = progress.status
    if status is RenderStatus.RUNNING:
        _look_again(generation)
    elif status is RenderStatus.SUCCEEDED and progress.output_urls:
        return _finish_render(generation, progress)
    elif status in {RenderStatus.SUCCEEDED, RenderStatus.REFUSED}:
        # an empty output list is a picture that the safety filter dropped silently
        text = progress.error_text or "The provider's safety filter returned no picture."
        _refuse(generation, kind=progress.error_kind or "safety", text=text, progress=progress)
    elif status is RenderStatus.INTERRUPTED or (progress.error_kind == "aborted" and not generation.cancel_asked):
        _interrupt(generation, progress)
    elif status is RenderStatus.CANCELLED:
        _end_cancelled(generation, progress)
    elif status is RenderStatus.GONE:
        _lose(generation, progress)
    else:
        fail(generation, kind=progress.error_kind or "failed", text=progress.error_text or "The render failed.")
    return False


def _end_cancelled(generation: Generation, progress: RenderProgress) -> None:
    """As a person asked; what nobody here asked for, people must see."""
    to, changes = GenerationState.CANCELLED, dict[str, Any]()
    if not generation.cancel_asked:
        text = "It was cancelled at the provider, not by Loupe; what it ran is paid. Start it again if it is wanted."
        to, changes = GenerationState.FAILED, {"error_kind": "cancelled_there", "error_text": text}
    with transaction.atomic():
        if lifecycle.move(generation, to=to, note=progress.error_text, due_at=None, **changes):
            _charge_render(generation, progress)
            ledger.close(generation)


def _lose(generation: Generation, progress: RenderProgress) -> None:
    """It was rendered and deleted before we came for it: paid all the same. Without figures the estimate is booked."""
    text = progress.error_text or "The provider no longer has this picture."
    with transaction.atomic():
        moved = lifecycle.move(
            generation, to=GenerationState.FAILED, note=text, error_kind="gone", error_text=text, due_at=None
        )
        if moved:
            note = "" if progress.metrics else "Deleted at the provider, counted as spent."
            _charge_render(generation, replace(progress, status=RenderStatus.SUCCEEDED), note=note)
            ledger.close(generation)


def _interrupt(generation: Generation, progress: RenderProgress) -> None:
    """Sent again, no strike. A run that met our own deadline is billed by the provider for its seconds."""
    with transaction.atomic():
        sent = copy(generation)
        moved = _send_later(generation, text=progress.error_text, kind=progress.error_kind, retry_after=None)
        if moved and progress.error_kind == "deadline":
            _charge_render(sent, replace(progress, status=RenderStatus.CANCELLED))


def _look_again(generation: Generation) -> None:
    now = database_now()
    if generation.submitted_at and (now - generation.submitted_at).total_seconds() > retries.DEADLINE_SECONDS:
        fail(generation, kind="timeout", text="The provider did not finish within 30 minutes.")
        return
    looks = generation.looks + 1
    wait = wait_before_look(generation.provider, looks=looks, estimated_seconds=generation.estimated_seconds)
    Generation.objects.filter(pk=generation.pk, state=GenerationState.RENDERING).update(
        looks=looks, due_at=now + timedelta(seconds=wait)
    )


def _finish_render(generation: Generation, progress: RenderProgress) -> bool:
    with transaction.atomic():
        moved = lifecycle.move(
            generation,
            to=GenerationState.FETCHING,
            **kept_of(progress),
        )
        if moved:
            _charge_render(generation, progress)
    return moved


def kept_of(progress: RenderProgress) -> dict[str, Any]:
    """What a row keeps of a render that succeeded; a seed that never arrived would promise what nobody can repeat."""
    kept = {"provider_url": progress.output_urls[0], "metrics": progress.metrics, "due_at": None}
    return {**kept, "error_kind": "", "error_text": "", **({"seed": None} if progress.seedless else {})}


def bill_of(generation: Any, progress: RenderProgress, *, key: str = "", note: str = "") -> list[ledger.Charge]:
    """What this sending cost, to be booked once: under the provider's id, or under `key` where it has none.

    `generation` is one, or a row of its columns `BILLED_BY`.
    """
    model = catalogue.get_model(generation.model)
    lines = catalogue.bill_lines(model, progress.metrics, generation.width, generation.height, outcome=progress.status)
    return [
        ledger.Charge(
            key=f"render:{generation.pk}:{key or generation.external_id}:{line.unit}",
            unit=line.unit,
            quantity=line.quantity,
            provider=generation.provider,
            model=generation.model,
            purpose="upscale" if generation.purpose == "upscale" else "render",
            workspace_id=generation.workspace_id,
            campaign_id=generation.campaign_id,
            shot_id=generation.shot_id,
            generation_id=generation.pk,
            ticket=generation.ticket,
            by_id=generation.requested_by_id,
            note=note,
        )
        for line in lines
    ]


def _charge_render(generation: Generation, progress: RenderProgress, *, key: str = "", note: str = "") -> None:
    ledger.charge_many(bill_of(generation, progress, key=key, note=note))


def _refuse(generation: Generation, *, kind: str, text: str, progress: RenderProgress | None = None) -> None:
    """Only a safety refusal climbs the ladder; wrong input, credit or access is a failure that people must mend."""
    if kind != "safety":
        fail(generation, kind=kind, text=text)
        return
    with transaction.atomic():
        moved = lifecycle.move(
            generation, to=GenerationState.REFUSED, note=text, error_kind=kind, error_text=text, due_at=None
        )
        if moved:
            if progress and progress.status is RenderStatus.SUCCEEDED:
                _charge_render(generation, progress)
            ledger.close(generation)


def _send_later(generation: Generation, *, text: str, kind: str, retry_after: float | None) -> bool:
    interrupted = len(generation.earlier_ids)
    if generation.tries >= retries.MAX_TRIES * 4:
        return fail(generation, kind="busy", text=f"Tried {generation.tries} times. The last answer: {text} {WAITED}")
    if generation.state == GenerationState.RENDERING and interrupted >= retries.MAX_INTERRUPTIONS:
        text = f"The provider broke off {interrupted + 1} times without a picture. The last time: {text} {WAITED}"
        return fail(generation, kind="interrupted", text=text)
    wait = retries.wait_before_try(
        tries=max(generation.tries, interrupted), retry_after=retry_after, jitter=random.random()
    )
    return lifecycle.move(
        generation,
        to=GenerationState.QUEUED,
        note=text,
        due_at=database_now() + timedelta(seconds=wait),
        tries=generation.tries,
        error_kind=kind,
        error_text=text,
    )


def fail(generation: Generation, *, kind: str, text: str) -> bool:
    """End it as failed, with the reason, and give the promise back."""
    with transaction.atomic():
        moved = lifecycle.move(
            generation, to=GenerationState.FAILED, note=text, error_kind=kind[:40], error_text=text, due_at=None
        )
        if moved:
            ledger.close(generation)
    return moved


def anything_in_flight() -> bool:
    """Whether the conductor should keep its quick pace."""
    return Generation.objects.filter(
        state__in=[
            GenerationState.QUEUED,
            GenerationState.SUBMITTING,
            GenerationState.IN_DOUBT,
            GenerationState.RENDERING,
        ]
    ).exists()
