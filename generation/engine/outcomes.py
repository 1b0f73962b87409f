"""Records what came of requests to the providers: who was submitted, what a poll or a report told.

Many rows are written in one statement; one is a list of one. Short transactions, no network. Whoever comes second
moves nothing. What is out of the ordinary ends one by one (`endings`).
"""

import logging
import random
import time
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from django.conf import settings
from django.db import DataError, IntegrityError, transaction
from django.db.models import F

from campaigns.database.bulk import among
from campaigns.database.clock import database_now
from generation import lifecycle
from generation.catalogue.providers import IMAGE_PROVIDERS
from generation.engine import endings
from generation.engine.nudges import Nudge
from generation.lifecycle import ClaimedGeneration
from generation.models import Generation, GenerationState
from generation.money import ledger
from generation.money.bills import BILLED_BY, NoPrice, bill_of
from generation.rules import retries
from generation.rules.values import ProviderBusy, ProviderError, RenderProgress, RenderStatus, Submission

logger = logging.getLogger(__name__)
Item = TypeVar("Item")

SUBMIT_LEASE_SECONDS = 22.0
# A report comes within a second of the end and is tried again for a minute: polls are rarer, never absent.
REPORTED_PATIENCE = 2.0
# A render whose news cannot be written is left alone for this long.
UNWRITABLE_SECONDS = 20.0
LONGEST_BACK_OFF = 30.0
# One row of a batch that no database takes, or that has no price, must not hold up the others.
ONE_BAD_ROW = (IntegrityError, DataError, NoPrice, ArithmeticError, ValueError)


class Submitted(NamedTuple):
    """One claim that the provider took, and when its answer came (`time.monotonic`)."""

    claimed: ClaimedGeneration
    submission: Submission
    answered_at: float


class Poll(NamedTuple):
    """One render that is due to be asked about: what it takes to ask, and to decide when to ask again."""

    generation_id: str
    provider: str
    external_id: str
    polls: int
    estimated_seconds: float
    submitted_at: datetime | None
    cancel_asked: bool

    @classmethod
    def of(cls, generation: Generation) -> "Poll":
        """Make one for a report about this generation."""
        return cls(generation.pk, *(getattr(generation, name) for name in cls._fields[1:]))


Polled = tuple[Poll, RenderProgress]
PollFailed = tuple[Poll, ProviderError]


def wait_before_poll(provider: str, *, polls: int, estimated_seconds: float) -> float:
    """Give the seconds until the next poll. Where the provider reports by itself, polls only find lost reports."""
    seconds = retries.wait_before_poll(polls=polls, estimated_seconds=estimated_seconds)
    return seconds * REPORTED_PATIENCE if settings.LOUPE_PUBLIC_URL and IMAGE_PROVIDERS[provider].reports else seconds


def due_polls(*, limit: int, besides: Collection[str] = ()) -> list[Poll]:
    """Find renders that are due to be asked about, the longest waiting first, but those being asked about (`besides`).

    Who asks is not written down: only the leader does, a poll costs nothing, and its news moves a row once.
    """
    due = Generation.objects.due(database_now()).filter(state=GenerationState.RENDERING)
    if besides:
        due = due.exclude(among("pk", list(besides)))
    rows = due.order_by(F("due_at").asc(nulls_first=True)).values_list("pk", *Poll._fields[1:])[:limit]
    return [Poll(*row) for row in rows]


# --- submissions -----------------------------------------------------------------------


def record_submissions(submitted: Sequence[Submitted]) -> list[tuple[str, str]]:
    """Move what the providers took to rendering; returns (provider, external id) of those that nobody waits for."""
    orphans: list[tuple[str, str]] = []

    def record(items: Sequence[Submitted]) -> None:
        moved = _move_submitted(items)
        for claimed, submission, _ in items:
            if claimed.pk not in moved and _record_late_submission(claimed, submission):
                orphans.append((claimed.provider, submission.external_id))

    _record_all_or_each(submitted, record)
    return orphans


def _move_submitted(submitted: Sequence[Submitted]) -> frozenset[str]:
    now, here = database_now(), time.monotonic()

    def first_poll_at(item: Submitted) -> datetime:
        # the render runs since the answer, however long this round waited for its turn
        wait = wait_before_poll(item.claimed.provider, polls=0, estimated_seconds=item.submission.estimated_seconds)
        return now + timedelta(seconds=item.answered_at - here + wait)

    return lifecycle.move_many(
        [
            lifecycle.Step(
                generation_id=item.claimed.pk,
                origin=GenerationState.SUBMITTING,
                to=GenerationState.RENDERING,
                # under another claim it was sent by somebody else since
                claimed_by=item.claimed.claimed_by,
                fields={
                    "external_id": item.submission.external_id,
                    "estimated_seconds": item.submission.estimated_seconds,
                    "polls": 0,
                    "due_at": first_poll_at(item),
                    "error_kind": "",
                    "error_text": "",
                },
            )
            for item in submitted
        ]
    )


def _record_late_submission(claimed: ClaimedGeneration, submission: Submission) -> bool:
    """Record an answer that came after its claim had ended; True where nobody waits for that prediction any more.

    What is in doubt over this very submission takes it. What was sent again since must not run twice.
    """
    row = Generation.objects.filter(pk=claimed.pk).first()
    if row is None:
        return True
    if row.state == GenerationState.IN_DOUBT and row.submitted_at == claimed.submitted_at:
        row.estimated_seconds = submission.estimated_seconds
        record_found(row, submission.external_id)
        return False
    return submission.external_id not in {row.external_id, *row.earlier_ids}


def record_failed_submission(claimed: ClaimedGeneration, error: ProviderError) -> None:
    """Record a submission that came to nothing, or to nobody knows what; under a later claim it changes nothing."""
    if (generation := claimed.row()) is not None:
        endings.end_submission(generation, error)


def record_found(generation: Generation, external_id: str | None) -> None:
    """Record what asking told of a generation in doubt: attached again, or never arrived and sent once more."""
    if external_id:
        lifecycle.move(
            generation,
            to=GenerationState.RENDERING,
            note="Found at the provider.",
            external_id=external_id,
            polls=0,
            due_at=None,
            error_kind="",
            error_text="",
        )
    else:
        lifecycle.move(
            generation, to=GenerationState.QUEUED, note="It never reached the provider.", due_at=None, error_kind=""
        )


# --- polls and reports -----------------------------------------------------------------


def record_polls(polled: Sequence[Polled]) -> list[Nudge]:
    """Write what polls or reports told; returns the steps that follow. Late news changes nothing."""
    nudges: list[Nudge] = []
    running = [item for item in polled if item[1].status is RenderStatus.RUNNING]
    finished = [item for item in polled if item[1].status is RenderStatus.SUCCEEDED and item[1].output_urls]
    ordinary = {poll.generation_id for poll, _ in (*running, *finished)}

    def finish(items: Sequence[Polled]) -> None:
        nudges.extend(Nudge("mirror", pk) for pk in sorted(_finish_renders(items)))

    _record_all_or_each(running, _poll_again, otherwise=_poll_much_later)
    _record_all_or_each(finished, finish, otherwise=_poll_much_later)
    for poll, progress in polled:
        if poll.generation_id not in ordinary:
            nudges += _end_one(poll, progress)
    return nudges


def record_report(generation: Generation, progress: RenderProgress) -> list[Nudge]:
    """Write what a provider reported by itself of a render; returns the steps that follow."""
    return record_polls([(Poll.of(generation), progress)])


def _end_one(poll: Poll, progress: RenderProgress) -> list[Nudge]:
    """Refused, failed, interrupted, cancelled or gone: one at a time."""
    generation = Generation.objects.filter(pk=poll.generation_id, external_id=poll.external_id).first()
    if generation is None or generation.state != GenerationState.RENDERING:
        return []
    endings.end_render(generation, progress)
    over = generation.state in {GenerationState.REFUSED, GenerationState.FAILED}
    return [Nudge("follow_up", generation.pk)] if over else []


def _poll_again(polled: Sequence[Polled]) -> None:
    now = database_now()
    waits: dict[tuple[float, int], list[str]] = {}
    for poll, progress in polled:
        if poll.submitted_at and (now - poll.submitted_at).total_seconds() > retries.DEADLINE_SECONDS:
            _end_one(poll, progress)
            continue
        polls = poll.polls + 1
        wait = wait_before_poll(poll.provider, polls=polls, estimated_seconds=poll.estimated_seconds)
        waits.setdefault((wait, polls), []).append(poll.generation_id)
    for (wait, polls), generations in waits.items():
        _rendering(generations).update(polls=polls, due_at=now + timedelta(seconds=wait))


def _poll_much_later(item: Polled) -> None:
    """The poll comes again, and in the end its deadline."""
    _rendering([item[0].generation_id]).update(due_at=database_now() + timedelta(seconds=UNWRITABLE_SECONDS))


@transaction.atomic
def _finish_renders(polled: Sequence[Polled]) -> frozenset[str]:
    progress_of = {poll.generation_id: progress for poll, progress in polled}
    moved = lifecycle.move_many(
        [
            lifecycle.Step(
                generation_id=poll.generation_id,
                origin=GenerationState.RENDERING,
                to=GenerationState.FETCHING,
                external_id=poll.external_id,
                fields={
                    "provider_url": progress.output_urls[0],
                    "metrics": progress.metrics,
                    "due_at": None,
                    "error_kind": "",
                    "error_text": "",
                    # a seed that never arrived would promise what nobody can repeat
                    **({"seed": None} if progress.seedless else {}),
                },
            )
            for poll, progress in polled
        ]
    )
    rows = Generation.objects.filter(among("pk", sorted(moved))).values_list(*BILLED_BY, named=True)
    ledger.charge([charge for row in rows for charge in bill_of(row, progress_of[row.pk])])
    return moved


def record_failed_polls(failed: Sequence[PollFailed]) -> None:
    """Ask again later: the provider could not be asked. No strike."""
    now = database_now()
    alike: dict[tuple[str, float | None, int], list[str]] = {}
    for poll, error in failed:
        retry_after = error.retry_after if isinstance(error, ProviderBusy) else None
        alike.setdefault((str(error), retry_after, poll.polls), []).append(poll.generation_id)
    for (note, retry_after, polls), generations in alike.items():
        wait = retries.wait_before_try(tries=polls, retry_after=retry_after, jitter=random.random())
        _rendering(generations).update(due_at=now + timedelta(seconds=min(wait, LONGEST_BACK_OFF)), error_text=note)


def _rendering(generations: Sequence[str]):  # type: ignore[no-untyped-def]  # a queryset
    return Generation.objects.filter(among("pk", generations), state=GenerationState.RENDERING)


def _record_all_or_each(
    items: Sequence[Item], record: Callable[[Sequence[Item]], None], *, otherwise: Callable[[Item], None] | None = None
) -> None:
    """Record all in one go; where one of them cannot be written, each by itself, and that one is logged.

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
