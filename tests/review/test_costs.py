"""The cost page against a ledger added up by hand."""

import csv
import io
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns.models import Budget, Campaign, Membership
from generation.models import Generation, LedgerEntry, Price
from generation.money import ledger
from review.models import Decision
from review.reports import periods
from review.reports.costs import Report, Scope, costs_report
from review.reports.table import Column, Row, Table, to_csv, usd
from tests.factories import (
    CampaignFactory,
    GenerationFactory,
    MembershipFactory,
    ShotFactory,
    SignOffFactory,
    VerdictFactory,
    book,
)

pytestmark = [pytest.mark.django_db, pytest.mark.both_engines]
MODEL = "test/model"


@pytest.fixture
def admin() -> Membership:
    long_ago = timezone.now() - timedelta(days=2000)
    Price.objects.create(provider="replicate", model=MODEL, unit="image", amount=Decimal("0.04"), valid_from=long_ago)
    Price.objects.create(provider="replicate", model=MODEL, unit="look", amount=Decimal("0.001"), valid_from=long_ago)
    return MembershipFactory(admin=True)


def spend(
    campaign: Campaign, generation: Generation | None, *, unit: str = "image", purpose: str = "render", at: Any = None
) -> LedgerEntry:
    key = f"test:{LedgerEntry.objects.count()}"
    entry = book(campaign, generation, key=key, model=MODEL, unit=unit, purpose=purpose)
    if at:
        LedgerEntry.objects.filter(pk=entry.pk).update(at=at)
    return entry


def outcomes(campaign: Campaign) -> dict[str, Generation]:
    """One image of every outcome, each rendered for $0.04 and looked at for $0.001."""
    shot = ShotFactory(campaign=campaign, title="Hero")
    images = {
        "signed": SignOffFactory(generation__shot=shot).generation,
        "approved": VerdictFactory(generation__shot=ShotFactory(campaign=campaign, title="Detail")).generation,
        "rejected": VerdictFactory(generation__shot=shot, decision=Decision.REJECTED, reason="artefacts").generation,
        "changes": VerdictFactory(generation__shot=shot, decision=Decision.CHANGES).generation,
        "below": GenerationFactory(shot=shot, ready=True, scored=5.0),
        "open": GenerationFactory(shot=shot, ready=True, scored=8.0),
        "refused": GenerationFactory(shot=shot, refused=True),
        "failed": GenerationFactory(shot=shot, failed=True),
    }
    for generation in images.values():
        spend(campaign, generation)
        spend(campaign, generation, unit="look", purpose="score")
    spend(campaign, None, unit="look", purpose="prompt")
    return images


def report_of(admin: Membership, name: str = periods.ALL, campaign: Campaign | None = None) -> Report:
    period = periods.period(name, today=timezone.localdate())
    return costs_report(Scope(workspace=admin.workspace, period=period, campaign=campaign))


def cells(report: Report, name: str) -> list[tuple[Any, ...]]:
    table = report.table(name)
    assert table
    return [row.cells for row in table.rows]


def test_the_sums_are_those_of_the_ledger(admin: Membership) -> None:
    campaign = CampaignFactory(workspace=admin.workspace, title="Aurora", ticket="MKT-2241")
    ledger.set_limit(workspace=admin.workspace, campaign=campaign, limit=Decimal(5))
    outcomes(campaign)
    report = report_of(admin)
    # 8 images of 0.041 and one prompt of 0.001
    assert report.spent == Decimal("0.329")
    assert report.approved == 2
    assert report.per_approved == Decimal("0.1645")
    # rejected, changes, below, refused, failed
    assert report.wasted == Decimal("0.205")
    assert cells(report, "campaign") == [
        (
            "Aurora", "MKT-2241", Decimal("0.329"), 8, 2, Decimal("0.1645"), Decimal(5), Decimal("0.329"), Decimal(0),
        )
    ]  # fmt: skip
    assert cells(report, "ticket") == [("MKT-2241", Decimal("0.329"), 8, 2, Decimal("0.1645"))]
    assert cells(report, "shot") == [
        ("Aurora", "Hero", "MKT-2241", Decimal("0.287"), 7, 1, Decimal("0.287")),
        ("Aurora", "Detail", "MKT-2241", Decimal("0.041"), 1, 1, Decimal("0.041")),
        ("Aurora", "The brief", "MKT-2241", Decimal("0.001"), 0, 0, None),
    ]
    assert cells(report, "model") == [(MODEL, "replicate", Decimal("0.329"), 8, 17)]
    assert cells(report, "purpose") == [
        ("Renders", Decimal("0.32"), 8), ("Scoring", Decimal("0.008"), 8), ("Prompts", Decimal("0.001"), 1)
    ]  # fmt: skip
    assert cells(report, "reason") == [("Artefacts", Decimal("0.041"), 1)]
    assert cells(report, "outcome") == [
        ("Approved or signed", "", Decimal("0.082"), 2),
        ("Waiting for a decision", "", Decimal("0.041"), 1),
        ("Briefs and prompts", "", Decimal("0.001"), 0),
        ("Rejected by people", "Waste", Decimal("0.041"), 1),
        ("Sent back for changes", "Waste", Decimal("0.041"), 1),
        ("Below the bar, replaced", "Waste", Decimal("0.041"), 1),
        ("Refused by a safety filter", "Waste", Decimal("0.041"), 1),
        ("Failed", "Waste", Decimal("0.041"), 1),
    ]
    for name in ("campaign", "ticket", "shot", "model", "purpose", "person", "month", "outcome"):
        table = report.table(name)
        assert table
        money = next(index for index, column in enumerate(table.columns) if column.label == "Spent")
        assert sum(row.cells[money] for row in table.rows) == report.spent  # type: ignore[misc]
        assert sum(row.share for row in table.rows) == pytest.approx(Decimal(1))


def test_the_budget_stands_beside_it(admin: Membership) -> None:
    campaign = CampaignFactory(workspace=admin.workspace)
    ledger.set_limit(workspace=admin.workspace, campaign=None, limit=Decimal(50))
    ledger.set_limit(workspace=admin.workspace, campaign=campaign, limit=Decimal("0.05"))
    first, second = (GenerationFactory(shot__campaign=campaign, ready=True) for _ in range(2))
    ledger.reserve(amounts=[(second, Decimal("0.04"))])
    spend(campaign, first)
    workspace, line = report_of(admin).budgets
    assert (workspace.label, workspace.limit, workspace.spent) == ("The whole workspace", Decimal(50), Decimal("0.04"))
    assert (line.spent, line.reserved, line.head_room) == (Decimal("0.04"), Decimal("0.04"), Decimal("-0.03"))
    assert line.scale == Decimal("0.08")


def test_periods_and_campaigns_cut_the_ledger(admin: Membership) -> None:
    campaign, other = CampaignFactory.create_batch(2, workspace=admin.workspace)
    today = timezone.localdate()
    last = periods.period(periods.LAST_QUARTER, today=today)
    assert last.first
    in_last_quarter = timezone.make_aware(datetime.combine(last.first, datetime.min.time()))
    spend(campaign, GenerationFactory(shot__campaign=campaign, ready=True))
    spend(campaign, GenerationFactory(shot__campaign=campaign, ready=True), at=in_last_quarter)
    spend(campaign, None, at=in_last_quarter - timedelta(microseconds=1))
    spend(other, None, unit="look")
    assert report_of(admin, periods.ALL).spent == Decimal("0.121")
    assert report_of(admin, periods.MONTH).spent == Decimal("0.041")
    assert report_of(admin, periods.QUARTER).spent == Decimal("0.041")
    assert report_of(admin, periods.LAST_QUARTER).spent == Decimal("0.04")
    assert report_of(admin, periods.ALL, other).spent == Decimal("0.001")
    assert report_of(admin, periods.LAST_QUARTER, other).spent == 0
    series = report_of(admin, periods.ALL).series
    assert sum(point.amount for point in series) == Decimal("0.121")


@pytest.mark.parametrize(
    ("name", "today", "first", "end"),
    [
        ("month", date(2026, 12, 31), date(2026, 12, 1), date(2027, 1, 1)),
        ("quarter", date(2026, 11, 21), date(2026, 10, 1), date(2027, 1, 1)),
        ("last-quarter", date(2026, 2, 1), date(2025, 10, 1), date(2026, 1, 1)),
        ("all", date(2026, 2, 1), None, None),
        ("no such word", date(2026, 5, 9), date(2026, 4, 1), date(2026, 7, 1)),
    ],
)
def test_the_days_of_a_period(name: str, today: date, first: date | None, end: date | None) -> None:
    period = periods.period(name, today=today)
    assert (period.first, period.end) == (first, end)


def test_another_workspace_is_not_counted(admin: Membership) -> None:
    stranger = CampaignFactory()
    spend(stranger, GenerationFactory(shot__campaign=stranger, ready=True))
    Budget.objects.create(workspace=stranger.workspace, campaign=stranger, limit=Decimal(5))
    report = report_of(admin)
    assert report.spent == 0
    assert report.budgets == ()
    assert all(not table.rows for table in report.tables)


def test_formulas_become_words() -> None:
    hostile = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", 'Aurora, "big"\nlaunch', "Straße"]
    table = Table("t", "?", (Column("Name"),), tuple(Row((name,)) for name in hostile))
    content = to_csv(table)
    assert content.startswith(b"\xef\xbb\xbf")
    read = [line[0] for line in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))]
    assert read == ["Name", "'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\tx", "'\rx", 'Aurora, "big"\nlaunch', "Straße"]


def test_a_hostile_title_is_harmless_in_page_and_csv(admin: Membership, client: Client) -> None:
    campaign = CampaignFactory(workspace=admin.workspace, title="=cmd|'/c calc'!A1 <b>x</b>")
    spend(campaign, GenerationFactory(shot__campaign=campaign, ready=True))
    client.force_login(admin.user)
    page = client.get("/costs/?period=all").content.decode()
    assert "<b>x</b>" not in page
    answer = client.get("/costs/campaign.csv?period=all")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="costs-campaign-all-')
    lines = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert lines[0][:3] == ["Campaign", "Ticket", "Spent (USD)"]
    assert lines[1][0] == "'=cmd|'/c calc'!A1 <b>x</b>"
    assert lines[1][2] == "0.040000"


@pytest.mark.parametrize("address", ["/costs/", "/costs/campaign.csv", "/costs/outcome.csv"])
def test_costs_are_for_admins(address: str, client: Client) -> None:
    assert client.get(address).status_code == 302
    client.force_login(MembershipFactory(approver=True).user)
    assert client.get(address).status_code == 403


def test_bad_addresses_are_not_found(admin: Membership, client: Client) -> None:
    client.force_login(admin.user)
    stranger = CampaignFactory()
    for query in (f"campaign={stranger.pk}", "campaign=x", "campaign=-1", f"campaign={'9' * 30}", "campaign=٣"):
        assert client.get(f"/costs/?{query}").status_code == 404
    assert client.get("/costs/no-such-table.csv").status_code == 404
    assert client.get("/costs/?period=<script>&campaign=").status_code == 200


def test_the_page_takes_a_fixed_number_of_queries(admin: Membership, client: Client) -> None:
    client.force_login(admin.user)

    def count() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert client.get("/costs/?period=all").status_code == 200
        return len(captured)

    outcomes(CampaignFactory(workspace=admin.workspace))
    few = count()
    for campaign in CampaignFactory.create_batch(6, workspace=admin.workspace):
        ledger.set_limit(workspace=admin.workspace, campaign=campaign, limit=Decimal(5))
        outcomes(campaign)
    assert count() == few


@pytest.mark.parametrize(
    ("amount", "expected"),
    [("0", "$0.00"), ("0.0032", "$0.0032"), ("0.01", "$0.01"), ("1234.5", "$1,234.50"), ("-0.5", "−$0.50")],
)
def test_money_for_people(amount: str, expected: str) -> None:
    assert usd(Decimal(amount)) == expected
