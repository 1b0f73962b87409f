"""The door for assignments: images of one campaign and a member, answered as JSON or by redirect."""

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.views.decorators.http import require_POST

from campaigns.accounts.access import campaign_for
from campaigns.accounts.requests import MemberRequest, member_required
from campaigns.models import Campaign, Membership, User
from generation.models import Generation
from review.queries.assigned import read_assigned
from review.queries.sheet import loupe_address
from review.queries.sheet_filter import read_filter
from review.services.assignments import MOST_IMAGES, AssignmentRefused, assign_images, unassign_images
from review.tasks import nudge_notices


@require_POST
@member_required()
def assignments(request: MemberRequest, pk: int) -> HttpResponse:
    """Ask a member to look at these images (`do`: assign), or no more (unassign). 422: it cannot be asked."""
    campaign = campaign_for(request.membership, pk)
    person = _assignee(request)
    problem, changed = "", []
    images = _images(request, campaign)
    try:
        if request.POST.get("do") == "unassign":
            changed = unassign_images(images, to=person, by=request.membership.user)
        else:
            changed = assign_images(images, to=person, by=request.membership.user)
            transaction.on_commit(nudge_notices)
    except AssignmentRefused as refused:
        problem = str(refused)
    if request.headers.get("Accept", "").startswith("application/json"):
        return _answer(images, changed=changed, problem=problem)
    if problem:
        messages.warning(request, problem)
    if len(images) == 1:
        return redirect(loupe_address(images[0].pk, read_filter(request.GET).query()))
    return redirect("sheet", campaign.pk)


def _assignee(request: MemberRequest) -> User:
    """A member of the workspace, or 404."""
    wanted = request.POST.get("to", "")
    if not (wanted.isascii() and wanted.isdigit() and len(wanted) < 18):
        raise Http404
    rows = Membership.objects.select_related("user").filter(workspace_id=request.membership.workspace_id)
    return get_object_or_404(rows, user_id=int(wanted)).user


def _images(request: MemberRequest, campaign: Campaign) -> list[Generation]:
    """The images that the form names, all of this campaign, or 404: nothing is done by half."""
    wanted = list(dict.fromkeys(request.POST.getlist("image")))[: MOST_IMAGES + 1]
    names = [name for name in wanted if "\x00" not in name]
    found = Generation.objects.filter(pk__in=names, campaign=campaign, shot__removed_at__isnull=True)
    images = list(found.select_related("shot").defer("prompt", "negative_prompt").order_by("-pk"))
    if not images or len(images) != len(wanted):
        raise Http404
    return images


def _answer(images: list[Generation], *, changed: list[str], problem: str) -> JsonResponse:
    """Who is asked now, as the cards show it, and which images changed."""
    if problem:
        return JsonResponse({"message": problem}, status=422)
    assigned = read_assigned(image.pk for image in images)
    return JsonResponse(
        {
            "changed": changed,
            "cards": {
                image.pk: render_to_string("review/assigned.html", {"people": assigned.get(image.pk, [])})
                for image in images
            },
        }
    )
