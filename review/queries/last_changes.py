"""When something happened in a campaign last: what every open sheet asks, answered by one look at three indexes."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db.models import Exists, OuterRef, Subquery

from campaigns.database.prepared import Given, Statement
from campaigns.models import Campaign
from generation.models import WORKING, Generation, GenerationState
from review.models import Standing


@dataclass(frozen=True, slots=True)
class CampaignPulse:
    """The moment of the last finished image and of the last decision, and whether more is being made."""

    arrived_at: datetime | None
    decided_at: datetime | None
    busy: bool

    def is_calm_since(self, moment: datetime) -> bool:
        """Whether nothing was finished or decided after this moment."""
        return all(at is None or at <= moment for at in (self.arrived_at, self.decided_at))


def read_pulse(campaign: Campaign) -> CampaignPulse:
    """One query."""
    return CampaignPulse(*_pulse().run(campaign=campaign.pk)[0])


@lru_cache(maxsize=1)
def _pulse() -> Statement:
    images = Generation.objects.filter(campaign=OuterRef("pk"))
    finished = images.filter(state=GenerationState.READY, completed_at__isnull=False).order_by("-completed_at")
    decided = Standing.objects.filter(campaign=OuterRef("pk"), decided_at__isnull=False).order_by("-decided_at")
    more: dict[str, Any] = {
        "arrived": Subquery(finished.values("completed_at")[:1]),
        "decided": Subquery(decided.values("decided_at")[:1]),
        "busy": Exists(images.filter(state__in=WORKING)),
    }
    rows = Campaign.objects.filter(pk=Given("campaign", Campaign._meta.pk)).annotate(**more)
    return Statement(rows.values_list(*more))
