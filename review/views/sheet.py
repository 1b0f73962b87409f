"""The contact sheet of a campaign."""

from datetime import timedelta
from typing import Any

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_safe

from campaigns.accounts.access import campaign_for
from campaigns.accounts.requests import MemberRequest, member_required
from campaigns.models import Campaign
from generation.rules.gate import LABELS
from review.access import campaign_for_sheet
from review.queries import sheet as queries
from review.queries.assigned import read_colleagues
from review.queries.cards import read_page
from review.queries.counts import Counts
from review.queries.saved_views import name_of_view
from review.queries.sheet_filter import DECISIONS, DENSITIES, SORTS, STATES, SheetFilter, read_filter
from review.queries.sheet_frame import read_around_sheet
from review.queries.stacks import read_turned
from review.services.presence import read_present
from review.views.card_renderer import draw_cards

# A page that slept longer than this reloads instead of catching up.
LONGEST_ABSENCE = timedelta(hours=12)


@require_safe
@member_required()
def sheet(request: MemberRequest, pk: int) -> HttpResponse:
    """The sheet; for htmx with a cursor, its next frames alone."""
    campaign = campaign_for_sheet(request.membership, pk)
    wanted, cursor = read_filter(request.GET), request.GET.get("cursor", "")
    page = read_page(campaign, wanted, viewer=request.membership.user, cursor=cursor)
    context: dict[str, Any] = {
        "campaign": campaign,
        "wanted": wanted,
        "frames": draw_cards(page.cards),
        "next_url": _next_url(request, wanted, page.next),
    }
    template = "review/sheet.html#frames"
    if not (request.headers.get("HX-Request") and cursor):
        template = "review/sheet.html"
        context |= _around(request, campaign, wanted)
    response = render(request, template, context)
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_safe
@member_required()
def sheet_filters(request: MemberRequest, pk: int) -> HttpResponse:
    """All that a sheet can be narrowed by: for its dialog, or as a page."""
    campaign, wanted = campaign_for(request.membership, pk), read_filter(request.GET)
    template = "review/sheet.html#filters" if request.headers.get("HX-Request") else "review/sheet_filters.html"
    response = render(request, template, {"campaign": campaign, "wanted": wanted, **_choices(campaign, wanted)})
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_safe
@member_required()
def sheet_changes(request: MemberRequest, pk: int) -> HttpResponse:
    """What happened since the page was read, as JSON for its script."""
    campaign = campaign_for_sheet(request.membership, pk)
    since = _moment(request.GET.get("since", ""))
    if since is None or since < timezone.now() - LONGEST_ABSENCE:
        since = timezone.now()
    wanted = read_filter(request.GET)
    changes = queries.read_changes(campaign, wanted, viewer=request.membership.user, since=since)
    if wanted.stack:
        changes["turned"] = read_turned(campaign, since=since)
    changes["present"] = read_present(campaign.workspace_id, viewer=request.membership.user)
    return JsonResponse(changes)


def _around(request: MemberRequest, campaign: Campaign, wanted: SheetFilter) -> dict[str, Any]:
    """What stands around the frames: filters with their counts, choices, reasons."""
    around = read_around_sheet(campaign, request.membership)
    request.around = around.page  # type: ignore[attr-defined]
    counts = around.counts
    return {
        "colleagues": around.colleagues,
        "view_here": name_of_view(wanted, request.membership),
        "counts": counts,
        "chips": _chips(wanted, counts, blind=campaign.independent_first_look),
        "densities": [
            (name, letter, wanted.query(density=name), wanted.density == name) for name, letter in DENSITIES.items()
        ],
        "reasons": list(enumerate(around.reasons, start=1)),
        "now": (timezone.now() - timedelta(seconds=3)).isoformat(),
        "query": wanted.query(),
        "stacked": wanted.query(stack=not wanted.stack, state=""),
        "cleared": _cleared(wanted),
    }


def _choices(campaign: Campaign, wanted: SheetFilter) -> dict[str, Any]:
    """What the form of the filters offers."""
    return {
        "shots": queries.read_shots(campaign),
        "models": queries.read_models(campaign),
        "colleagues": read_colleagues(campaign.workspace_id),
        "sorts": SORTS.items(),
        "states": STATES.items(),
        "decisions": DECISIONS.items(),
        "dimensions": LABELS.items(),
        "cleared": _cleared(wanted),
    }


def _cleared(wanted: SheetFilter) -> str:
    return SheetFilter(sort=wanted.sort, density=wanted.density, stack=wanted.stack).query()


def _chips(wanted: SheetFilter, counts: Counts, *, blind: bool) -> list[tuple[str, str, int | None, bool]]:
    """Query, label, count and whether it is on, for each filter that is one click away."""
    plain = SheetFilter(sort=wanted.sort, density=wanted.density, shot=wanted.shot, stack=wanted.stack)
    chips: list[tuple[str, str, int | None, bool]] = [
        (plain.query(), "All", counts.all, not wanted.is_narrow or wanted == plain),
        (plain.query(unreviewed=True), "To review", counts.to_review, wanted.unreviewed),
    ]
    if not blind:
        chips.append((plain.query(below=True), "Below the bar", counts.below, wanted.below))
    chips.append((plain.query(escalated=True), "Escalated", counts.escalated, wanted.escalated))
    if not blind:
        chips.append(
            (plain.query(decision="approved"), "Approved", counts.approved, wanted.decision == "approved"),
        )
    chips.append((plain.query(mine=True), "Mine", None, wanted.mine))
    return chips


def _next_url(request: MemberRequest, wanted: SheetFilter, cursor: str) -> str:
    if not cursor:
        return ""
    query = request.GET.copy()
    query["cursor"] = cursor
    return f"{request.path}?{query.urlencode()}"


def _moment(text: str) -> Any:
    try:
        moment = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        return None
    return moment if moment is not None and timezone.is_aware(moment) else None
