"""How far runs are: counts, seconds left, money. One query for any number of campaigns."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Min, Q
from django.utils import timezone

from generation.models import TERMINAL, WORKING, Generation, GenerationState

# The pace is measured over this much of the past.
WINDOW = timedelta(seconds=60)
# Beyond this multiple of the model's typical time, plus these seconds, a figure would be a lie.
LATE_FACTOR, LATE_SECONDS = 2.0, 10.0


@dataclass(frozen=True, slots=True)
class Progress:
    """Renders of a campaign. `following`: finished ones on which the ladder has not spoken yet."""

    total: int = 0
    ready: int = 0
    failed: int = 0
    refused: int = 0
    cancelled: int = 0
    queued: int = 0
    unfinished: int = 0
    following: int = 0
    seconds_left: int = 0
    late: bool = False

    @property
    def done(self) -> int:
        """Renders that are over, one way or another."""
        return self.total - self.unfinished

    @property
    def is_live(self) -> bool:
        """Whether anything may still change by itself."""
        return bool(self.unfinished or self.following)

    @property
    def said(self) -> str:
        """In words."""
        return f"{self.done:,} of {self.total:,} rendered"

    @property
    def left(self) -> str:
        """What is still to wait, in words; "" where nothing is."""
        if not self.unfinished:
            return "finishing" if self.following else ""
        if self.late:
            return "taking longer than usual"
        if self.seconds_left < 90:
            return f"about {max(1, self.seconds_left)} s left"
        return f"about {round(self.seconds_left / 60)} min left"


def read_progress(campaign_ids: Collection[int]) -> dict[int, Progress]:
    """Progress by campaign; one without renders is missing."""
    now = timezone.now()
    recent = Q(completed_at__gt=now - WINDOW)
    rows = (
        Generation.objects.filter(campaign_id__in=campaign_ids)
        .order_by()
        .values("campaign_id")
        .annotate(
            total=Count("pk"),
            ready=Count("pk", filter=Q(state=GenerationState.READY)),
            failed=Count("pk", filter=Q(state=GenerationState.FAILED)),
            refused=Count("pk", filter=Q(state=GenerationState.REFUSED)),
            cancelled=Count("pk", filter=Q(state=GenerationState.CANCELLED)),
            queued=Count("pk", filter=Q(state=GenerationState.QUEUED)),
            unfinished=Count("pk", filter=Q(state__in=WORKING)),
            following=Count("pk", filter=Q(followed_up=False, state__in=TERMINAL - {GenerationState.CANCELLED})),
            recent=Count("pk", filter=recent),
            recent_from=Min("completed_at", filter=recent),
            longest=Max("estimated_seconds", filter=Q(state__in=WORKING)),
            last_sent=Max("submitted_at", filter=Q(state__in=WORKING) & ~Q(state=GenerationState.QUEUED)),
        )
    )
    found: list[dict[str, Any]] = [dict(row) for row in rows]
    return {row.pop("campaign_id"): _progress(row, now=now) for row in found}


def _progress(row: dict[str, Any], *, now: datetime) -> Progress:
    recent, since = row.pop("recent"), row.pop("recent_from")
    longest, last_sent = row.pop("longest") or 0.0, row.pop("last_sent")
    sent_seconds_ago = (now - last_sent).total_seconds() if last_sent else 0.0
    left = seconds_left(
        unfinished=row["unfinished"],
        queued=row["queued"],
        longest=longest,
        sent_seconds_ago=sent_seconds_ago,
        finished=recent,
        within=(now - since).total_seconds() if since else 0.0,
    )
    late = not recent and sent_seconds_ago > LATE_FACTOR * longest + LATE_SECONDS
    return Progress(**row, seconds_left=round(left), late=late)


def seconds_left(
    *, unfinished: int, queued: int, longest: float, sent_seconds_ago: float, finished: int, within: float
) -> float:
    """Seconds until the last of `unfinished` is there. Pure.

    Never less than what the slowest still needs by its model's typical time; where renders have been finishing
    (`finished` of them `within` the last seconds), the pace says how long the rest takes.
    """
    if not unfinished:
        return 0.0
    by_model = longest if queued else max(1.0, longest - sent_seconds_ago)
    if finished < 2 or within <= 0:
        return by_model
    return max(by_model, unfinished * within / finished)


__all__ = ["Progress", "read_progress", "seconds_left"]
