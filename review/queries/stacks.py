"""The stacks of versions: each shot one frame, one version on top, on every page the same one.

`review.Stack` knows the top of each stack: signed, else newest approved, else best score, else newest; what people
rejected lies there only where nothing else is left. Where the campaign asks for an independent first look, what
colleagues decided puts nothing on top: the newest version lies there, or a signed one.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db.models import Exists, F, Q, QuerySet

from campaigns.models import Campaign
from generation.models import Generation
from review.models import Stack
from review.queries.waiting import current_signature

SIGNED = "signed"
MOST = 60


def on_top(rows: QuerySet[Generation], *, blind: bool, by_shot: bool) -> QuerySet[Generation]:
    """Of these images those that lie on top of their stack."""
    if not blind:
        # in the order of shots the shot is named once more, so that the database may begin with it
        return rows.filter(tops__shot_id=F("shot_id")) if by_shot else rows.filter(tops__isnull=False)
    return rows.filter(Q(decision=SIGNED) | Q(~Exists(current_signature()), newest_of__isnull=False))


def tops_of(shot_ids: Collection[int]) -> dict[int, str]:
    """The image on top of each of these shots' stacks; where none is finished yet the newest render. Two queries."""
    stacks = Stack.objects.filter(pk__in=shot_ids).values_list(
        "pk", "top", "newest", "top__decision", "campaign__independent_first_look"
    )
    tops = {shot: newest if blind and decision != SIGNED else top for shot, top, newest, decision, blind in stacks}
    unfinished = [pk for pk in shot_ids if pk not in tops]
    renders = Generation.objects.filter(shot__in=unfinished).order_by("shot_id", "version")
    return tops | dict(renders.values_list("shot_id", "pk"))


def read_turned(campaign: Campaign, *, since: datetime) -> list[dict[str, Any]]:
    """Stacks that changed since a moment: the shot and what lies on top now, whatever the filter. One query."""
    rows = Stack.objects.filter(campaign=campaign, turned_at__gt=since, shot__removed_at__isnull=True)
    column = "newest" if campaign.independent_first_look else "top"
    return [{"shot": shot, "id": top} for shot, top in rows.order_by("-turned_at").values_list("pk", column)[:MOST]]
