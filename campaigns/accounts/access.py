"""Permission is part of fetching: what a member may not see does not exist (404)."""

from django.shortcuts import get_object_or_404

from campaigns.models import BrandKit, Campaign, Membership, Shot


def campaign_for(membership: Membership, pk: int) -> Campaign:
    """Fetch a campaign of the member's workspace, or raise Http404."""
    return get_object_or_404(
        Campaign.objects.select_related("brand_kit", "workspace"), pk=pk, workspace_id=membership.workspace_id
    )


def shot_for(membership: Membership, pk: int) -> Shot:
    """Fetch a shot (not removed) of the member's workspace, or raise Http404."""
    return get_object_or_404(
        Shot.objects.select_related("campaign", "campaign__workspace"),
        pk=pk,
        campaign__workspace_id=membership.workspace_id,
        removed_at__isnull=True,
    )


def brand_kit_for(membership: Membership, pk: int) -> BrandKit:
    """Fetch a brand kit of the member's workspace, or raise Http404."""
    return get_object_or_404(BrandKit, pk=pk, workspace_id=membership.workspace_id)
