"""How a submission or a render ends that did not simply succeed: refused, failed, interrupted, cancelled, lost."""

import random
from copy import copy
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.db import transaction

from campaigns.database.clock import database_now
from generation import lifecycle
from generation.models import Generation, GenerationState
from generation.money import ledger
from generation.money.bills import bill_of
from generation.rules import retries
from generation.rules.values import (
    OutcomeUnknown,
    ProviderBusy,
    ProviderError,
    ProviderRefused,
    RenderProgress,
    RenderStatus,
)

# A lost POST may still be on its way: ask only after the provider's list can know it.
DOUBT_SECONDS = 5.0
WAITED = "Start it again later, or choose another model."


def end_submission(generation: Generation, error: ProviderError) -> None:
    """Apply an error of the POST. Refused: the ladder. Busy: back to the queue, no strike. Unknown: in doubt, the
    reservation is held.
    """
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


def end_render(generation: Generation, progress: RenderProgress) -> None:
    """Apply what a poll or a report told of a render that brought no image, or that has met our deadline."""
    status = progress.status
    if status is RenderStatus.RUNNING:
        fail(generation, kind="timeout", text="The provider did not finish within 30 minutes.")
    elif status in {RenderStatus.SUCCEEDED, RenderStatus.REFUSED}:
        # an empty output list is an image that the safety filter dropped silently
        text = progress.error_text or "The provider's safety filter returned no picture."
        _refuse(generation, kind=progress.error_kind or "safety", text=text, progress=progress)
    elif status is RenderStatus.INTERRUPTED or (progress.error_kind == "aborted" and not generation.cancel_asked):
        _interrupt(generation, progress)
    elif status is RenderStatus.CANCELLED:
        _cancel(generation, progress)
    elif status is RenderStatus.GONE:
        _lose(generation, progress)
    else:
        fail(generation, kind=progress.error_kind or "failed", text=progress.error_text or "The render failed.")


def fail(generation: Generation, *, kind: str, text: str) -> bool:
    """End it as failed, with the reason, and release its reservation; False where it moved on."""
    with transaction.atomic():
        moved = lifecycle.move(
            generation, to=GenerationState.FAILED, note=text, error_kind=kind[:40], error_text=text, due_at=None
        )
        if moved:
            ledger.close(generation)
    return moved


def cancel_returned() -> int:
    """Cancel what a person asked to stop while it was being sent, and what then came back to the queue; how many."""
    returned = Generation.objects.filter(state=GenerationState.QUEUED, cancel_asked=True)
    cancelled = 0
    for generation in returned:
        with transaction.atomic():
            if lifecycle.move(generation, to=GenerationState.CANCELLED, note="Cancelled before it was sent again."):
                ledger.close(generation)
                cancelled += 1
    return cancelled


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
                ledger.charge(bill_of(generation, progress))
            ledger.close(generation)


def _cancel(generation: Generation, progress: RenderProgress) -> None:
    """As a person asked; what nobody here asked for, people must see."""
    to, changes = GenerationState.CANCELLED, dict[str, Any]()
    if not generation.cancel_asked:
        text = "It was cancelled at the provider, not by Loupe; what it ran is paid. Start it again if it is wanted."
        to, changes = GenerationState.FAILED, {"error_kind": "cancelled_there", "error_text": text}
    with transaction.atomic():
        if lifecycle.move(generation, to=to, note=progress.error_text, due_at=None, **changes):
            ledger.charge(bill_of(generation, progress))
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
            ledger.charge(bill_of(generation, replace(progress, status=RenderStatus.SUCCEEDED), note=note))
            ledger.close(generation)


def _interrupt(generation: Generation, progress: RenderProgress) -> None:
    """Sent again, no strike. A run that met our own deadline is billed by the provider for its seconds."""
    with transaction.atomic():
        interrupted = copy(generation)
        moved = _send_later(generation, text=progress.error_text, kind=progress.error_kind, retry_after=None)
        if moved and progress.error_kind == "deadline":
            ledger.charge(bill_of(interrupted, replace(progress, status=RenderStatus.CANCELLED)))


def _send_later(generation: Generation, *, text: str, kind: str, retry_after: float | None) -> bool:
    interruptions = len(generation.earlier_ids)
    if generation.tries >= retries.MAX_TRIES * 4:
        return fail(generation, kind="busy", text=f"Tried {generation.tries} times. The last answer: {text} {WAITED}")
    if generation.state == GenerationState.RENDERING and interruptions >= retries.MAX_INTERRUPTIONS:
        text = (
            f"The provider interrupted it {interruptions + 1} times without a picture. The last time: {text} {WAITED}"
        )
        return fail(generation, kind="interrupted", text=text)
    wait = retries.wait_before_try(
        tries=max(generation.tries, interruptions), retry_after=retry_after, jitter=random.random()
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
