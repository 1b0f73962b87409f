"""The sheet as stacks: each shot one frame, the version that stands on top.

Where the campaign asks for an independent first look, what colleagues decided elects nobody: the newest version lies
on top, and a signed one where there is one.
"""

from datetime import datetime
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from campaigns.models import Campaign
from generation.models import Generation
from review.models import SignOff, Stack

SIGNED = "signed"
MOST = 60


def on_top(rows: QuerySet[Generation], *, blind: bool, by_shot: bool) -> QuerySet[Generation]:
    """Of these images those that lie on top of their stack."""
    if not blind:
        # in the order of shots the shot is named once more, so that the database may begin with it
        return rows.filter(tops__shot_id=F("shot_id")) if by_shot else rows.filter(tops__isnull=False)
    signed = SignOff.objects.filter(shot=OuterRef("shot"), withdrawn_at__isnull=True)
    return rows.filter(Q(decision=SIGNED) | Q(~Exists(signed), newest_of__isnull=False))


def read_turned(campaign: Campaign, *, since: datetime) -> list[dict[str, Any]]:
    """Stacks that changed since a moment: the shot and what lies on top now, whatever the filter. One query."""
    rows = Stack.objects.filter(campaign=campaign, turned_at__gt=since, shot__removed_at__isnull=True)
    column = "newest" if campaign.independent_first_look else "top"
    return [{"shot": shot, "id": top} for shot, top in rows.order_by("-turned_at").values_list("pk", column)[:MOST]]
