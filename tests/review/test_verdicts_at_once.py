"""Verdicts that arrive at the same moment, through the door, by real connections: R3 and R4."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from campaigns.models import User
from generation.models import Generation
from review.models import Standing, Verdict
from tests.factories import GenerationFactory, MembershipFactory

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db(transaction=True)]


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def post_at_once(requests: Iterable[tuple[Client, Generation, dict[str, Any]]]) -> list[Any]:
    """The answers to these decisions, each sent from a thread of its own, all let go together."""
    waiting = list(requests)
    together = Barrier(len(waiting))

    def post(request: tuple[Client, Generation, dict[str, Any]]) -> Any:
        client, generation, decision = request
        together.wait()
        try:
            url = reverse("verdict", kwargs={"pk": generation.pk})
            return client.post(url, decision, headers={"Accept": "application/json"})
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=len(waiting)) as pool:
        return list(pool.map(post, waiting))


def test_fifty_identical_verdicts_are_one_and_fifty_identical_answers() -> None:
    generation = GenerationFactory(ready=True)
    ana = MembershipFactory(workspace=generation.workspace).user
    decision = {"decision": "approved", "seen_version": "0"}
    answers = post_at_once([(signed_in(ana), generation, decision) for _ in range(50)])
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert Verdict.objects.get().by == ana
    standing = Standing.objects.get()
    assert (standing.decision, standing.version) == ("approved", 1)


def test_of_two_who_disagree_one_wins_and_the_other_is_told_clearly() -> None:
    first = GenerationFactory(ready=True)
    ana, ben = (MembershipFactory(workspace=first.workspace, user__name=name).user for name in ("Ana", "Ben"))
    for generation in (first, *(GenerationFactory(ready=True, shot=first.shot) for _ in range(4))):
        yes, no = post_at_once(
            [
                (signed_in(ana), generation, {"decision": "approved", "seen_version": "0"}),
                (signed_in(ben), generation, {"decision": "changes", "seen_version": "0"}),
            ]
        )
        assert sorted((yes.status_code, no.status_code)) == [200, 409]
        stored = Verdict.objects.get(generation=generation)
        told = (yes if yes.status_code == 409 else no).json()
        assert str(stored.by) in told["message"]
        assert (told["decision"], told["version"]) == (stored.decision, 1)
        generation.refresh_from_db()
        assert generation.decision == generation.standing.decision == stored.decision
