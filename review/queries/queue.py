"""What waits in a review queue, in the order in which it is handed out, and how far it is.

A queue is one campaign, narrowed by a sheet's filter, or the whole house. Attempts below the bar that the
machines followed up are left out unless the filter asks for them: nobody walks through duds. Where a campaign
asks for an independent first look, everybody's queue holds what they have not decided themselves.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.urls import reverse

from campaigns.models import Campaign, User
from generation.models import Generation, GenerationState
from review.models import Assignment, ReviewLease, Verdict
from review.queries.sheet import Verdicts, filtered, loupe_address, thumb_of
from review.queries.sheet_filter import ORDERS, PLAIN, SheetFilter, Stretch, stretches
from review.queries.waiting import WORTH_A_LOOK, is_open

CAMPAIGN, HOUSE = "campaign", "house"
# Orders that would tell scores before one's own look.
BY_SCORE = ("best", "worst")
DECIDED_LAST = 6


@dataclass(frozen=True, slots=True)
class Queue:
    """Whose images are handed out to whom. `campaign` None: all of the workspace."""

    workspace_id: int
    viewer: User
    campaign: Campaign | None = None
    wanted: SheetFilter = PLAIN

    @property
    def query(self) -> str:
        """The query string that an image's address carries while it is seen in this queue."""
        return self.wanted.query(queue=CAMPAIGN if self.campaign else HOUSE)

    @property
    def url(self) -> str:
        """The queue's own page."""
        return self._address("queue", "house-queue")

    @property
    def hold_url(self) -> str:
        """The door that hands out, renews and takes back."""
        return self._address("queue-hold", "house-queue-hold")

    def address_of(self, pk: str) -> str:
        """An image of this queue in the loupe."""
        return loupe_address(pk, self.query)

    def _address(self, of_campaign: str, of_house: str) -> str:
        if self.campaign is None:
            return reverse(of_house)
        query = self.wanted.query()
        address = reverse(of_campaign, kwargs={"pk": self.campaign.pk})
        return f"{address}?{query}" if query else address


@dataclass(frozen=True, slots=True)
class QueueProgress:
    """Images of the queue, and how many of them are decided. `duds`: undecided ones that it leaves out."""

    total: int
    done: int
    duds: int

    @property
    def left(self) -> int:
        return self.total - self.done

    @property
    def place(self) -> int:
        """The number of the image in one's hands."""
        return min(self.done + 1, self.total)


@dataclass(frozen=True, slots=True)
class DecidedImage:
    """One image that a person decided on, with their own sign on it."""

    url: str
    words: str
    thumb: dict[str, Any]


def open_queue(*, workspace_id: int, viewer: User, campaign: Campaign | None, wanted: SheetFilter) -> Queue:
    """The queue of an address. Of the filter stays what a queue can follow without telling what is still hidden."""
    if campaign is None:
        return Queue(workspace_id, viewer)
    wanted = replace(wanted, queue="", state="", decision="", unreviewed=False, stack=False)
    if campaign.independent_first_look:
        sort = PLAIN.sort if wanted.sort in BY_SCORE else wanted.sort
        wanted = replace(wanted, below=False, weakest="", score_from=None, score_to=None, sort=sort)
    return Queue(workspace_id, viewer, campaign, wanted)


def waiting(queue: Queue) -> QuerySet[Generation]:
    """What can be handed to this person now, in no order: undecided and in nobody else's hands."""
    held = ReviewLease.objects.filter(generation=OuterRef("pk"), until__gt=Now()).exclude(user=queue.viewer)
    free = Q(campaign__independent_first_look=True) | ~Exists(held)
    return _members(queue).filter(_kept(queue), _undecided(queue), free)


def next_in_line(queue: Queue, *, besides: Collection[str], most: int) -> list[tuple[str, bool]]:
    """Up to `most` images that can be handed out, first things first, with whether everybody is to look at each.

    What this person was asked to look at, then what the machines gave up, then the order of the filter.
    """
    rows = waiting(queue).exclude(pk__in=besides).values_list("pk", "campaign__independent_first_look")
    asked = Assignment.objects.filter(to=queue.viewer).values("generation_id")
    found: dict[str, bool] = {}
    for narrowed in (rows.filter(pk__in=asked), rows.filter(escalated=True), rows):
        for condition, order in _order(queue):
            if len(found) < most:
                found |= dict(narrowed.filter(condition).order_by(*order)[:most])
    return list(found.items())[:most]


def read_progress(queue: Queue) -> QueueProgress:
    """How many there are and how many are decided. One query."""
    kept, undecided = _kept(queue), _undecided(queue)
    counted = _members(queue).aggregate(
        total=Count("pk", filter=kept),
        left=Count("pk", filter=kept & undecided),
        undecided=Count("pk", filter=undecided),
    )
    left = counted["left"]
    return QueueProgress(counted["total"], counted["total"] - left, duds=counted["undecided"] - left)


def _members(queue: Queue) -> QuerySet[Generation]:
    if queue.campaign is not None:
        return filtered(queue.campaign, queue.wanted, viewer=queue.viewer)
    return Generation.objects.filter(
        workspace_id=queue.workspace_id,
        state=GenerationState.READY,
        shot__removed_at__isnull=True,
        campaign__archived_at__isnull=True,
    )


def _kept(queue: Queue) -> Q:
    return Q(pk__isnull=False) if queue.wanted.below else WORTH_A_LOOK


def _undecided(queue: Queue) -> Q:
    """Open for this person, as `review.queries.waiting` says."""
    together, blind = (is_open(viewer=queue.viewer, blind=blind) for blind in (False, True))
    if queue.campaign is not None:
        return blind if queue.campaign.independent_first_look else together
    return (Q(campaign__independent_first_look=False) & together) | (Q(campaign__independent_first_look=True) & blind)


def _order(queue: Queue) -> list[Stretch]:
    if queue.campaign is not None:
        return stretches(ORDERS[queue.wanted.sort])
    soonest = F("campaign__due_on").asc(nulls_last=True)
    place = [F(name).asc() for name in ("campaign_id", "shot__position", "shot_id")]
    return [(Q(), [soonest, *place, F("version").desc()])]


def read_decided_last(queue: Queue) -> list[DecidedImage]:
    """What this person decided last in this queue, newest first. One query."""
    rows = (
        Verdict.objects.filter(by=queue.viewer, standing=True, generation__workspace_id=queue.workspace_id)
        .select_related("generation", "generation__shot", "generation__campaign", "generation__standing")
        .order_by("-pk")
    )
    if queue.campaign is not None:
        rows = rows.filter(generation__campaign=queue.campaign)
    shown = []
    for verdict in rows[:DECIDED_LAST]:
        row = verdict.generation
        words = f"{row.shot.title}, version {row.version}: {verdict.get_decision_display().lower()}"
        seen = Verdicts(verdict.decision, "", 0, hidden=True)
        shown.append(DecidedImage(loupe_address(row.pk, ""), words, thumb_of(row, seen) | {"sizes": "11rem"}))
    return shown
