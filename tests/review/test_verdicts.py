"""Verdicts: append-only, one standing a person, of two at once one wins, undo, locked by a signature, the election."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from campaigns.models import User
from generation.models import Generation
from review.models import Decision, Standing, Verdict
from review.services.verdicts import (
    StackSigned,
    StaleVerdict,
    VerdictRefused,
    record_verdict,
    undo_verdict,
)
from tests.factories import CampaignFactory, GenerationFactory, ShotFactory, SignOffFactory, UserFactory

APPROVED, REJECTED, CHANGES = Decision.APPROVED, Decision.REJECTED, Decision.CHANGES


def image(**fields: object) -> Generation:
    return GenerationFactory(ready=True, **fields)


def at_once(calls: list[Callable[[], object]]) -> list[object]:
    """The results, or the exceptions, of calls made in as many threads."""

    def run(call: Callable[[], object]) -> object:
        try:
            return call()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=10) as pool:
        return list(pool.map(run, calls))


@pytest.mark.django_db
def test_a_verdict_is_stored_and_shown_on_the_image() -> None:
    generation, ana = image(), UserFactory()
    verdict = record_verdict(
        generation=generation,
        decision=REJECTED,
        by=ana,
        seen_version=0,
        reason="anatomy",
        note=" six ",
    )
    standing = Standing.objects.get(pk=generation.pk)
    assert (standing.decision, standing.version, standing.verdict, standing.decided_by) == (REJECTED, 1, verdict, ana)
    assert (verdict.reason, verdict.note, verdict.standing) == ("anatomy", "six", True)
    assert (standing.workspace_id, standing.campaign_id, standing.shot_id) == (
        generation.workspace_id,
        generation.campaign_id,
        generation.shot_id,
    )


@pytest.mark.django_db
def test_one_changes_ones_mind_and_only_the_newest_stands() -> None:
    generation, ana = image(), UserFactory()
    record_verdict(generation=generation, decision=APPROVED, by=ana, seen_version=0)
    record_verdict(generation=generation, decision=CHANGES, by=ana, seen_version=1)
    assert [(row.decision, row.standing) for row in Verdict.objects.all()] == [(APPROVED, False), (CHANGES, True)]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("decision", "reason", "note"),
    [(REJECTED, "", ""), (REJECTED, "ugly", ""), ("withdrawn", "", ""), ("", "", ""), (APPROVED, "", "x" * 2001)],
)
def test_what_is_no_verdict_is_refused_in_words(decision: str, reason: str, note: str) -> None:
    generation = image()
    with pytest.raises(VerdictRefused, match=r"\w+ .*\."):
        record_verdict(
            generation=generation, decision=decision, by=UserFactory(), seen_version=0, reason=reason, note=note
        )
    assert not Verdict.objects.exists()


@pytest.mark.django_db
def test_an_unfinished_image_takes_no_verdict() -> None:
    with pytest.raises(VerdictRefused, match="not finished"):
        record_verdict(
            generation=GenerationFactory(rendering=True), decision=APPROVED, by=UserFactory(), seen_version=0
        )


@pytest.mark.django_db
def test_a_stale_verdict_says_what_the_colleague_did() -> None:
    generation, ben = image(), UserFactory(name="Ben")
    record_verdict(generation=generation, decision=REJECTED, by=ben, seen_version=0, reason="legal")
    with pytest.raises(StaleVerdict, match=r"Ben rejected it \(legal\)") as caught:
        record_verdict(generation=generation, decision=APPROVED, by=UserFactory(), seen_version=0)
    assert caught.value.standing.version == 1
    assert Verdict.objects.count() == 1


@pytest.mark.django_db
def test_having_seen_it_one_may_decide_otherwise_and_both_are_on_record() -> None:
    generation, ana, ben = image(), UserFactory(), UserFactory()
    record_verdict(generation=generation, decision=APPROVED, by=ben, seen_version=0)
    record_verdict(generation=generation, decision=CHANGES, by=ana, seen_version=1)
    assert Standing.objects.get().decision == CHANGES
    assert Verdict.objects.filter(standing=True).count() == 2


@pytest.mark.django_db
def test_an_independent_first_look_is_no_conflict_but_the_second_one_is() -> None:
    campaign = CampaignFactory(independent_first_look=True)
    generation, ana, ben = image(shot=ShotFactory(campaign=campaign)), UserFactory(), UserFactory()
    record_verdict(generation=generation, decision=APPROVED, by=ben, seen_version=0)
    record_verdict(generation=generation, decision=REJECTED, by=ana, seen_version=0, reason="text")
    with pytest.raises(StaleVerdict):
        record_verdict(generation=generation, decision=CHANGES, by=ben, seen_version=1)
    assert Verdict.objects.filter(standing=True).count() == 2


@pytest.mark.django_db
def test_a_late_copy_of_a_verdict_taken_back_does_not_bring_it_back_on_an_independent_first_look() -> None:
    campaign = CampaignFactory(independent_first_look=True)
    row, ana = image(shot=ShotFactory(campaign=campaign)), UserFactory()
    record_verdict(generation=row, decision=APPROVED, by=ana, seen_version=0)
    undo_verdict(generation=row, by=ana, seen_version=1)
    with pytest.raises(StaleVerdict):
        record_verdict(generation=row, decision=APPROVED, by=ana, seen_version=0)
    assert Standing.objects.get(pk=row.pk).decision == Standing.UNDECIDED


@pytest.mark.django_db
def test_a_conflict_does_not_make_postgresql_forget_the_kept_plans() -> None:
    row, ana, ben = image(), UserFactory(), UserFactory()
    record_verdict(generation=row, decision=APPROVED, by=ben, seen_version=0)
    with pytest.raises(StaleVerdict):
        record_verdict(generation=row, decision=CHANGES, by=ana, seen_version=0)
    with pytest.raises(StaleVerdict):
        undo_verdict(generation=row, by=ana, seen_version=0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        kept = [statement for (statement,) in cursor.fetchall()]
    assert any(statement.startswith('INSERT INTO "review_verdict"') for statement in kept)


@pytest.mark.django_db
def test_a_signed_stack_takes_no_verdict_and_no_undo() -> None:
    generation, ana = image(), UserFactory()
    other = image(shot=generation.shot)
    record_verdict(generation=other, decision=APPROVED, by=ana, seen_version=0)
    SignOffFactory(generation=generation, by=UserFactory(name="Cleo"))
    for version in (generation, other):
        with pytest.raises(StackSigned, match="signed by Cleo"):
            record_verdict(generation=version, decision=APPROVED, by=UserFactory(), seen_version=0)
    with pytest.raises(StackSigned):
        undo_verdict(generation=other, by=ana, seen_version=1)
    assert Verdict.objects.count() == 1


@pytest.mark.django_db
def test_undo_returns_to_the_decision_before_and_then_to_none() -> None:
    generation, ana = image(), UserFactory()
    record_verdict(generation=generation, decision=APPROVED, by=ana, seen_version=0)
    rejection = record_verdict(
        generation=generation, decision=REJECTED, by=ana, seen_version=1, reason="other", note="no"
    )
    back = undo_verdict(generation=generation, by=ana, seen_version=2)
    assert (back.decision, back.undoes, back.standing) == (APPROVED, rejection, True)
    assert Standing.objects.get().decision == APPROVED
    none = undo_verdict(generation=generation, by=ana, seen_version=3)
    assert (none.decision, none.standing) == (Decision.WITHDRAWN, False)
    standing = Standing.objects.get()
    assert (standing.decision, standing.verdict, standing.version) == (Standing.UNDECIDED, None, 4)
    assert not Verdict.objects.filter(standing=True).exists()
    with pytest.raises(VerdictRefused, match="nothing to undo"):
        undo_verdict(generation=generation, by=ana, seen_version=4)
    assert Standing.objects.get().version == 4


@pytest.mark.django_db
def test_undo_leaves_the_colleagues_verdict_standing() -> None:
    generation, ana, ben = image(), UserFactory(), UserFactory()
    record_verdict(generation=generation, decision=APPROVED, by=ben, seen_version=0)
    record_verdict(generation=generation, decision=CHANGES, by=ana, seen_version=1)
    undo_verdict(generation=generation, by=ana, seen_version=2)
    standing = Standing.objects.get()
    assert (standing.decision, standing.decided_by) == (APPROVED, ben)


@pytest.mark.django_db
def test_an_undo_sent_twice_undoes_once_and_a_stale_one_is_refused() -> None:
    generation, ana = image(), UserFactory()
    record_verdict(generation=generation, decision=APPROVED, by=ana, seen_version=0)
    first = undo_verdict(generation=generation, by=ana, seen_version=1)
    assert undo_verdict(generation=generation, by=ana, seen_version=1) == first
    record_verdict(generation=generation, decision=APPROVED, by=UserFactory(), seen_version=2)
    with pytest.raises(StaleVerdict):
        undo_verdict(generation=generation, by=ana, seen_version=1)


@pytest.mark.both_engines
@pytest.mark.django_db(transaction=True)
def test_fifty_identical_verdicts_at_once_are_one() -> None:
    generation, ana = image(), UserFactory()

    def approve() -> object:
        return record_verdict(generation=generation, decision=APPROVED, by=ana, seen_version=0)

    answers = at_once([approve] * 50)
    assert {answer.pk for answer in answers if isinstance(answer, Verdict)} == {Verdict.objects.get().pk}
    assert len([answer for answer in answers if isinstance(answer, Verdict)]) == 50
    assert Standing.objects.get().version == 1


@pytest.mark.both_engines
@pytest.mark.django_db(transaction=True)
def test_of_two_reviewers_at_once_one_decides_and_one_is_told() -> None:
    people: list[User] = [UserFactory(), UserFactory()]
    for _ in range(5):
        generation = image()

        def decide(by: User, decision: str, generation: Generation = generation) -> Callable[[], object]:
            return lambda: record_verdict(generation=generation, decision=decision, by=by, seen_version=0)

        answers = at_once([decide(people[0], APPROVED), decide(people[1], CHANGES)])
        assert sorted(type(answer).__name__ for answer in answers) == ["StaleVerdict", "Verdict"]
        stored = Verdict.objects.get(generation=generation)
        standing = Standing.objects.get(pk=generation.pk)
        assert (standing.verdict, standing.version) == (stored, 1)
