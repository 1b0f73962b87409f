"""Permission is part of fetching: an image of another workspace does not exist (404)."""

from functools import lru_cache
from typing import Any

from django.db.models import OuterRef, Q, Subquery
from django.http import Http404
from django.shortcuts import get_object_or_404

from campaigns.database.prepared import Given, Statement
from campaigns.models import Campaign, Membership, Shot, Workspace
from generation.models import Generation
from review.models import SavedView, Standing


def campaign_for_sheet(membership: Membership, pk: int) -> Campaign:
    """Fetch a campaign of the member's workspace, or raise Http404.

    Its `shots_as_of` changes where a shot was added or taken out.
    """
    found = _campaign().run(pk=pk, workspace=membership.workspace_id)
    if not found:
        raise Http404
    *values, last, removed = found[0]
    campaign = Campaign.from_db("default", _CAMPAIGN, values)
    campaign.shots_as_of = (last, removed)  # type: ignore[attr-defined]
    return campaign


_CAMPAIGN = [field.attname for field in Campaign._meta.concrete_fields]


@lru_cache(maxsize=1)
def _campaign() -> Statement:
    key = Campaign._meta.pk
    shots = Shot.objects.filter(campaign=OuterRef("pk"))
    last = shots.filter(removed_at__isnull=True).order_by("-position", "-pk").values("pk")[:1]
    removed = shots.filter(removed_at__isnull=False).order_by("-removed_at").values("removed_at")[:1]
    rows = Campaign.objects.filter(pk=Given("pk", key), workspace=Given("workspace", key))
    more: dict[str, Any] = {"last_shot": Subquery(last), "last_removal": Subquery(removed)}
    return Statement(rows.annotate(**more).values_list(*_CAMPAIGN, *more))


def generation_for_review(membership: Membership, pk: str) -> Generation:
    """Fetch an image of the member's workspace with its shot, campaign and standing, or raise Http404."""
    return get_object_or_404(
        Generation.objects.select_related(
            "shot", "campaign", "campaign__workspace", "standing", "standing__decided_by", "standing__verdict"
        ),
        pk=pk,
        workspace_id=membership.workspace_id,
    )


def generation_to_decide(membership: Membership, pk: str) -> Generation:
    """Fetch an image of the member's workspace with what a decision asks of it, or raise Http404. One narrow query."""
    found = _to_decide().run(pk=pk.replace("\x00", ""), workspace=membership.workspace_id)
    if not found:
        raise Http404
    *values, first_look, version = found[0]
    generation = Generation.from_db("default", _TO_DECIDE, values)
    names = ("id", "workspace_id", "independent_first_look")
    generation.campaign = Campaign.from_db(
        "default", names, (generation.campaign_id, generation.workspace_id, first_look)
    )
    if version is not None:
        generation.standing = Standing.from_db("default", ("generation_id", "version"), (pk, version))
    return generation


_NEEDED = {"id", "workspace_id", "campaign_id", "shot_id", "state", "version"}
# from_db() takes values in the order of the model
_TO_DECIDE = [field.attname for field in Generation._meta.concrete_fields if field.attname in _NEEDED]


@lru_cache(maxsize=1)
def _to_decide() -> Statement:
    workspace = Given("workspace", Workspace._meta.pk)
    rows = Generation.objects.filter(pk=Given("pk", Generation._meta.pk), workspace=workspace)
    return Statement(rows.values_list(*_TO_DECIDE, "campaign__independent_first_look", "standing__version"))


def saved_view_for(membership: Membership, pk: int) -> SavedView:
    """Fetch a view of the member's workspace that is their own or everybody's, or raise Http404."""
    rows = SavedView.objects.filter(Q(user=membership.user_id) | Q(user__isnull=True))
    return get_object_or_404(rows, pk=pk, workspace_id=membership.workspace_id)
