"""Permission is part of fetching: an image of another workspace does not exist (404)."""

from typing import Any

from django.db.models import OuterRef, Subquery
from django.http import Http404
from django.shortcuts import get_object_or_404

from campaigns.models import Campaign, Shot
from generation.models import Generation


def campaign_for_sheet(request: Any, pk: int) -> Campaign:
    """A campaign of the person's workspace, or 404. `shots_as_of` changes where a shot was added or taken out."""
    if not request.membership:
        raise Http404
    shots = Shot.objects.filter(campaign=OuterRef("pk"))
    last = shots.filter(removed_at__isnull=True).order_by("-position", "-pk").values("pk")[:1]
    removed = shots.filter(removed_at__isnull=False).order_by("-removed_at").values("removed_at")[:1]
    rows: Any = Campaign.objects.annotate(last_shot=Subquery(last), last_removal=Subquery(removed))
    campaign: Any = get_object_or_404(rows, pk=pk, workspace_id=request.membership.workspace_id)
    campaign.shots_as_of = (campaign.last_shot, campaign.last_removal)
    return campaign  # type: ignore[no-any-return]


def generation_for_review(request: Any, pk: str) -> Generation:
    """An image of the person's workspace with its shot, campaign and standing, or 404."""
    if not request.membership:
        raise Http404
    return get_object_or_404(
        Generation.objects.select_related(
            "shot", "campaign", "campaign__workspace", "standing", "standing__decided_by", "standing__verdict"
        ),
        pk=pk,
        workspace_id=request.membership.workspace_id,
    )
