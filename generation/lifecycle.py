"""The only writer of `Generation.state`. Every step is a compare-and-set and leaves an event.

A caller that lost the race gets False (or fewer rows) and stops: somebody else did the step.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

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


# What a submission is made from: the rest of the row is read when it is asked for.
SENT_FROM = (
    "provider",
    "model",
    "prompt",
    "negative_prompt",
    "width",
    "height",
    "seed",
    "guidance",
    "steps",
    "purpose",
    "parameters",
    "references",
    "mask",
    "parent",
    "state",
    "claimed_by",
    "submitted_at",
    "created_at",
    "tries",
    "external_id",
    "earlier_ids",
)
FIELDS: dict[str, Any] = {field.name: field for field in Generation._meta.concrete_fields}


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
    Nothing goes back to the queue this way: that is for `move`, which keeps the id of the sending that is over.
    """
    for step in steps:
        if step.to is GenerationState.QUEUED or not may_move(origin=step.origin, to=step.to):
            raise ForbiddenMove(f"{step.origin} to {step.to}")
    rows = Generation.objects.select_for_update().filter(pk__in=[step.generation_id for step in steps])
    standing = {row[0]: row[1:] for row in rows.order_by("pk").values_list("pk", "state", "claimed_by", "external_id")}
    # a row that took one step is taken out: it cannot take another from the same state
    won = [step for step in steps if step.holds(standing.pop(step.generation_id, None))]
    _write_steps(won, now=database_now())
    _write_events([(step.generation_id, step.origin, step.to, step.note) for step in won])
    return frozenset(step.generation_id for step in won)


def _write_steps(steps: Iterable[Step], *, now: datetime) -> None:
    """One UPDATE for all steps between the same states that write the same columns."""
    groups: dict[tuple[str, ...], list[tuple[str, dict[str, Any]]]] = {}
    for step in steps:
        changes: dict[str, Any] = {"state": step.to, "claimed_by": "", "claimed_until": None, "tries": 0, **step.fields}
        if step.to in TERMINAL:
            changes.setdefault("completed_at", now)
        groups.setdefault((step.origin, *changes), []).append((step.generation_id, changes))
    for (origin, *names), rows in groups.items():
        parts, values = [], []
        for name in names:
            part, given = _column(name, rows)
            parts.append(part)
            values += given
        keys = [generation_id for generation_id, _ in rows]
        table = connection.ops.quote_name(Generation._meta.db_table)
        places = ", ".join(["%s"] * len(keys))
        # table and columns are the model's own names; every value is a parameter
        statement = f"UPDATE {table} SET {', '.join(parts)} WHERE id IN ({places}) AND state = %s"  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(statement, [*values, *keys, origin])


def _column(name: str, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> tuple[str, list[Any]]:
    """What one column becomes, with its parameters: one value for all, or a value by id."""
    field = FIELDS[name]
    column = connection.ops.quote_name(field.column)
    first = rows[0][1][name]
    if all(changes[name] == first for _, changes in rows):
        return f"{column} = %s", [field.get_db_prep_save(first, connection=connection)]
    by_id = " ".join(["WHEN %s THEN %s"] * len(rows))
    values: list[Any] = []
    for generation_id, changes in rows:
        values += [generation_id, field.get_db_prep_save(changes[name], connection=connection)]
    return f"{column} = CASE id {by_id} END", values


def _write_events(steps: Sequence[tuple[str, str, str, str]]) -> None:
    """Events of many moves (generation, origin, to, note) in one INSERT: a third of the time of as many objects."""
    if not steps:
        return
    table = connection.ops.quote_name(GenerationEvent._meta.db_table)
    at = connection.ops.adapt_datetimefield_value(timezone.now())
    places = ", ".join(["(%s, %s, %s, %s, %s)"] * len(steps))
    # the table is the model's own name; every value is a parameter
    statement = f'INSERT INTO {table} (generation_id, origin, "to", note, at) VALUES {places}'  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, [value for step in steps for value in (*map(str, step), at)])


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
        mine = Generation.objects.filter(pk__in=candidates, claimed_by=token)
        won = list(mine.order_by("created_at", "pk").only(*SENT_FROM))
        _write_events([(row.pk, GenerationState.QUEUED, GenerationState.SUBMITTING, "") for row in won])
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


def hold(pk: str, *, holder: str, seconds: float) -> bool:
    """Keep others from a row that is over while its next step is thought about; False where somebody does so."""
    now = database_now()
    free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=now)
    held = Generation.objects.filter(free, pk=pk, followed_up=False).update(
        claimed_by=holder, claimed_until=now + timedelta(seconds=seconds)
    )
    return held == 1


def let_go(pk: str, *, holder: str) -> None:
    """End a hold, if it is still ours."""
    Generation.objects.filter(pk=pk, claimed_by=holder).update(claimed_by="", claimed_until=None)
