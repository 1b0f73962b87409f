"""Who holds which image of a review queue. Only writer of ReviewLease.

A lease is taken by one conditional statement, so that no two people get the same image; it is renewed while one
looks and ends by itself. A verdict does not end it: an undo within its time finds it in the same hands. Where the
campaign asks for an independent first look everybody is to decide on everything, so nothing is leased.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import connection

from campaigns.models import User
from generation.clock import database_now
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
    """What came of one call: images handed out, in order; images in other hands, with whose, by id."""

    taken: list[str] = field(default_factory=list)
    lost: dict[str, User] = field(default_factory=dict)


def hold(
    *,
    queue: Queue,
    count: int,
    holding: Sequence[str] = (),
    skip: Collection[str] = (),
    release: Collection[str] = (),
) -> Holding:
    """Take back `release`, renew `holding`, then hand out up to `count` further images.

    `skip`: not to be handed out now (passed over, or decided with the verdict still on its way). Ids of other
    workspaces are ignored.
    """
    release_items(queue=queue, ids=release)
    outcome = Holding()
    renewed = set(_leasable(queue, holding))
    for pk in holding:
        if pk in renewed and not _claim(pk, queue.viewer):
            other = ReviewLease.objects.select_related("user").filter(pk=pk).exclude(user=queue.viewer).first()
            if other is not None:
                outcome.lost[pk] = other.user
    outcome.taken = _take(queue=queue, count=count, known={*holding, *skip, *release})
    return outcome


def _take(*, queue: Queue, count: int, known: set[str]) -> list[str]:
    """Up to `count` images that this person holds from now on, none of `known`."""
    taken: list[str] = []
    for _ in range(LOOKS if count else 0):
        candidates = next_in_line(queue, besides=known, most=count + CANDIDATES)
        for pk, everybody in candidates:
            known.add(pk)
            if everybody or _claim_waiting(pk, queue):
                taken.append(pk)
            if len(taken) == count:
                return taken
        if not candidates:
            break
    return taken


def release_items(*, queue: Queue, ids: Collection[str]) -> None:
    """Give back what this person holds of these; what others hold stays theirs."""
    if ids:
        ReviewLease.objects.filter(
            pk__in=list(ids), user=queue.viewer, generation__workspace_id=queue.workspace_id
        ).delete()


def _leasable(queue: Queue, ids: Iterable[str]) -> list[str]:
    rows = Generation.objects.filter(pk__in=list(ids), workspace_id=queue.workspace_id)
    return list(rows.filter(campaign__independent_first_look=False).values_list("pk", flat=True))


def _claim_waiting(pk: str, queue: Queue) -> bool:
    """Claim, then look once more: a colleague whose lease had ended may have decided since the list was read."""
    if not _claim(pk, queue.viewer):
        return False
    if waiting(queue).filter(pk=pk).exists():
        return True
    release_items(queue=queue, ids=[pk])
    return False


def _claim(pk: str, by: User) -> bool:
    now = database_now()
    adapt = connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [pk, by.pk, adapt(now + LEASE), adapt(now)])
        return cursor.rowcount == 1
