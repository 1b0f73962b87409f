"""Money: promised before, booked once, never overspent by a cent, on both engines."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import connection
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns import services as campaigns
from campaigns.accounts import membership
from campaigns.models import Budget, Campaign, User, round_usd
from generation import lifecycle
from generation.models import Generation, LedgerEntry, Price, Purpose, Reservation
from generation.money import ledger
from generation.planning.runs import draft_generation
from tests import factories

pytestmark = pytest.mark.both_engines
MODEL = "black-forest-labs/flux-1.1-pro"


def make_campaign(*, limit: str, shots: int) -> Campaign:
    admin = User.objects.create_user(email="ada@example.com")
    workspace = membership.create_workspace(name="Aurora", admin=admin)
    campaign = campaigns.create_campaign(workspace=workspace, title="Launch", by=admin)
    campaigns.add_shots(
        campaign=campaign, shots=[{"title": f"Shot {n}", "prompt": "a plinth", "model": MODEL} for n in range(shots)]
    )
    ledger.set_limit(workspace=workspace, campaign=campaign, limit=Decimal(limit))
    ledger.set_limit(workspace=workspace, campaign=None, limit=Decimal("1000"))
    return campaign


def queue_all(campaign: Campaign) -> list[Generation]:
    rows = [
        draft_generation(shot=shot, purpose=Purpose.CREATE, key=f"create:{shot.pk}", prompt="x", seed=1, by=None)
        for shot in campaign.shots.order_by("position")
    ]
    return lifecycle.start(rows, by=None)


def counters_match_the_record(campaign: Campaign) -> None:
    for budget in Budget.objects.filter(workspace=campaign.workspace):
        assert budget.spent == (LedgerEntry.objects.aggregate(total=Sum("amount"))["total"] or 0)
        open_promises = Reservation.objects.filter(state="open")
        assert budget.reserved == (open_promises.aggregate(total=Sum("remaining"))["total"] or 0)


@pytest.mark.django_db(transaction=True)
def test_fifty_parallel_starts_on_a_budget_for_four_start_four() -> None:
    """R2 in small: `make soak` has 1,000 rounds."""
    assert start_fifty_at_once(rounds=8) == [4] * 8


def start_fifty_at_once(*, rounds: int) -> list[int]:
    """Fifty parallel starts on a budget for four, again and again; how many started in each round."""
    campaign = make_campaign(limit="0.17", shots=50)
    generations = queue_all(campaign)
    return [_start_fifty(campaign, generations) for _ in range(rounds)]


def _start_fifty(campaign: Campaign, generations: list[Generation]) -> int:
    together = Barrier(16)

    def start(share: list[Generation]) -> int:
        started = 0
        together.wait()
        try:
            for generation in share:
                try:
                    ledger.reserve(amounts=[(generation, Decimal("0.04"))])
                    started += 1
                except ledger.NoHeadRoom:
                    continue
        finally:
            connection.close()
        return started

    with ThreadPoolExecutor(16) as pool:
        started = sum(pool.map(start, [generations[number::16] for number in range(16)]))
    assert Budget.objects.get(campaign=campaign).reserved == Decimal("0.04") * started
    counters_match_the_record(campaign)
    for reservation in Reservation.objects.select_related("generation"):
        ledger.close(reservation.generation)
    counters_match_the_record(campaign)
    Reservation.objects.all().delete()
    return started


@pytest.mark.django_db
def test_all_shots_are_promised_together_or_none() -> None:
    campaign = make_campaign(limit="0.10", shots=4)
    rows = queue_all(campaign)
    with pytest.raises(ledger.NoHeadRoom, match=r"\$0.10 left and \$0.16 are asked"):
        ledger.reserve(amounts=[(row, Decimal("0.04")) for row in rows])
    assert not Reservation.objects.exists()
    assert Budget.objects.get(campaign=campaign).reserved == 0
    assert Budget.objects.get(campaign=None).reserved == 0


@pytest.mark.django_db
def test_what_is_free_starts_on_a_budget_of_zero() -> None:
    campaign = make_campaign(limit="0", shots=1)
    [row] = queue_all(campaign)
    ledger.reserve(amounts=[(row, Decimal(0))])
    assert Reservation.objects.get().state == "open"


@pytest.mark.django_db
def test_a_bill_is_booked_once_a_key_at_the_price_of_its_day() -> None:
    campaign = make_campaign(limit="1", shots=1)
    [row] = queue_all(campaign)
    ledger.reserve(amounts=[(row, Decimal("0.05"))])
    Price.objects.create(
        provider="replicate", model=MODEL, unit="image", amount="9", valid_from=datetime(2099, 1, 1, tzinfo=UTC)
    )
    for _ in range(3):
        entry = book(row, key="render:1", quantity=Decimal(1))
    assert entry.amount == Decimal("0.04")
    row.refresh_from_db()
    assert ledger.cost_of(row) == Decimal("0.04")
    budget = Budget.objects.get(campaign=campaign)
    assert (budget.spent, budget.reserved) == (Decimal("0.04"), Decimal("0.01"))
    ledger.close(row)
    ledger.close(row)
    assert Reservation.objects.get().state == "settled"
    counters_match_the_record(campaign)


def book(row: Generation, *, key: str, quantity: Decimal) -> LedgerEntry:
    return factories.book(row.campaign, row, key=key, model=MODEL, quantity=quantity)


@pytest.mark.django_db
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["reserve", "charge", "close"]), st.integers(0, 4), st.integers(1, 60)), max_size=20
    )
)
def test_whatever_happens_the_counters_equal_the_record(steps: list[tuple[str, int, int]]) -> None:
    Budget.objects.all().delete()
    LedgerEntry.objects.all().delete()
    Generation.objects.all().delete()
    campaign = Campaign.objects.first() or make_campaign(limit="1", shots=5)
    ledger.set_limit(workspace=campaign.workspace, campaign=campaign, limit=Decimal(1))
    ledger.set_limit(workspace=campaign.workspace, campaign=None, limit=Decimal(1))
    rows = queue_all(campaign)
    promised = Decimal(0)
    for number, (step, which, cents) in enumerate(steps):
        row = rows[which]
        if step == "reserve" and not Reservation.objects.filter(generation=row).exists():
            before = Budget.objects.get(campaign=campaign)
            amount = round_usd(Decimal(cents) / 100)
            try:
                ledger.reserve(amounts=[(row, amount)])
                promised += amount
                assert before.head_room >= amount
            except ledger.NoHeadRoom:
                assert before.head_room < amount
        elif step == "charge":
            book(row, key=f"{number}", quantity=Decimal(cents) / 40)
        elif step == "close":
            ledger.close(row)
        counters_match_the_record(campaign)
