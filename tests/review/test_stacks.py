"""Stacks: whatever happens to versions, the one that stands lies on top; the sheet shows each shot once."""

import random
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Campaign, User
from generation import lifecycle
from generation.models import Generation, GenerationState
from review.migrations import _stack_triggers
from review.models import Decision, Stack, Standing
from review.services.signoff import withdraw_signature
from review.services.verdicts import record_verdict, undo_verdict
from tests.factories import (
    CampaignFactory,
    GenerationFactory,
    MembershipFactory,
    ShotFactory,
    SignOffFactory,
    VerdictFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    return CampaignFactory()


@pytest.fixture
def ana(campaign: Campaign, client: Client) -> User:
    user = MembershipFactory(workspace=campaign.workspace, user__name="Ana", approver=True).user
    client.force_login(user)
    return user


def tops(campaign: Campaign) -> dict[int, str]:
    return dict(Stack.objects.filter(campaign=campaign).values_list("pk", "top"))


def expected_tops(campaign: Campaign) -> dict[int, str]:
    """Signed, else newest approved, else best score, else newest; rejected where nothing else is left."""

    def rank(row: Generation) -> tuple[int, float, int]:
        if row.decision in ("signed", "approved"):
            return 3 if row.decision == "signed" else 2, 0.0, row.version
        return 0 if row.decision == "rejected" else 1, float(-1 if row.average is None else row.average), row.version

    best: dict[int, Generation] = {}
    for row in Generation.objects.filter(campaign=campaign, state=GenerationState.READY):
        if row.shot_id not in best or rank(row) > rank(best[row.shot_id]):
            best[row.shot_id] = row
    return {shot: row.pk for shot, row in best.items()}


def address(campaign: Campaign, query: str = "stack=1") -> str:
    return f"{reverse('sheet', kwargs={'pk': campaign.pk})}?{query}"


def shown(client: Client, campaign: Campaign, query: str = "stack=1") -> list[str]:
    return re.findall(r'id="frame-(gen_\w+)"', client.get(address(campaign, query)).content.decode())


@pytest.mark.both_engines
@pytest.mark.parametrize(
    ("stack", "top"),
    [
        ([("", 7.0), ("", 6.0)], 1),
        ([("", 7.0), ("", 7.0)], 2),
        ([("", None), ("", None)], 2),
        ([("approved", 6.0), ("", 9.0)], 1),
        ([("approved", 9.0), ("approved", 6.0)], 2),
        ([("signed", 6.0), ("approved", 9.0)], 1),
        ([("rejected", 9.0), ("changes", 5.0)], 2),
        ([("rejected", 9.0), ("rejected", 5.0)], 1),
    ],
)
def test_which_version_lies_on_top(campaign: Campaign, stack: list[tuple[str, float | None]], top: int) -> None:
    shot = ShotFactory(campaign=campaign)
    for decision, average in stack:
        row = GenerationFactory(shot=shot, ready=True, scored=average)
        Generation.objects.filter(pk=row.pk).update(decision=decision)
    assert Stack.objects.get().top.version == top


@pytest.mark.both_engines
@pytest.mark.parametrize("seed", [3, 11])
def test_whatever_happens_the_elected_version_lies_on_top(campaign: Campaign, ana: User, seed: int) -> None:
    chance = random.Random(seed)
    shots = [ShotFactory(campaign=campaign) for _ in range(3)]

    def finish() -> None:
        row = GenerationFactory(shot=chance.choice(shots), scoring=True)
        assert lifecycle.move(row, to=GenerationState.READY, average=chance.choice([None, 3, 7.25, 8]))

    def score_anew() -> None:
        row = Generation.objects.filter(campaign=campaign, state="ready").order_by("?").first()
        Generation.objects.filter(pk=row.pk).update(average=chance.choice([2, 9.5])) if row else None

    def decide() -> None:
        row = Generation.objects.filter(campaign=campaign, state="ready").order_by("?").first()
        if row:
            version = Standing.objects.filter(pk=row.pk).values_list("version", flat=True).first() or 0
            decision = chance.choice([Decision.APPROVED, Decision.REJECTED, Decision.CHANGES])
            record_verdict(generation=row, decision=decision, by=ana, seen_version=version, reason="text")

    def take_back() -> None:
        standing = Standing.objects.filter(campaign=campaign, verdict__by=ana).order_by("?").first()
        if standing:
            undo_verdict(generation=standing.generation, by=ana, seen_version=standing.version)

    steps: list[Callable[[], None]] = [finish, finish, decide, decide, decide, take_back, score_anew]
    for _ in range(50):
        chance.choice(steps)()
        assert tops(campaign) == expected_tops(campaign)
    signature = SignOffFactory(
        generation=Generation.objects.filter(shot=shots[0], state="ready").order_by("version").first()
    )
    assert tops(campaign)[shots[0].pk] == signature.generation_id
    withdraw_signature(signature=signature, by=ana)
    assert tops(campaign) == expected_tops(campaign)
    for stack in Stack.objects.filter(campaign=campaign):
        versions = Generation.objects.filter(shot=stack.shot_id, state="ready").order_by("version")
        assert (stack.versions, stack.newest_id) == (versions.count(), versions.last().pk)  # type: ignore[union-attr]
    kept = set(Stack.objects.values_list("pk", "top", "newest", "versions"))
    _stack_triggers.elect_all(connection)  # as for a house that was there before the table
    assert set(Stack.objects.values_list("pk", "top", "newest", "versions")) == kept
    gone = GenerationFactory(ready=True, shot=ShotFactory(campaign=campaign))
    assert tops(campaign)[gone.shot_id] == gone.pk
    gone.delete()
    assert tops(campaign) == expected_tops(campaign)


@pytest.mark.both_engines
@pytest.mark.django_db(transaction=True)
def test_versions_that_finish_at_once_take_turns() -> None:
    shot = ShotFactory()
    rows = [GenerationFactory(shot=shot, scoring=True) for _ in range(8)]

    def finish(row: Generation) -> bool:
        try:
            return lifecycle.move(row, to=GenerationState.READY, average=row.version)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=8) as pool:
        assert all(pool.map(finish, rows))
    stack = Stack.objects.get()
    assert (stack.top_id, stack.newest_id, stack.versions) == (rows[-1].pk, rows[-1].pk, 8)


@pytest.mark.both_engines
def test_the_triggers_are_there_after_every_migration() -> None:
    names = {"review_stack_insert", "review_stack_update", "review_stack_delete"}
    find = {
        "postgresql": "SELECT tgname FROM pg_trigger WHERE tgname LIKE 'review_stack%'",
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'review_stack%'",
    }
    with connection.cursor() as cursor:
        cursor.execute(find[connection.vendor])
        assert {name for (name,) in cursor.fetchall()} == names


def test_each_shot_is_one_frame_with_its_number_of_versions(client: Client, campaign: Campaign, ana: User) -> None:
    one = GenerationFactory(ready=True, scored=9, shot=ShotFactory(campaign=campaign))
    two = GenerationFactory(ready=True, scored=6, shot=one.shot)
    alone = GenerationFactory(ready=True, scored=8, shot=ShotFactory(campaign=campaign))
    GenerationFactory(rendering=True, shot=ShotFactory(campaign=campaign))
    assert shown(client, campaign) == [alone.pk, one.pk]
    assert shown(client, campaign, "stack=1&sort=best") == [one.pk, alone.pk]
    page = client.get(address(campaign)).content.decode()
    assert re.search(r'class="frame is-stack"\s+id="frame-' + one.pk, page)
    assert "2 versions" in page
    assert reverse("loupe", args=[one.pk]) + "?stack=1" in page
    record_verdict(generation=one, decision=Decision.REJECTED, by=ana, seen_version=0, reason="text")
    assert shown(client, campaign) == [alone.pk, two.pk]
    # the neighbours in the loupe are stacks too, whichever version lies on the table
    loupe = client.get(reverse("loupe", args=[one.pk]) + "?stack=1").content.decode()
    assert f'data-previous="{reverse("loupe", args=[two.pk])}?stack=1"' in loupe or alone.pk in loupe
    assert two.pk in loupe
    assert shown(client, campaign, "stack=1&decision=rejected") == []
    assert shown(client, campaign, "") == [alone.pk, two.pk, one.pk]


def test_an_independent_first_look_shows_the_newest_and_what_is_signed(
    client: Client, campaign: Campaign, ana: User
) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(independent_first_look=True)
    liked = GenerationFactory(ready=True, scored=9, shot=ShotFactory(campaign=campaign))
    newest = GenerationFactory(ready=True, scored=5, shot=liked.shot)
    VerdictFactory(generation=liked)
    assert shown(client, campaign) == [newest.pk]
    SignOffFactory(generation=liked)
    assert shown(client, campaign) == [liked.pk]


def test_what_turned_since_the_page_was_read_is_told(client: Client, campaign: Campaign, ana: User) -> None:
    one = GenerationFactory(ready=True, scored=9, shot=ShotFactory(campaign=campaign))
    two = GenerationFactory(ready=True, scored=6, shot=one.shot)
    changes = reverse("sheet-changes", kwargs={"pk": campaign.pk})
    since = (timezone.now() - timedelta(seconds=1)).isoformat()
    Stack.objects.update(turned_at=timezone.now() - timedelta(hours=1))
    assert client.get(changes, {"stack": "1", "since": since}).json()["turned"] == []
    record_verdict(generation=one, decision=Decision.REJECTED, by=ana, seen_version=0, reason="text")
    answer = client.get(changes, {"stack": "1", "since": since}).json()
    assert answer["turned"] == [{"shot": one.shot_id, "id": two.pk}]
    assert "turned" not in client.get(changes, {"since": since}).json()


def test_few_and_many_take_the_same_queries(client: Client, campaign: Campaign, ana: User) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address(campaign)).status_code == 200
        return len(captured.captured_queries)

    for _ in range(2):
        GenerationFactory(ready=True, shot=ShotFactory(campaign=campaign))
    few = count()
    for _ in range(10):
        VerdictFactory(generation=GenerationFactory(ready=True, shot=ShotFactory(campaign=campaign)))
    assert count() == few
