"""Costs, for admins: one page, and every table of it as CSV."""

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from campaigns.accounts.requests import MemberRequest, member_required
from campaigns.models import Campaign, Role
from review.exports.naming import slug
from review.reports import periods
from review.reports.costs import Report, Scope, costs_report
from review.reports.table import to_csv, usd

LISTED = 300


@require_safe
@member_required(Role.ADMIN)
def costs(request: MemberRequest) -> HttpResponse:
    """What the AI cost, in the period and for the campaign that the address names."""
    scope = scope_of(request)
    report = costs_report(scope)
    context = {
        "report": report,
        "scope": scope,
        "query": _query(scope),
        "periods": [
            (label, _query(Scope(scope.workspace, periods.period(name, today=_today()), scope.campaign)), name)
            for name, label in periods.LABELS.items()
        ],
        "campaigns": Campaign.objects.filter(workspace=scope.workspace)
        .only("title", "ticket")
        .order_by("title")[:LISTED],
        "figures": _figures(report),
        "chart": [[point.on.isoformat(), float(point.amount)] for point in report.series],
        "points": [(point.on, usd(point.amount)) for point in report.series if point.amount],
        "budgets": [
            {
                "line": line,
                "spent": f"{usd(line.spent)} spent, {usd(line.reserved)} reserved of {usd(line.limit)}",
                "left": f"{usd(line.head_room)} left" if line.head_room >= 0 else f"{usd(-line.head_room)} over",
            }
            for line in report.budgets
        ],
    }
    return render(request, "review/costs.html", context)


@require_safe
@member_required(Role.ADMIN)
def table_csv(request: MemberRequest, table: str) -> HttpResponse:
    """One table of the page with the same filters."""
    scope = scope_of(request)
    found = costs_report(scope).table(table)
    if found is None:
        raise Http404
    response = HttpResponse(to_csv(found), content_type="text/csv; charset=utf-8")
    whose = slug(scope.campaign.title) if scope.campaign else slug(scope.workspace.name)
    response["Content-Disposition"] = f'attachment; filename="costs-{found.name}-{scope.period.name}-{whose}.csv"'
    response["Cache-Control"] = "private, no-store"
    return response


def scope_of(request: MemberRequest) -> Scope:
    """Period and campaign of the address; a campaign of another workspace does not exist, nor does a made-up one."""
    workspace = request.membership.workspace
    wanted = request.GET.get("campaign", "")
    campaign = None
    if wanted:
        if not wanted.isdecimal() or len(wanted) > 18:
            raise Http404
        campaign = get_object_or_404(Campaign, pk=int(wanted), workspace=workspace)
    name = request.GET.get("period", periods.DEFAULT)
    return Scope(workspace=workspace, period=periods.period(name, today=_today()), campaign=campaign)


def _today() -> Any:
    return timezone.localdate()


def _query(scope: Scope) -> str:
    campaign = f"&campaign={scope.campaign.pk}" if scope.campaign else ""
    return f"?period={scope.period.name}{campaign}"


def _figures(report: Report) -> list[tuple[str, str, str]]:
    """The big figures: name, value, what it means."""
    each = usd(report.per_approved) if report.per_approved is not None else "–"
    return [
        ("Spent", usd(report.spent), report.scope.period.label.lower()),
        ("Approved", f"{report.approved:,}", "images approved or signed"),
        ("Each approved", each, "everything spent, over approved images"),
        ("Waste", f"{report.wasted_share:.0%}", f"{usd(report.wasted)} that became no asset"),
    ]
