"""What one round of the conductor reads and writes, many rows in each statement.

The rules are those of `dispatch`, which takes one at a time; whatever is out of the ordinary
goes there. Whoever comes second moves nothing, as everywhere.
"""

import logging
import random
import time
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from django.db import DataError, IntegrityError, transaction
from django.db.models import F, Q

from campaigns.database.bulk import among
from campaigns.database.clock import database_now
from generation import lifecycle
from generation.engine import outcomes
from generation.engine.sweep import Nudge
from generation.lifecycle import Sending
from generation.models import Generation
from generation.money import ledger
from generation.money.price_book import NoPrice
from generation.providers.base import ProviderBusy, ProviderError, RenderProgress, RenderStatus, Submission
from generation.rules import retries
from generation.rules.states import GenerationState

logger = logging.getLogger(__name__)
Item = TypeVar("Item")

# A render whose news cannot be written is left alone for this long.
UNWRITABLE_SECONDS = 20.0
LONGEST_BACK_OFF = 30.0
# One row of a batch that no database takes, or that has no price, must not hold up the others.
ONE_BAD_ROW = (IntegrityError, DataError, NoPrice, ArithmeticError, ValueError)


class Look(NamedTuple):
    """One render that is due for a look: what it takes to ask, and to decide when to ask again."""

    generation_id: str
    provider: str
    external_id: str
    looks: int
    estimated_seconds: float
    submitted_at: datetime | None
    cancel_asked: bool


class Sent(NamedTuple):
    """One claim that the provider took, and when its answer came (`time.monotonic`)."""

    sending: Sending
    submission: Submission
    answered_at: float


Seen = tuple[Look, RenderProgress]
Missed = tuple[Look, ProviderError]


def due_looks(*, limit: int, besides: Collection[str] = ()) -> list[Look]:
    """Renders that are due for a look, the longest waiting first, but those that are being looked at (`besides`).

    Who looks is not written down: only the leader does, a look costs nothing, and its news moves a row once.
    """
    now = database_now()
    due = Generation.objects.filter(Q(due_at__isnull=True) | Q(due_at__lte=now), state=GenerationState.RENDERING)
    if besides:
        due = due.exclude(among("pk", list(besides)))
    columns = ("pk", *Look._fields[1:])
    rows = due.order_by(F("due_at").asc(nulls_first=True)).values_list(*columns)[:limit]
    return [Look(*row) for row in rows]


def record_submissions(sent: Sequence[Sent]) -> list[tuple[str, str]]:
    """The provider took them: rendering. Returns (provider, external id) of those that nobody is waiting for."""
    orphans: list[tuple[str, str]] = []

    def at_once(items: Sequence[Sent]) -> None:
        moved = _move_submitted(items)
        for sending, submission, _ in items:
            if sending.pk not in moved and outcomes.record_late_submission(sending, submission):
                orphans.append((sending.provider, submission.external_id))

    _all_or_each(sent, at_once)
    return orphans


def _move_submitted(sent: Sequence[Sent]) -> frozenset[str]:
    now, here = database_now(), time.monotonic()
    return lifecycle.move_many(
        [
            lifecycle.Step(
                generation_id=sending.pk,
                origin=GenerationState.SUBMITTING,
                to=GenerationState.RENDERING,
                # under another claim it was sent by somebody else since
                claimed_by=sending.claimed_by,
                fields={
                    "external_id": submission.external_id,
                    "estimated_seconds": submission.estimated_seconds,
                    "looks": 0,
                    # the render runs since the answer, however long this round waited for its turn
                    "due_at": now
                    + timedelta(
                        seconds=answered_at
                        - here
                        + outcomes.wait_before_look(
                            sending.provider, looks=0, estimated_seconds=submission.estimated_seconds
                        )
                    ),
                    "error_kind": "",
                    "error_text": "",
                },
            )
            for sending, submission, answered_at in sent
        ]
    )


def record_progresses(seen: Sequence[Seen]) -> list[Nudge]:
    """Write what the looks told; the steps that follow."""
    nudges: list[Nudge] = []
    running = [item for item in seen if item[1].status is RenderStatus.RUNNING]
    finished = [item for item in seen if item[1].status is RenderStatus.SUCCEEDED and item[1].output_urls]
    ordinary = {look.generation_id for look, _ in (*running, *finished)}

    def finish(items: Sequence[Seen]) -> None:
        nudges.extend(Nudge("mirror", pk) for pk in sorted(_finish_renders(items)))

    _all_or_each(running, _look_again, otherwise=_look_much_later)
    _all_or_each(finished, finish, otherwise=_look_much_later)
    for look, progress in seen:
        if look.generation_id not in ordinary:
            nudges += _record_one(look, progress)
    return nudges


def _record_one(look: Look, progress: RenderProgress) -> list[Nudge]:
    """Refused, failed, interrupted, cancelled, gone: one at a time, by the rules of `dispatch`."""
    generation = Generation.objects.filter(pk=look.generation_id, external_id=look.external_id).first()
    if generation is None or generation.state != GenerationState.RENDERING:
        return []
    outcomes.record_progress(generation, progress)
    over = generation.state in {GenerationState.REFUSED, GenerationState.FAILED}
    return [Nudge("follow_up", generation.pk)] if over else []


def _look_again(seen: Sequence[Seen]) -> None:
    now = database_now()
    waits: dict[tuple[float, int], list[str]] = {}
    for look, progress in seen:
        if look.submitted_at and (now - look.submitted_at).total_seconds() > retries.DEADLINE_SECONDS:
            _record_one(look, progress)
            continue
        looks = look.looks + 1
        wait = outcomes.wait_before_look(look.provider, looks=looks, estimated_seconds=look.estimated_seconds)
        waits.setdefault((wait, looks), []).append(look.generation_id)
    for (wait, looks), generations in waits.items():
        Generation.objects.filter(among("pk", generations), state=GenerationState.RENDERING).update(
            looks=looks, due_at=now + timedelta(seconds=wait)
        )


def _look_much_later(item: Seen) -> None:
    """The look comes again, and in the end its deadline."""
    Generation.objects.filter(pk=item[0].generation_id, state=GenerationState.RENDERING).update(
        due_at=database_now() + timedelta(seconds=UNWRITABLE_SECONDS)
    )


@transaction.atomic
def _finish_renders(seen: Sequence[Seen]) -> frozenset[str]:
    progress_of = {look.generation_id: progress for look, progress in seen}
    moved = lifecycle.move_many(
        [
            lifecycle.Step(
                generation_id=look.generation_id,
                origin=GenerationState.RENDERING,
                to=GenerationState.FETCHING,
                external_id=look.external_id,
                fields=outcomes.kept_of(progress),
            )
            for look, progress in seen
        ]
    )
    arrived = Generation.objects.filter(among("pk", sorted(moved)))
    bills = [
        outcomes.bill_of(generation, progress_of[generation.pk])
        for generation in arrived.values_list(*outcomes.BILLED_BY, named=True)
    ]
    ledger.charge_many([charge for bill in bills for charge in bill])
    return moved


def record_missed(missed: Sequence[Missed]) -> None:
    """The provider could not be asked; look again later, no strike."""
    now = database_now()
    alike: dict[tuple[str, float | None, int], list[str]] = {}
    for look, error in missed:
        retry_after = error.retry_after if isinstance(error, ProviderBusy) else None
        alike.setdefault((str(error), retry_after, look.looks), []).append(look.generation_id)
    for (note, retry_after, looks), generations in alike.items():
        wait = retries.wait_before_try(tries=looks, retry_after=retry_after, jitter=random.random())
        Generation.objects.filter(among("pk", generations), state=GenerationState.RENDERING).update(
            due_at=now + timedelta(seconds=min(wait, LONGEST_BACK_OFF)), error_text=note
        )


def _all_or_each(
    items: Sequence[Item], record: Callable[[Sequence[Item]], None], *, otherwise: Callable[[Item], None] | None = None
) -> None:
    """All in one go; where one of them cannot be written, each by itself, and that one is told in the log.

    `otherwise` is what becomes of it.
    """
    if not items:
        return
    try:
        record(items)
    except ONE_BAD_ROW:
        for item in items:
            try:
                record([item])
            except ONE_BAD_ROW:
                logger.exception("A render could not be recorded")
                if otherwise is not None:
                    otherwise(item)
