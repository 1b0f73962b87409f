"""What the AI cost: the ledger, added up by the database. Read side only; page and CSV share it.

Every table counts every entry, so their sums agree: prompts, renders, scores, revisions; what was
refused, failed or rejected included. Ten queries, however long the ledger is.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from campaigns.models import Budget, Campaign, Workspace
from generation.models import LedgerEntry
from review.models import Decision, RejectReason, Standing
from review.reports import cost_tables
from review.reports.cost_tables import NOTHING, BudgetLine, Kept
from review.reports.periods import Period
from review.reports.table import Table

KEPT = (Decision.APPROVED, "signed")
LONGEST_DAILY = 124


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose money, when, for which campaign (None: all)."""

    workspace: Workspace
    period: Period
    campaign: Campaign | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """What was spent on one day (or in one month, by its first day)."""

    on: date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Report:
    """One page of costs."""

    scope: Scope
    spent: Decimal
    approved: int
    wasted: Decimal
    budgets: tuple[BudgetLine, ...]
    series: tuple[Point, ...]
    series_is_daily: bool
    tables: tuple[Table, ...]

    @property
    def per_approved(self) -> Decimal | None:
        """Everything spent, over the images that were approved or signed; None where none was."""
        return self.spent / self.approved if self.approved else None

    @property
    def wasted_share(self) -> Decimal:
        """0 to 1."""
        return self.wasted / self.spent if self.spent > 0 else NOTHING

    def table(self, name: str) -> Table | None:
        """A table by its address."""
        return next((table for table in self.tables if table.name == name), None)


def costs_report(scope: Scope) -> Report:
    """Everything of the cost page for one scope."""
    entries = ledger_of(scope)
    spent: Decimal = entries.aggregate(total=Sum("amount"))["total"] or NOTHING
    kept = _kept(scope)
    budgets = _budgets(scope)
    by_shot = cost_tables.group_by_shot(entries)
    outcomes = cost_tables.group_by_outcome(entries)
    series, is_daily = _series(entries)
    tables = (
        cost_tables.by_outcome(outcomes),
        cost_tables.by_reason(entries, names=_reason_names(scope)),
        cost_tables.by_purpose(entries),
        cost_tables.by_campaign(by_shot, kept=kept, budgets=budgets),
        cost_tables.by_model(entries),
        cost_tables.by_ticket(by_shot, kept=kept),
        cost_tables.by_person(entries),
        cost_tables.by_month(entries),
        cost_tables.by_shot(by_shot, kept=kept),
    )
    return Report(
        scope=scope,
        spent=spent,
        approved=sum(kept.by_shot.values()),
        wasted=sum((outcomes[name][0] for name in cost_tables.WASTE if name in outcomes), NOTHING),
        budgets=_shown_budgets(scope, budgets),
        series=series,
        series_is_daily=is_daily,
        tables=tables,
    )


def ledger_of(scope: Scope) -> QuerySet[LedgerEntry]:
    """The entries of a scope."""
    entries = LedgerEntry.objects.filter(workspace=scope.workspace)
    if scope.campaign:
        entries = entries.filter(campaign=scope.campaign)
    return entries.filter(_within("at", scope.period)).order_by()


def _within(field: str, period: Period) -> Q:
    inside = Q()
    if period.first:
        inside &= Q(**{f"{field}__gte": _midnight(period.first)})
    if period.end:
        inside &= Q(**{f"{field}__lt": _midnight(period.end)})
    return inside


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def _kept(scope: Scope) -> Kept:
    """Approved or signed images, decided in the period."""
    standings = Standing.objects.filter(
        _within("decided_at", scope.period), workspace=scope.workspace, decision__in=KEPT
    )
    if scope.campaign:
        standings = standings.filter(campaign=scope.campaign)
    counted = standings.order_by().values_list("campaign_id", "campaign__ticket", "shot_id").annotate(Count("pk"))
    kept = Kept({}, {}, {})
    for campaign_id, ticket, shot_id, count in counted:
        kept.by_campaign[campaign_id] = kept.by_campaign.get(campaign_id, 0) + count
        kept.by_ticket[ticket] = kept.by_ticket.get(ticket, 0) + count
        kept.by_shot[shot_id] = count
    return kept


def _reason_names(scope: Scope) -> dict[str, str]:
    return dict(RejectReason.objects.filter(workspace=scope.workspace).values_list("code", "label"))


def _budgets(scope: Scope) -> dict[int | None, BudgetLine]:
    """Limits as they stand now, by campaign; None is the workspace's."""
    found = Budget.objects.filter(workspace=scope.workspace).values_list(
        "campaign_id", "campaign__title", "limit", "spent", "reserved"
    )
    return {
        campaign_id: BudgetLine(title or "The whole workspace", limit, spent, reserved)
        for campaign_id, title, limit, spent, reserved in found
    }


def _shown_budgets(scope: Scope, budgets: dict[int | None, BudgetLine]) -> tuple[BudgetLine, ...]:
    """The workspace's budget first, then the campaigns with the least head-room."""
    wanted = [scope.campaign.pk] if scope.campaign else [pk for pk in budgets if pk is not None]
    lines = sorted((budgets[pk] for pk in wanted if pk in budgets), key=lambda line: line.head_room)
    return (*([budgets[None]] if None in budgets else []), *lines[:12])


def _series(entries: QuerySet[LedgerEntry]) -> tuple[tuple[Point, ...], bool]:
    """By day, empty days included; by month where the days would be too many to see."""
    daily: dict[date, Decimal] = dict(
        entries.annotate(on=TruncDate("at")).values_list("on").annotate(amount=Sum("amount"))
    )
    if not daily:
        return (), True
    first, last = min(daily), max(daily)
    length = (last - first).days + 1
    if length <= LONGEST_DAILY:
        days = (first + timedelta(days=number) for number in range(length))
        return tuple(Point(day, daily.get(day, NOTHING)) for day in days), True
    monthly: dict[date, Decimal] = {}
    for day, amount in daily.items():
        month = day.replace(day=1)
        monthly[month] = monthly.get(month, NOTHING) + amount
    return tuple(Point(month, monthly[month]) for month in sorted(monthly)), False
