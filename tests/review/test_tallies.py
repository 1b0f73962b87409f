"""The figures over the sheet are kept, not counted: whatever happens to images, they are what a count would say."""

import random
from collections.abc import Callable

import pytest
from django.db import connection
from django.db.models import Count, Q

from campaigns import services as campaigns
from campaigns.models import Campaign, User
from generation import lifecycle
from generation.models import Generation, GenerationState
from review.models import Decision, SignOff, Standing, Verdict
from review.queries.counts import read_counts
from review.services.verdicts import record_verdict, undo_verdict
from tests.factories import (
    CampaignFactory,
    GenerationFactory,
    MembershipFactory,
    ShotFactory,
    SignOffFactory,
    VerdictFactory,
)

pytestmark = [pytest.mark.django_db, pytest.mark.both_engines]


def counted(campaign: Campaign) -> tuple[int, ...]:
    """What a count says: all, reviewed, below, approved, escalated."""
    rows = Generation.objects.filter(campaign=campaign, shot__removed_at__isnull=True, state=GenerationState.READY)
    # what stands beside a signed version is settled
    signed = Q(shot__in=SignOff.objects.current().values("shot"))
    return tuple(
        rows.aggregate(
            all=Count("pk"),
            reviewed=Count("pk", filter=(Q(standing__isnull=False) & ~Q(standing__decision="undecided")) | signed),
            below=Count("pk", filter=Q(passed=False)),
            approved=Count("pk", filter=Q(standing__decision__in=["approved", "signed"])),
            escalated=Count("pk", filter=Q(escalated=True)),
        ).values()
    )


def kept(campaign: Campaign, viewer: User) -> tuple[int, ...]:
    counts = read_counts(campaign, viewer=viewer)
    return counts.all, counts.reviewed, counts.below, counts.approved, counts.escalated


def test_whatever_happens_the_kept_figures_are_the_counted_ones() -> None:
    chance = random.Random(7)
    campaign, other = CampaignFactory(), CampaignFactory()
    ana = MembershipFactory(workspace=campaign.workspace).user
    shots = [ShotFactory(campaign=campaign) for _ in range(4)]
    GenerationFactory(shot=ShotFactory(campaign=other), ready=True, scored=3)

    def finish() -> None:
        row = GenerationFactory(shot=chance.choice(shots), scoring=True)
        score = chance.choice([3, 8])
        assert lifecycle.move(row, to=GenerationState.READY, average=score, passed=score > 7)

    def decide() -> None:
        row = Generation.objects.filter(campaign=campaign, state="ready", shot__signoffs=None).order_by("?").first()
        if row:
            version = Standing.objects.filter(pk=row.pk).values_list("version", flat=True).first() or 0
            decision = chance.choice([Decision.APPROVED, Decision.REJECTED, Decision.CHANGES])
            record_verdict(generation=row, decision=decision, by=ana, seen_version=version, reason="text")

    def take_back() -> None:
        standing = Standing.objects.filter(campaign=campaign, decided_by=ana, verdict__by=ana).order_by("?").first()
        if standing and not standing.shot.signoffs.exists():
            undo_verdict(generation=standing.generation, by=ana, seen_version=standing.version)

    def escalate() -> None:
        row = Generation.objects.filter(campaign=campaign).order_by("?").first()
        Generation.objects.filter(pk=row.pk).update(escalated=not row.escalated) if row else None

    steps: list[Callable[[], object]] = [finish, finish, decide, decide, take_back, escalate]
    finish()
    for _ in range(60):
        chance.choice(steps)()
    SignOffFactory(generation=GenerationFactory(shot=shots[0], ready=True, scored=9))
    assert kept(campaign, ana) == counted(campaign)
    campaigns.remove_shot(shots[1])
    assert kept(campaign, ana) == counted(campaign)
    assert counted(campaign)[0] > 5
    assert kept(other, ana) == counted(other) == (1, 0, 1, 0, 0)
    copies = dict(Generation.objects.exclude(decision="").values_list("pk", "decision"))
    standings = Standing.objects.exclude(decision=Standing.UNDECIDED)
    assert copies == dict(standings.values_list("pk", "decision"))


def test_where_first_looks_are_independent_everybody_has_a_count_of_their_own() -> None:
    campaign = CampaignFactory(independent_first_look=True)
    ana, ben = (MembershipFactory(workspace=campaign.workspace).user for _ in range(2))
    rows = [GenerationFactory(shot=ShotFactory(campaign=campaign), ready=True, scored=8) for _ in range(3)]
    GenerationFactory(shot=rows[1].shot, ready=True, scored=8)
    VerdictFactory(generation=rows[0], by=ben)
    assert [read_counts(campaign, viewer=person).to_review for person in (ana, ben)] == [4, 3]
    SignOffFactory(generation=rows[1], by=ben)
    assert [read_counts(campaign, viewer=person).to_review for person in (ana, ben)] == [2, 1]
    assert Verdict.objects.count() == 1


def test_the_triggers_are_there_after_every_migration() -> None:
    names = {"review_tally_insert", "review_tally_update", "review_tally_delete"}
    find = {
        "postgresql": "SELECT tgname FROM pg_trigger WHERE tgname LIKE 'review_tally%'",
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'review_tally%'",
    }
    with connection.cursor() as cursor:
        cursor.execute(find[connection.vendor])
        assert {name for (name,) in cursor.fetchall()} == names
