"""The tables of the cost page, each from one grouped query over the ledger."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Case, CharField, Count, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Coalesce, TruncMonth

from campaigns.models import User
from generation.models import GenerationState, LedgerEntry
from review.models import Decision
from review.reports.table import MONEY, NUMBER, Cell, Column, Row, Table, shares

NOTHING = Decimal(0)
PURPOSES = dict(LedgerEntry.Purpose.choices)
# Why money did not become an asset. Each entry falls under exactly one outcome.
WASTE = {
    "rejected": "Rejected by people",
    "changes": "Sent back for changes",
    "below_bar": "Below the bar, replaced",
    "refused": "Refused by a safety filter",
    "failed": "Failed",
    "cancelled": "Cancelled",
}
OUTCOMES = {
    "kept": "Approved or signed",
    "open": "Waiting for a decision",
    "planning": "Briefs and prompts",
    **WASTE,
}
EACH_NOTE = "Everything spent, over the images that were approved or signed"


@dataclass(frozen=True, slots=True)
class Kept:
    """How many images were approved or signed."""

    by_campaign: dict[int, int]
    by_ticket: dict[str, int]
    by_shot: dict[int, int]


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """A limit in USD with what is spent and promised of it. `label` for people."""

    label: str
    limit: Decimal
    spent: Decimal
    reserved: Decimal

    @property
    def head_room(self) -> Decimal:
        """What may still be promised; below 0 where it is overdrawn."""
        return self.limit - self.spent - self.reserved

    @property
    def scale(self) -> Decimal:
        """The length of its bar: the limit, or more where more was spent."""
        return max(self.limit, self.spent + self.reserved)


@dataclass(frozen=True, slots=True)
class ShotSpend:
    """What one shot cost (`shot_id` None: what belongs to the campaign as a whole)."""

    campaign_id: int | None
    campaign: str
    ticket: str
    shot_id: int | None
    shot: str
    spent: Decimal
    images: int


def group_by_shot(entries: QuerySet[LedgerEntry]) -> list[ShotSpend]:
    """The finest grain from which campaign, ticket and shot are added up. One query."""
    groups = entries.values_list(
        "campaign_id", "campaign__title", "ticket", "shot_id", "shot__title"
    ).annotate(spent=Sum("amount"), images=Count("generation", distinct=True))  # fmt: skip
    return [
        ShotSpend(campaign_id, campaign or "", ticket, shot_id, shot or "", spent, images)
        for campaign_id, campaign, ticket, shot_id, shot, spent, images in groups
    ]


def by_campaign(spends: list[ShotSpend], *, kept: Kept, budgets: Mapping[int | None, BudgetLine]) -> Table:
    """Spent, images, approved, cost of each, and the budget as it stands."""

    def cells(first: ShotSpend, spent: Decimal, images: int) -> tuple[Cell, ...]:
        count = kept.by_campaign.get(first.campaign_id or 0, 0)
        budget = budgets.get(first.campaign_id) if first.campaign_id else None
        money = (budget.limit, budget.spent, budget.reserved) if budget else (None, None, None)
        name = first.campaign or "Outside campaigns"
        return (name, first.ticket, spent, images, count, each(spent, count), *money)

    columns = (
        Column("Campaign"),
        Column("Ticket"),
        Column("Spent", MONEY),
        Column("Images", NUMBER),
        Column("Approved", NUMBER),
        Column("Each approved", MONEY, EACH_NOTE),
        Column("Budget", MONEY),
        Column("Spent of it", MONEY, "Since the campaign began"),
        Column("Reserved of it", MONEY, "Promised to renders under way"),
    )
    rows = _add_up(spends, key=lambda spend: spend.campaign_id, cells=cells)
    return Table("campaign", "Which campaign cost what?", columns, rows)


def by_ticket(spends: list[ShotSpend], *, kept: Kept) -> Table:
    """A ticket may span campaigns."""

    def cells(first: ShotSpend, spent: Decimal, images: int) -> tuple[Cell, ...]:
        count = kept.by_ticket.get(first.ticket, 0) if first.campaign_id else 0
        return (first.ticket or "No ticket", spent, images, count, each(spent, count))

    columns = (
        Column("Ticket"),
        Column("Spent", MONEY),
        Column("Images", NUMBER),
        Column("Approved", NUMBER),
        Column("Each approved", MONEY, EACH_NOTE),
    )
    return Table("ticket", "Which ticket?", columns, _add_up(spends, key=lambda spend: spend.ticket, cells=cells))


def by_shot(spends: list[ShotSpend], *, kept: Kept) -> Table:
    """What it took to get one picture."""

    def cells(first: ShotSpend, spent: Decimal, images: int) -> tuple[Cell, ...]:
        count = kept.by_shot.get(first.shot_id or 0, 0)
        shot = first.shot or ("The brief" if first.campaign_id else "—")
        return (first.campaign or "Outside campaigns", shot, first.ticket, spent, images, count, each(spent, count))

    columns = (
        Column("Campaign"),
        Column("Shot"),
        Column("Ticket"),
        Column("Spent", MONEY),
        Column("Images", NUMBER),
        Column("Approved", NUMBER),
        Column("Each approved", MONEY, EACH_NOTE),
    )
    rows = _add_up(spends, key=lambda spend: (spend.campaign_id, spend.shot_id), cells=cells)
    return Table("shot", "What did each shot take?", columns, rows)


def by_model(entries: QuerySet[LedgerEntry]) -> Table:
    """Models and who runs them. One query."""
    groups = entries.values_list("provider", "model").annotate(
        spent=Sum("amount"), images=Count("generation", distinct=True), bookings=Count("pk")
    )
    lines = [(spent, (model, provider, spent, images, count)) for provider, model, spent, images, count in groups]
    columns = (
        Column("Model"),
        Column("Provider"),
        Column("Spent", MONEY),
        Column("Images", NUMBER),
        Column("Bookings", NUMBER),
    )
    return Table("model", "Which model?", columns, _sorted_rows(lines))


def by_purpose(entries: QuerySet[LedgerEntry]) -> Table:
    """Prompts, renders, scores, revisions. One query."""
    groups = entries.values_list("purpose").annotate(spent=Sum("amount"), bookings=Count("pk"))
    lines = [(spent, (PURPOSES[purpose], spent, count)) for purpose, spent, count in groups]
    columns = (Column("Purpose"), Column("Spent", MONEY), Column("Bookings", NUMBER))
    return Table("purpose", "For what?", columns, _sorted_rows(lines))


def by_person(entries: QuerySet[LedgerEntry]) -> Table:
    """Who asked for it: the entry's person, else who asked for the image or made the campaign. Two queries."""
    person = Coalesce("by_id", "generation__requested_by_id", "campaign__created_by_id")
    groups = list(
        entries.annotate(person=person)
        .values_list("person")
        .annotate(spent=Sum("amount"), images=Count("generation", distinct=True))
    )
    names = User.objects.in_bulk([person_id for person_id, _, _ in groups if person_id])
    lines = [
        (spent, (str(names[person_id]) if person_id in names else "Nobody in particular", spent, images))
        for person_id, spent, images in groups
    ]
    columns = (Column("Person"), Column("Spent", MONEY), Column("Images", NUMBER))
    return Table("person", "Who asked for it?", columns, _sorted_rows(lines))


def by_month(entries: QuerySet[LedgerEntry]) -> Table:
    """By month, the newest first. One query."""
    groups = (
        entries.annotate(month=TruncMonth("at"))
        .values_list("month")
        .annotate(spent=Sum("amount"), images=Count("generation", distinct=True))
        .order_by("-month")
    )
    lines = [(spent, (f"{month:%Y-%m}", spent, images)) for month, spent, images in groups]
    columns = (Column("Month"), Column("Spent", MONEY), Column("Images", NUMBER))
    return Table("month", "Month by month", columns, _rows(lines))


def group_by_outcome(entries: QuerySet[LedgerEntry]) -> dict[str, tuple[Decimal, int]]:
    """USD and images by what became of them; every entry under exactly one outcome. One query.

    What people decided counts before what the gate said. Below the bar is waste once a newer version has
    replaced it; an image below the bar that waits for a person is open.
    """
    standing = "generation__standing__decision"
    outcome = Case(
        When(generation__isnull=True, then=Value("planning")),
        When(**{f"{standing}__in": [Decision.APPROVED, "signed"]}, then=Value("kept")),
        When(**{standing: Decision.REJECTED}, then=Value("rejected")),
        When(**{standing: Decision.CHANGES}, then=Value("changes")),
        When(generation__state=GenerationState.REFUSED, then=Value("refused")),
        When(generation__state=GenerationState.FAILED, then=Value("failed")),
        When(generation__state=GenerationState.CANCELLED, then=Value("cancelled")),
        When(
            Q(generation__passed=False, generation__escalated=False, generation__followed_up=True),
            then=Value("below_bar"),
        ),
        default=Value("open"),
        output_field=CharField(),
    )
    groups = (
        entries.annotate(outcome=outcome)
        .values_list("outcome")
        .annotate(spent=Sum("amount"), images=Count("generation", distinct=True))
    )
    return {name: (spent, images) for name, spent, images in groups}


def by_outcome(outcomes: Mapping[str, tuple[Decimal, int]]) -> Table:
    """The waste report: what became of the money."""
    lines = [
        (outcomes[name][0], (label, "Waste" if name in WASTE else "", *outcomes[name]))
        for name, label in OUTCOMES.items()
        if name in outcomes
    ]
    columns = (Column("Outcome"), Column("Counts as"), Column("Spent", MONEY), Column("Images", NUMBER))
    return Table("outcome", "What became of the money?", columns, _rows(lines))


def by_reason(entries: QuerySet[LedgerEntry], *, names: Mapping[str, str]) -> Table:
    """What people rejected, by the reason that stands. `names`: code to what it is called now. One query."""
    reason = "generation__standing__verdict__reason"
    groups = (
        entries.filter(generation__standing__decision=Decision.REJECTED)
        .values_list(reason)
        .annotate(spent=Sum("amount"), images=Count("generation", distinct=True))
    )
    lines = [(spent, (names.get(code or "", "Not named"), spent, images)) for code, spent, images in groups]
    columns = (Column("Reason"), Column("Spent", MONEY), Column("Images", NUMBER))
    return Table("reason", "Why was it rejected?", columns, _sorted_rows(lines))


def each(spent: Decimal, count: int) -> Decimal | None:
    """USD for one approved image, None where there is none."""
    return spent / count if count else None


def _add_up(
    spends: list[ShotSpend],
    *,
    key: Callable[[ShotSpend], Any],
    cells: Callable[[ShotSpend, Decimal, int], tuple[Cell, ...]],
) -> tuple[Row, ...]:
    """Rows of the groups with the same key, dearest first. An image belongs to one shot, so images add up."""
    groups: dict[Any, list[ShotSpend]] = {}
    for spend in spends:
        groups.setdefault(key(spend), []).append(spend)
    lines = []
    for group in groups.values():
        spent = sum((spend.spent for spend in group), NOTHING)
        lines.append((spent, cells(group[0], spent, sum(spend.images for spend in group))))
    return _sorted_rows(lines)


def _sorted_rows(lines: Iterable[tuple[Decimal, tuple[Cell, ...]]]) -> tuple[Row, ...]:
    return _rows(sorted(lines, key=lambda line: (-line[0], str(line[1]))))


def _rows(lines: Iterable[tuple[Decimal, tuple[Cell, ...]]]) -> tuple[Row, ...]:
    listed = list(lines)
    parts = shares([amount for amount, _ in listed])
    return tuple(Row(cells=cells, share=share) for (_, cells), share in zip(listed, parts, strict=True))
