"""Statements that are written once: the values of each run, the constants in them, the plans that PostgreSQL keeps."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.models import F

from campaigns.database.prepared import Addition, Change, Given, Statement
from campaigns.models import Shot
from config import embedded
from review.models import Decision, Verdict
from tests.factories import GenerationFactory, ShotFactory, UserFactory

TITLE = Given("title", Shot._meta.get_field("title"))


def kept_plans() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [statement for (statement,) in cursor.fetchall()]


@pytest.mark.both_engines
@pytest.mark.django_db
def test_each_run_has_its_own_values_and_percent_signs_stay_what_they_are() -> None:
    for title in ("Half", "100 % wool"):
        ShotFactory(title=title, description="50 %s off")
    wanted = Statement(Shot.objects.filter(title=TITLE, description="50 %s off").values_list("title"))
    assert [wanted.run(title=title) for title in ("Half", "100 % wool", "'; --")] == [
        [("Half",)],
        [("100 % wool",)],
        [],
    ]
    with pytest.raises(KeyError):
        wanted.run()


@pytest.mark.both_engines
@pytest.mark.django_db
def test_a_change_counts_on_and_says_how_many() -> None:
    shot = ShotFactory(title="Half", position=3)
    further = Change(Shot.objects.filter(title=TITLE), position=F("position") + 1, mood="calm")
    assert [further.run(title="Half"), further.run(title="Half"), further.run(title="None")] == [1, 1, 0]
    shot.refresh_from_db()
    assert (shot.position, shot.mood) == (5, "calm")


@pytest.mark.both_engines
@pytest.mark.django_db
def test_an_addition_takes_the_time_of_its_run() -> None:
    image, by = GenerationFactory(ready=True), UserFactory()
    names = ("generation", "by", "decision", "at", "standing")
    places = {name: Given(name, Verdict._meta.get_field(name)) for name in names}
    addition = Addition(Verdict, **places, reason="", reason_words="", note="", undoes=None)
    given = {"generation": image.pk, "by": by.pk, "decision": Decision.APPROVED, "standing": False}
    moments = [image.created_at, image.created_at.replace(year=2020)]
    keys = [addition.run(at=moment, **given) for moment in moments]
    assert list(Verdict.objects.order_by("pk").values_list("pk", "at")) == list(zip(keys, moments, strict=True))


@pytest.mark.django_db
def test_postgresql_keeps_the_plan_with_constants_in_it_that_partial_indexes_need() -> None:
    statement = Statement(Shot.objects.filter(title=TITLE, mood="calm").values_list("pk"))
    before = len(kept_plans())
    for title in ("One", "Two"):
        statement.run(title=title)
    assert len(kept_plans()) == before + 1
    assert "= 'calm'" in kept_plans()[-1]
    assert "$1" in kept_plans()[-1]


@pytest.mark.parametrize(("query", "threshold"), [("", embedded.PREPARED_AFTER), ("?prepare=off", None)])
def test_behind_a_pooler_nothing_is_prepared(query: str, threshold: int | None) -> None:
    database = embedded.postgres_database(f"postgres://loupe@127.0.0.1/loupe{query}")
    assert database["OPTIONS"] == {"prepare_threshold": threshold}


def test_another_word_for_prepare_is_one_clear_line() -> None:
    with pytest.raises(ImproperlyConfigured, match="“on” or “off”"):
        embedded.postgres_database("postgres://loupe@127.0.0.1/loupe?prepare=maybe")
