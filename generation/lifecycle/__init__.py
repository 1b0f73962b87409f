"""The only writer of `Generation.state`. Every step is a compare-and-set and leaves an event.

A caller that lost the race gets False (or fewer rows) and stops: somebody else did the step.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone

from campaigns.database.bulk import among, insert_many, update_many
from campaigns.database.clock import database_now
from campaigns.models import User
from generation.lifecycle import wake
from generation.models import Generation, GenerationEvent
from generation.rules.states import TERMINAL, GenerationState, may_move


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
        # what that submission still reports must not be taken for the next one
        changes |= {"external_id": "", "earlier_ids": [*generation.earlier_ids, generation.external_id]}
    with transaction.atomic():
        if Generation.objects.filter(pk=generation.pk, state=origin).update(**changes) != 1:
            return False
        GenerationEvent.objects.create(generation_id=generation.pk, origin=origin, to=to, note=note, by=by)
        if to is GenerationState.QUEUED:
            transaction.on_commit(wake.notify)
    for name, value in changes.items():
        setattr(generation, name, value)
    return True


class ClaimedGeneration(NamedTuple):
    """One claim for submission: what is sent, and under which claim. A model instance costs more than twice as much."""

    pk: str
    provider: str
    model: str
    prompt: str
    negative_prompt: str
    width: int
    height: int
    seed: int | None
    guidance: float | None
    steps: int | None
    purpose: str
    parameters: dict[str, Any]
    references: Sequence[int]
    mask: str
    parent_id: str | None
    claimed_by: str
    submitted_at: datetime

    def row(self) -> Generation | None:
        """The row, while it stands under this very claim."""
        return Generation.objects.filter(
            pk=self.pk, state=GenerationState.SUBMITTING, claimed_by=self.claimed_by
        ).first()


READ_FOR_SUBMISSION = tuple(name for name in ClaimedGeneration._fields if name not in ("claimed_by", "submitted_at"))


@dataclass(frozen=True, slots=True)
class Step:
    """One move among many. `claimed_by` and `external_id`: what the row must still carry, where they are given."""

    generation_id: str
    origin: GenerationState
    to: GenerationState
    fields: Mapping[str, Any]
    note: str = ""
    claimed_by: str | None = None
    external_id: str | None = None

    def holds(self, standing: tuple[str, str, str] | None) -> bool:
        """Whether a row that stands so may take this step."""
        if standing is None:
            return False
        state, claimed_by, external_id = standing
        return (
            state == self.origin and self.claimed_by in (None, claimed_by) and self.external_id in (None, external_id)
        )


@transaction.atomic
def move_many(steps: Sequence[Step]) -> frozenset[str]:
    """Move many at once, by the rules of `move`; the ids of those that moved: whoever comes second moves nothing.

    The rows are locked in the order of their ids, so that two who move many never wait for each other in a ring.
    Nothing goes back to the queue this way: that is for `move`, which keeps the id of the submission that is over.
    """
    for step in steps:
        if step.to is GenerationState.QUEUED or not may_move(origin=step.origin, to=step.to):
            raise ForbiddenMove(f"{step.origin} to {step.to}")
    wanted = among("pk", [step.generation_id for step in steps])
    rows = Generation.objects.select_for_update().filter(wanted).order_by("pk")
    standing = {row[0]: row[1:] for row in rows.values_list("pk", "state", "claimed_by", "external_id")}
    # a row that took one step is taken out: it cannot take another from the same state
    won = [step for step in steps if step.holds(standing.pop(step.generation_id, None))]
    _write_steps(won, now=database_now())
    _write_events([(step.generation_id, step.origin, step.to, step.note) for step in won])
    return frozenset(step.generation_id for step in won)


def _write_steps(steps: Iterable[Step], *, now: datetime) -> None:
    """One UPDATE for all steps between the same states that write the same columns."""
    groups: dict[tuple[str, ...], list[tuple[Any, ...]]] = {}
    for step in steps:
        changes: dict[str, Any] = {"state": step.to, "claimed_by": "", "claimed_until": None, "tries": 0, **step.fields}
        if step.to in TERMINAL:
            changes.setdefault("completed_at", now)
        groups.setdefault((step.origin, *changes), []).append((step.generation_id, *changes.values()))
    for (origin, *names), rows in groups.items():
        update_many(Generation, ("id", *names), rows, where={"state": origin})


def _write_events(steps: Sequence[tuple[str, str, str, str]]) -> None:
    """The events of many moves: generation, origin, to, note."""
    at = timezone.now()
    insert_many(GenerationEvent, ("generation_id", "origin", "to", "note", "at"), [(*step, at) for step in steps])


def start(generations: Iterable[Generation], *, by: User | None) -> list[Generation]:
    """Insert new generations as queued, with their first event. Raises IntegrityError where a key exists."""
    rows = list(generations)
    with transaction.atomic():
        Generation.objects.bulk_create(rows)
        GenerationEvent.objects.bulk_create(
            GenerationEvent(generation=row, origin="", to=GenerationState.QUEUED, by=by) for row in rows
        )
        transaction.on_commit(wake.notify)
    return rows


@transaction.atomic
def claim_queued(*, provider: str, holder: str, limit: int, seconds: float) -> list[ClaimedGeneration]:
    """Take up to `limit` due generations for submission: queued to submitting under a lease of `seconds`."""
    now = database_now()
    queued = Generation.objects.due(now).filter(
        provider=provider, state=GenerationState.QUEUED, cancel_asked=False, campaign__paused_at__isnull=True
    )
    # every claim has a token of its own: a later claim by the same holder is another one
    token = f"{holder}/{now.timestamp():.6f}"
    free = queued.order_by("created_at", "pk").lock_free(now, most=limit)
    won = [ClaimedGeneration._make((*row, token, now)) for row in free.values_list(*READ_FOR_SUBMISSION)]
    if won:
        Generation.objects.filter(among("pk", [each.pk for each in won]), state=GenerationState.QUEUED).update(
            state=GenerationState.SUBMITTING,
            claimed_by=token,
            claimed_until=now + timedelta(seconds=seconds),
            submitted_at=now,
            tries=F("tries") + 1,
        )
        _write_events([(each.pk, GenerationState.QUEUED, GenerationState.SUBMITTING, "") for each in won])
    return won


@transaction.atomic
def give_back(claimed: Sequence[ClaimedGeneration], *, seconds: float, note: str) -> int:
    """Back to the queue for `seconds` what was claimed and never sent: no try, no strike; how many stood so."""
    claims = {each.pk: each.claimed_by for each in claimed}
    rows = Generation.objects.select_for_update().filter(among("pk", list(claims)), state=GenerationState.SUBMITTING)
    standing = rows.order_by("pk").values_list("pk", "claimed_by")
    ours = [pk for pk, claimed_by in standing if claimed_by == claims[pk]]
    if ours:
        Generation.objects.filter(among("pk", ours), state=GenerationState.SUBMITTING).update(
            state=GenerationState.QUEUED,
            claimed_by="",
            claimed_until=None,
            due_at=database_now() + timedelta(seconds=seconds),
            tries=Greatest(F("tries") - 1, 0),
            error_kind="held_up",
            error_text=note,
        )
        _write_events([(pk, GenerationState.SUBMITTING, GenerationState.QUEUED, note) for pk in ours])
    return len(ours)


def claim(pk: str, *, state: GenerationState, holder: str, seconds: float) -> Generation | None:
    """Take one step of one generation for `seconds`; None where it moved on or somebody else holds it."""
    step = Generation.objects.due(database_now()).filter(pk=pk, state=state)
    if step.claim(holder=holder, seconds=seconds, tries=F("tries") + 1) != 1:
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


def hold(pk: str, *, holder: str, seconds: float) -> bool:
    """Keep others from a row that is over while its next step is thought about; False where somebody does so."""
    return Generation.objects.filter(pk=pk, followed_up=False).claim(holder=holder, seconds=seconds) == 1


def let_go(pk: str, *, holder: str) -> None:
    """End a hold, if it is still ours."""
    Generation.objects.filter(pk=pk).release(holder=holder)
