"""Views of the contact sheet that are kept by name: listed, saved, renamed, deleted. Works as plain forms."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods, require_POST

from campaigns.accounts.access import campaign_for
from campaigns.accounts.requests import MemberRequest, member_required
from campaigns.models import Campaign
from review.access import saved_view_for
from review.queries.saved_views import read_views
from review.queries.sheet_filter import PLAIN, SheetFilter, lasting, read_filter
from review.services.saved_views import NotYours, ViewRefused, delete_view, rename_view, save_view


@require_http_methods(["GET", "POST"])
@member_required()
def saved_views(request: MemberRequest, pk: int) -> HttpResponse:
    """The list beside the sheet that the query names, for its dialog or as a page; POST keeps its filter by name."""
    campaign = campaign_for(request.membership, pk)
    wanted = _wanted(request)
    if request.method == "GET":
        return _show(request, campaign, wanted)
    name, for_everybody = request.POST.get("name", ""), request.POST.get("whose") == "everybody"
    try:
        view = save_view(membership=request.membership, name=name, wanted=wanted, for_everybody=for_everybody)
    except ViewRefused as refused:
        return _show(request, campaign, wanted, problem=str(refused), draft=name)
    messages.success(request, f"“{view.name}” is saved for {'everybody here' if for_everybody else 'you'}.")
    return redirect(_sheet(campaign, wanted))


@require_POST
@member_required()
def saved_view(request: MemberRequest, pk: int, view_pk: int) -> HttpResponse:
    """Rename one, or delete it."""
    campaign, wanted = campaign_for(request.membership, pk), _wanted(request)
    view = saved_view_for(request.membership, view_pk)
    name = view.name
    try:
        if request.POST.get("do") == "delete":
            delete_view(view, membership=request.membership)
            messages.success(request, f"“{name}” is deleted.")
        else:
            rename_view(view, membership=request.membership, name=request.POST.get("name", ""))
            messages.success(request, f"“{name}” is called “{view.name}” now.")
    except NotYours as forbidden:
        raise PermissionDenied(str(forbidden)) from forbidden
    except ViewRefused as refused:
        return _show(request, campaign, wanted, problem=str(refused), problem_at=view.pk)
    return redirect(_sheet(campaign, wanted))


def _wanted(request: MemberRequest) -> SheetFilter:
    """The filter of the sheet that the person came from: in the form, or in the address."""
    return read_filter(QueryDict(request.POST.get("query", "")) if request.method == "POST" else request.GET)


def _sheet(campaign: Campaign, wanted: SheetFilter) -> str:
    query = wanted.query()
    return f"{reverse('sheet', args=[campaign.pk])}{'?' + query if query else ''}"


def _show(
    request: MemberRequest,
    campaign: Campaign,
    wanted: SheetFilter,
    *,
    problem: str = "",
    problem_at: int | None = None,
    draft: str = "",
) -> HttpResponse:
    lines = read_views(wanted, request.membership)
    context = {
        "campaign": campaign,
        "query": wanted.query(),
        "sheet_address": reverse("sheet", args=[campaign.pk]),
        "view_groups": [
            ("Mine", [line for line in lines if not line.for_everybody]),
            ("Everybody's", [line for line in lines if line.for_everybody]),
        ],
        "can_save_view": lasting(wanted) != PLAIN,
        "has_shot": wanted.shot is not None,
        "problem": problem,
        "problem_at": problem_at,
        "draft": draft,
    }
    template = "review/saved_views.html" + ("#dialog" if request.htmx else "")
    response = render(request, template, context, status=422 if problem else 200)
    patch_vary_headers(response, ["HX-Request"])
    return response
