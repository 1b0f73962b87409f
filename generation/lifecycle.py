"""The only writer of `Generation.state`. Every step is a compare-and-set and leaves an event.

A caller that lost the race gets False (or fewer rows) and stops: somebody else did the step.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from campaigns.models import User
from generation.clock import database_now
from generation.models import Generation, GenerationEvent
from generation.states import TERMINAL, GenerationState, may_move


class ForbiddenMove(Exception):
    """The table in `states.py` does not know this step: a mistake in the program."""


def move(generation: Generation, *, to: GenerationState, note: str = "", by: User | None = None, **fields: Any) -> bool:
    """Move from the state the object carries to `to`, writing `fields` with it; False if somebody was faster.

    The object is brought up to date on success. A claim ends with the step.
    """
    origin = GenerationState(generation.state)
    if not may_move(origin=origin, to=to):
        raise ForbiddenMove(f"{origin} to {to}")
    now = database_now()
    changes: dict[str, Any] = {"state": to, "claimed_by": "", "claimed_until": None, "tries": 0, **fields}
    if to in TERMINAL:
        changes.setdefault("completed_at", now)
    if to is GenerationState.QUEUED and generation.external_id:
        # what that sending still reports must not be taken for the next one
        changes |= {"external_id": "", "earlier_ids": [*generation.earlier_ids, generation.external_id]}
    with transaction.atomic():
        if Generation.objects.filter(pk=generation.pk, state=origin).update(**changes) != 1:
            return False
        GenerationEvent.objects.create(generation_id=generation.pk, origin=origin, to=to, note=note, by=by)
    for name, value in changes.items():
        setattr(generation, name, value)
    return True


def start(generations: Iterable[Generation], *, by: User | None) -> list[Generation]:
    """Insert new generations as queued, with their first event. Raises IntegrityError where a key exists."""
    rows = list(generations)
    with transaction.atomic():
        Generation.objects.bulk_create(rows)
        GenerationEvent.objects.bulk_create(
            GenerationEvent(generation=row, origin="", to=GenerationState.QUEUED, by=by) for row in rows
        )
    return rows


def claim_queued(*, provider: str, holder: str, limit: int, seconds: float) -> list[Generation]:
    """Take up to `limit` due generations for submission: queued to submitting under a lease of `seconds`."""
    now = database_now()
    due = Q(due_at__isnull=True) | Q(due_at__lte=now)
    candidates = list(
        Generation.objects.filter(
            due, provider=provider, state=GenerationState.QUEUED, campaign__paused_at__isnull=True
        )
        .order_by("created_at", "pk")
        .values_list("pk", flat=True)[:limit]
    )
    if not candidates:
        return []
    # the batch's own token tells which rows this very statement won
    token = f"{holder}/{now.timestamp():.6f}"
    with transaction.atomic():
        Generation.objects.filter(pk__in=candidates, state=GenerationState.QUEUED).update(
            state=GenerationState.SUBMITTING,
            claimed_by=token,
            claimed_until=now + timedelta(seconds=seconds),
            submitted_at=now,
            tries=F("tries") + 1,
        )
        won = list(
            Generation.objects.select_related("shot", "campaign", "workspace", "parent").filter(
                pk__in=candidates, claimed_by=token
            )
        )
        GenerationEvent.objects.bulk_create(
            GenerationEvent(generation=row, origin=GenerationState.QUEUED, to=GenerationState.SUBMITTING) for row in won
        )
    return won


def claim(pk: str, *, state: GenerationState, holder: str, seconds: float) -> Generation | None:
    """Take one step of one generation for `seconds`; None where it moved on or somebody else holds it."""
    now = database_now()
    free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=now)
    due = Q(due_at__isnull=True) | Q(due_at__lte=now)
    won = Generation.objects.filter(free, due, pk=pk, state=state).update(
        claimed_by=holder, claimed_until=now + timedelta(seconds=seconds), tries=F("tries") + 1
    )
    if won != 1:
        return None
    return Generation.objects.select_related("shot", "campaign", "campaign__brand_kit", "workspace").get(pk=pk)


def postpone(generation: Generation, *, seconds: float, note: str) -> None:
    """Give a claimed step back, to be tried again in `seconds`; says why on the row."""
    Generation.objects.filter(pk=generation.pk, state=generation.state).update(
        claimed_by="",
        claimed_until=None,
        due_at=database_now() + timedelta(seconds=seconds),
        error_text=note,
    )
