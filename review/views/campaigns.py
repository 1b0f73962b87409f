"""The campaigns of a house, and one of them, live."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET, require_POST

from campaigns.accounts.access import campaign_for
from campaigns.accounts.requests import MemberRequest, member_required
from campaigns.models import Role
from generation.engine import retry
from generation.money import ledger
from generation.planning import runs
from generation.tasks import send_nudge
from review.access import generation_for_review
from review.queries import campaign as live
from review.queries import campaigns as listing


@require_GET
@member_required()
def campaigns(request: MemberRequest) -> HttpResponse:
    """Search and state in the address; more by keyset."""
    wanted = listing.read_filter(request.GET)
    page = listing.read_campaigns(request.membership.workspace, wanted, viewer=request.membership.user)
    chips = [
        (label, wanted.address(state=state, after=0), state == wanted.state) for state, label in listing.STATES.items()
    ]
    part = ""
    if request.htmx:
        part = "#more-campaigns" if wanted.after else "#campaign-list"
    response = render(request, f"review/campaigns.html{part}", {"page": page, "wanted": wanted, "chips": chips})
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_GET
@member_required()
def campaign(request: MemberRequest, pk: int) -> HttpResponse:
    """Shots as stacks of versions; the live part polls itself while anything is in flight."""
    found = campaign_for(request.membership, pk)
    page = live.read_campaign(
        found,
        viewer=request.membership.user,
        after=request.GET.get("after", ""),
        admin=request.membership.reaches(Role.ADMIN),
    )
    response = render(
        request, "review/campaign.html" + ("#campaign-live" if request.htmx else ""), {"campaign": found, "page": page}
    )
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_POST
@member_required()
def control_run(request: MemberRequest, pk: int) -> HttpResponse:
    """Pause, go on, or cancel."""
    found = campaign_for(request.membership, pk)
    action = request.POST.get("action")
    if action == "pause":
        runs.pause_run(found)
        messages.info(request, "Paused: nothing new is sent. What is at a provider is still collected.")
    elif action == "resume":
        runs.resume_run(found)
        messages.success(request, "Going on.")
    elif action == "cancel":
        count = runs.cancel_run(found, by=request.membership.user)
        messages.info(request, f"{count} not yet sent cancelled; what is rendering is asked to stop. Pictures stay.")
    return redirect("campaign", pk)


@require_POST
@member_required(Role.ADMIN)
def retry_generation(request: MemberRequest, pk: str) -> HttpResponse:
    """Take up a failed render again."""
    generation = generation_for_review(request.membership, pk)
    try:
        with transaction.atomic():
            nudge = retry.retry_generation(generation, by=request.membership.user)
            if nudge:
                transaction.on_commit(lambda: send_nudge(nudge))
    except (retry.CannotRetry, ledger.NoHeadRoom) as error:
        messages.warning(request, f"Not retried. {error}")
    else:
        messages.success(request, f"{generation.shot.title} goes on.")
    return redirect("campaign", generation.campaign_id)


@require_POST
@member_required()
def start_again(request: MemberRequest, pk: int, shot_pk: int) -> HttpResponse:
    """A shot of which no picture came, once more as it is planned now."""
    found = campaign_for(request.membership, pk)
    shot = get_object_or_404(found.shots.filter(removed_at__isnull=True), pk=shot_pk)
    shot.campaign = found
    try:
        runs.start_again(shot, by=request.membership.user)
    except runs.StartedAlready as twice:
        messages.info(request, str(twice))
    except (runs.CannotStart, ledger.NoHeadRoom) as error:
        messages.warning(request, f"Not started. {error}")
    else:
        messages.success(request, f"{shot.title} is started again.")
    return redirect(f"{reverse('campaign', args=[pk])}#shot-{shot.pk}")
