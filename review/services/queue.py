"""Who holds which image of a review queue. Only writer of ReviewLease.

A lease is taken by one conditional statement, so that no two people get the same image; it is renewed while one
looks and ends by itself. A verdict does not end it: an undo within its time finds it in the same hands. Where the
campaign asks for an independent first look everybody is to decide on everything, so nothing is leased.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection

from campaigns.database.clock import database_now
from campaigns.models import User
from generation.models import Generation
from review.models import ReviewLease
from review.queries.queue import Queue, next_in_line, waiting

LEASE = timedelta(minutes=2)
MOST_AHEAD = 5
# Candidates a look at the table: as many as colleagues are likely to have taken since.
CANDIDATES = 16
# Looks until one gives up; each that fails lost to colleagues who did get something.
LOOKS = 25

_CLAIM = """
    INSERT INTO review_reviewlease (generation_id, user_id, until) VALUES (%s, %s, %s)
    ON CONFLICT (generation_id) DO UPDATE SET user_id = excluded.user_id, until = excluded.until
    WHERE review_reviewlease.until <= %s OR review_reviewlease.user_id = excluded.user_id
"""


@dataclass(slots=True)
class Holding:
    """What came of one call: images handed out, in order; images in other hands, with whose, by id.

    `until`: when every lease that this call took or renewed ends.
    """

    until: datetime
    taken: list[str] = field(default_factory=list)
    lost: dict[str, User] = field(default_factory=dict)


def hold(
    *,
    queue: Queue,
    count: int,
    holding: Sequence[str] = (),
    skip: Collection[str] = (),
    release: Collection[str] = (),
    released_until: datetime | None = None,
) -> Holding:
    """Take back `release`, renew `holding`, then hand out up to `count` further images.

    `skip`: not to be handed out now (passed over, or decided with the verdict still on its way).
    `released_until`: what `release_items` asks for. Ids of other workspaces are ignored.
    """
    release_items(queue=queue, ids=release, until=released_until)
    outcome = Holding(until=database_now() + LEASE)
    renewed = set(_leasable(queue, holding))
    for pk in holding:
        if pk in renewed and not _claim(pk, queue.viewer, until=outcome.until):
            other = ReviewLease.objects.select_related("user").filter(pk=pk).exclude(user=queue.viewer).first()
            if other is not None:
                outcome.lost[pk] = other.user
    outcome.taken = _take(queue=queue, count=count, known={*holding, *skip, *release}, until=outcome.until)
    return outcome


def _take(*, queue: Queue, count: int, known: set[str], until: datetime) -> list[str]:
    """Up to `count` images that this person holds from now on, none of `known`."""
    taken: list[str] = []
    for _ in range(LOOKS if count else 0):
        candidates = next_in_line(queue, besides=known, most=count + CANDIDATES)
        for pk, everybody in candidates:
            known.add(pk)
            if everybody or _claim_waiting(pk, queue, until=until):
                taken.append(pk)
            if len(taken) == count:
                return taken
        if not candidates:
            break
    return taken


def release_items(*, queue: Queue, ids: Collection[str], until: datetime | None = None) -> None:
    """Give back what this person holds of these; what others hold stays theirs.

    `until`: the latest end that the page which gives back knows of. What the same person holds for longer was taken
    or renewed by another page, as after a reload whose farewell arrives late, and stays. None: give back all.
    """
    if not ids:
        return
    held = ReviewLease.objects.filter(pk__in=list(ids), user=queue.viewer, generation__workspace_id=queue.workspace_id)
    (held.filter(until__lte=until) if until else held).delete()


def _leasable(queue: Queue, ids: Iterable[str]) -> list[str]:
    rows = Generation.objects.filter(pk__in=list(ids), workspace_id=queue.workspace_id)
    return list(rows.filter(campaign__independent_first_look=False).values_list("pk", flat=True))


def _claim_waiting(pk: str, queue: Queue, *, until: datetime) -> bool:
    """Claim, then look once more: a colleague whose lease had ended may have decided since the list was read."""
    if not _claim(pk, queue.viewer, until=until):
        return False
    if waiting(queue).filter(pk=pk).exists():
        return True
    release_items(queue=queue, ids=[pk])
    return False


def _claim(pk: str, by: User, *, until: datetime) -> bool:
    adapt = connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [pk, by.pk, adapt(until), adapt(until - LEASE)])
        return cursor.rowcount == 1
