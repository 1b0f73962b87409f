"""The review queue: nobody gets what another holds, everything is handed out, a lease ends by itself."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns.database.clock import database_now
from campaigns.models import Campaign, User
from generation.models import Generation
from review.models import Assignment, Decision, ReviewLease, Verdict
from review.queries.queue import Queue, open_queue, read_progress
from review.queries.sheet_filter import PLAIN, SheetFilter
from review.services.queue import LEASE, hold
from review.services.verdicts import record_verdict
from tests.factories import (
    CampaignFactory,
    GenerationFactory,
    MembershipFactory,
    ShotFactory,
    SignOffFactory,
    UserFactory,
    VerdictFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    return CampaignFactory()


@pytest.fixture
def ana(campaign: Campaign, client: Client) -> User:
    user = MembershipFactory(workspace=campaign.workspace, user__name="Ana").user
    client.force_login(user)
    return user


@pytest.fixture
def ben(campaign: Campaign) -> User:
    return MembershipFactory(workspace=campaign.workspace, user__name="Ben").user


def image(campaign: Campaign, **fields: Any) -> Generation:
    return GenerationFactory(**{"shot": ShotFactory(campaign=campaign), "ready": True, "scored": 8, **fields})


def queue_of(campaign: Campaign, viewer: User, wanted: SheetFilter = PLAIN) -> Queue:
    return open_queue(workspace_id=campaign.workspace_id, viewer=viewer, campaign=campaign, wanted=wanted)


def house_queue(campaign: Campaign, viewer: User) -> Queue:
    return open_queue(workspace_id=campaign.workspace_id, viewer=viewer, campaign=None, wanted=PLAIN)


def door(campaign: Campaign, name: str = "queue", query: str = "") -> str:
    return reverse(name, kwargs={"pk": campaign.pk}) + (f"?{query}" if query else "")


def ask(client: Client, campaign: Campaign, **call: Any) -> Any:
    call = {"count": True, **call}
    answer = client.post(door(campaign, "queue-hold"), json.dumps(call), content_type="application/json")
    assert answer.status_code == 200, answer.content
    return answer.json()


def end_leases() -> None:
    ReviewLease.objects.update(until=database_now() - timedelta(seconds=1))


def in_threads(calls: list[Callable[[], Any]]) -> list[Any]:
    def run(call: Callable[[], Any]) -> Any:
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=len(calls)) as pool:
        return list(pool.map(run, calls))


@pytest.mark.both_engines
@pytest.mark.django_db(transaction=True)
def test_eight_reviewers_share_two_hundred_images_without_one_twice() -> None:
    campaign = CampaignFactory()
    first = image(campaign)
    shots = [ShotFactory(campaign=campaign) for _ in range(199)]
    copies = {"image": first.image, "sha256": first.sha256, "state": first.state, "width": 96, "height": 64}
    Generation.objects.bulk_create(
        Generation(
            shot=shot,
            campaign=campaign,
            workspace=campaign.workspace,
            key=f"many:{shot.pk}",
            model="m",
            prompt="p",
            **copies,
        )
        for shot in shots
    )
    people = [MembershipFactory(workspace=campaign.workspace).user for _ in range(8)]

    def walk(person: User) -> list[str]:
        seen: list[str] = []
        queue = queue_of(campaign, person)
        while taken := hold(queue=queue, count=3, skip=seen).taken:
            seen += taken
        return seen

    walks = in_threads([lambda person=person: walk(person) for person in people])
    everything = [pk for walked in walks for pk in walked]
    assert len(everything) == len(set(everything)) == 200
    assert set(everything) == set(Generation.objects.values_list("pk", flat=True))
    assert dict(ReviewLease.objects.values_list("pk", "user")) == {
        pk: person.pk for person, walked in zip(people, walks, strict=True) for pk in walked
    }


def test_a_lease_keeps_others_out_until_it_ends(campaign: Campaign, ana: User, ben: User) -> None:
    row = image(campaign)
    assert hold(queue=queue_of(campaign, ana), count=1).taken == [row.pk]
    until = ReviewLease.objects.get().until
    assert timedelta(0) < until - database_now() <= LEASE
    assert hold(queue=queue_of(campaign, ben), count=1).taken == []
    end_leases()
    assert hold(queue=queue_of(campaign, ben), count=1).taken == [row.pk]
    assert ReviewLease.objects.get().user == ben


def test_looking_renews_and_going_gives_back(client: Client, campaign: Campaign, ana: User, ben: User) -> None:
    one, two = image(campaign), image(campaign)
    answer = ask(client, campaign, holding=[one.pk], ahead=3)
    assert [item["id"] for item in answer["items"]] == [two.pk]
    assert answer["items"][0]["url"] == reverse("loupe", args=[two.pk]) + "?queue=campaign"
    assert (answer["done"], answer["total"]) == (0, 2)
    end_leases()
    ask(client, campaign, holding=[one.pk], ahead=0)
    assert hold(queue=queue_of(campaign, ben), count=5).taken == [two.pk]
    ask(client, campaign, release=[one.pk, two.pk])
    assert list(ReviewLease.objects.values_list("pk", "user")) == [(two.pk, ben.pk)]


def test_a_farewell_that_comes_late_leaves_what_the_next_page_holds(
    client: Client, campaign: Campaign, ana: User
) -> None:
    one, two = image(campaign), image(campaign)
    before = ask(client, campaign, holding=[one.pk], ahead=1)["until"]
    after = ask(client, campaign, holding=[one.pk], ahead=1)["until"]
    ask(client, campaign, release=[one.pk, two.pk], until=before)
    assert set(ReviewLease.objects.values_list("pk", flat=True)) == {one.pk, two.pk}
    ask(client, campaign, release=[two.pk], until=after)
    assert ReviewLease.objects.get().generation == one


def test_who_lost_the_lease_is_told_who_has_it_and_what_was_decided(
    client: Client, campaign: Campaign, ana: User, ben: User
) -> None:
    row, other = image(campaign), image(campaign)
    ask(client, campaign, holding=[row.pk, other.pk])
    end_leases()
    hold(queue=queue_of(campaign, ben), count=0, holding=[row.pk])
    answer = ask(client, campaign, holding=[row.pk, other.pk])
    assert answer["lost"] == {row.pk: "Ben has this picture in hand now."}
    assert answer["decided"] == {}
    record_verdict(generation=row, decision=Decision.REJECTED, by=ben, seen_version=0, reason="legal")
    answer = ask(client, campaign, holding=[row.pk, other.pk])
    assert answer["decided"] == {row.pk: {"decision": "rejected", "version": 1, "words": "Rejected by Ben"}}
    assert (answer["done"], answer["total"]) == (1, 2)


def test_an_image_decided_since_the_list_was_read_is_not_handed_out(
    campaign: Campaign, ana: User, ben: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = image(campaign)
    from review.services import queue as service

    claim = service._claim

    def decided_meanwhile(pk: str, by: User, *, until: datetime) -> bool:
        record_verdict(generation=row, decision=Decision.APPROVED, by=ben, seen_version=0)
        return claim(pk, by, until=until)

    monkeypatch.setattr(service, "_claim", decided_meanwhile)
    assert hold(queue=queue_of(campaign, ana), count=1).taken == []
    assert not ReviewLease.objects.exists()


def test_what_one_is_asked_for_comes_first_then_the_order_of_the_filter(campaign: Campaign, ana: User) -> None:
    low, high, given_up, assigned = (image(campaign, scored=score) for score in (7.2, 9, 5, 8))
    Generation.objects.filter(pk=given_up.pk).update(escalated=True)
    Assignment.objects.create(generation=assigned, to=ana, by=ana)
    best = queue_of(campaign, ana, SheetFilter(sort="best"))
    assert hold(queue=best, count=5).taken == [assigned.pk, given_up.pk, high.pk, low.pk]


def test_only_what_waits_for_a_person_is_in_the_queue(campaign: Campaign, ana: User) -> None:
    waits, unscored = image(campaign), image(campaign, scored=None)
    dud = image(campaign, scored=5)
    VerdictFactory(generation=image(campaign))
    signed = SignOffFactory(generation=image(campaign))
    image(campaign, shot=signed.shot)
    image(campaign, shot=ShotFactory(campaign=campaign, removed=True))
    image(CampaignFactory(workspace=campaign.workspace))
    GenerationFactory(shot=ShotFactory(campaign=campaign), rendering=True)
    queue = queue_of(campaign, ana)
    assert hold(queue=queue, count=5).taken == [unscored.pk, waits.pk]
    progress = read_progress(queue)
    assert (progress.total, progress.done, progress.left, progress.duds) == (5, 3, 2, 1)
    asked_for = queue_of(campaign, ana, SheetFilter(below=True))
    assert hold(queue=asked_for, count=5).taken == [dud.pk]


def test_the_house_walks_through_all_campaigns_the_most_urgent_first(campaign: Campaign, ana: User) -> None:
    later = image(campaign)
    urgent = image(CampaignFactory(workspace=campaign.workspace, due_on="2030-01-01"))
    image(CampaignFactory())
    answer = hold(queue=house_queue(campaign, ana), count=5).taken
    assert answer == [urgent.pk, later.pk]
    assert read_progress(house_queue(campaign, ana)).total == 2


def test_independent_first_looks_give_everybody_what_they_have_not_decided(
    client: Client, campaign: Campaign, ana: User, ben: User
) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(independent_first_look=True)
    campaign.refresh_from_db()
    one, two = image(campaign, scored=9), image(campaign, scored=8)
    record_verdict(generation=two, decision=Decision.REJECTED, by=ben, seen_version=0, reason="legal")
    assert hold(queue=queue_of(campaign, ben), count=5).taken == [one.pk]
    # no order and no filter that would tell the scores
    answer = ask(client, campaign, ahead=5, holding=[two.pk])
    assert ([item["id"] for item in answer["items"]], answer["decided"], answer["lost"]) == ([one.pk], {}, {})
    worst = queue_of(campaign, ana, SheetFilter(sort="worst", below=True))
    assert hold(queue=worst, count=5).taken == [two.pk, one.pk]
    assert hold(queue=house_queue(campaign, ana), count=5).taken == [one.pk, two.pk]
    assert not ReviewLease.objects.exists()


def test_the_button_leads_to_an_image_and_at_the_end_to_the_last_page(
    client: Client, campaign: Campaign, ana: User
) -> None:
    row = image(campaign)
    answer = client.post(door(campaign, query="below=&sort=best"))
    assert answer["Location"] == reverse("loupe", args=[row.pk]) + "?sort=best&queue=campaign"
    page = client.get(answer["Location"]).content.decode()
    assert f'data-queue="{door(campaign, "queue-hold")}?sort=best"' in page
    assert re.search(r'id="queue-number">1</b> of <span id="queue-total">1<', page)
    assert f"{reverse('sheet', args=[campaign.pk])}?sort=best#frame-{row.pk}" in page
    # without a script: the decision, then the queue goes on
    client.post(reverse("verdict", args=[row.pk]), {"decision": "approved", "seen_version": "0"})
    answer = client.post(door(campaign), follow=True)
    assert answer.redirect_chain == [(door(campaign), 302)]
    assert "All done" in answer.content.decode()
    assert reverse("loupe", args=[row.pk]) in answer.content.decode()


def test_the_page_says_what_is_left_and_where_it_is(client: Client, campaign: Campaign, ana: User, ben: User) -> None:
    def page() -> str:
        answer = client.get(door(campaign))
        assert answer.status_code == 200
        return answer.content.decode()

    assert "Nothing to review yet" in page()
    image(campaign, scored=5)
    image(campaign)
    assert "1 picture to review" in page()
    assert "1 below the bar" in page()
    hold(queue=queue_of(campaign, ben), count=1)
    assert "Nothing left to hand out" in page()
    assert "1 picture is in colleagues" in page()
    assert ReviewLease.objects.count() == 1  # looking takes nothing


def test_few_and_many_take_the_same_queries(client: Client, campaign: Campaign, ana: User) -> None:
    def count(**call: Any) -> int:
        with CaptureQueriesContext(connection) as captured:
            ask(client, campaign, **call)
        return len(captured.captured_queries)

    held = image(campaign)
    image(campaign)
    few = count(holding=[held.pk], ahead=1)
    ReviewLease.objects.all().delete()
    for _ in range(12):
        image(campaign)
        VerdictFactory(generation=image(campaign))
    assert count(holding=[held.pk], ahead=1) == few <= 20


@pytest.mark.parametrize(
    "body",
    ["", "[]", "null", '"x"', '{"ahead": 99}', '{"ahead": -1}', '{"ahead": "3"}', '{"ahead": true}', '{"holding": "x"}',
     '{"skip": {"a": 1}}', '{"until": 7}', '{"until": "noon"}', '{"until": "2026-13-01T00:00:00Z"}', "[" * 5000],
)  # fmt: skip
def test_a_call_that_cannot_be_read_changes_nothing(client: Client, campaign: Campaign, ana: User, body: str) -> None:
    image(campaign)
    answer = client.post(door(campaign, "queue-hold"), body, content_type="application/json")
    assert answer.status_code == 422
    assert "Reload the page" in answer.json()["message"]
    assert not ReviewLease.objects.exists()


def test_names_that_are_none_and_images_of_others_are_left_alone(client: Client, campaign: Campaign, ana: User) -> None:
    stranger = image(CampaignFactory())
    ReviewLease.objects.create(generation=stranger, user=UserFactory(), until=database_now() + LEASE)
    answer = ask(client, campaign, holding=[stranger.pk, "\x00", 7, "gen_" + "X" * 26], release=[stranger.pk], ahead=2)
    assert answer.pop("until")
    assert answer == {"items": [], "lost": {}, "decided": {}, "done": 0, "total": 0}
    assert ReviewLease.objects.get().generation == stranger


def test_a_queue_of_another_house_does_not_exist(client: Client, ana: User) -> None:
    foreign = CampaignFactory()
    image(foreign)
    answers: list[HttpResponse] = [client.get(door(foreign)), client.post(door(foreign))]
    answers.append(client.post(door(foreign, "queue-hold"), "{}", content_type="application/json"))
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert client.get(door(foreign, "queue-hold")).status_code == 405
    assert not ReviewLease.objects.exists()
    client.logout()
    assert client.post(door(foreign, "queue-hold"), headers={"Accept": "application/json"}).status_code == 401
    assert not Verdict.objects.exists()
