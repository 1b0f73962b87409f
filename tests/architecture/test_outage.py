"""The database is gone for a minute: a page says so, and nothing is a 500."""

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from config import outage
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def no_database(monkeypatch: pytest.MonkeyPatch, client: Client) -> Client:
    client.force_login(factories.MembershipFactory(admin=True).user)

    def fail(*args: Any, **options: Any) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", fail)
    return client


@pytest.mark.parametrize("name", ["inbox", "campaigns", "new-campaign", "settings", "members"])
def test_a_page_waits_and_comes_back_by_itself(no_database: Client, name: str) -> None:
    answer = no_database.get(reverse(name))
    page = answer.content.decode()
    assert answer.status_code == 503
    assert answer["Retry-After"] == str(outage.RETRY_SECONDS)
    assert "The database does not answer. Nothing that you saved is lost. This page tries again by itself." in page
    assert '<meta http-equiv="refresh" content="5">' in page


def test_a_form_is_not_sent_again_by_itself(no_database: Client) -> None:
    answer = no_database.post(reverse("new-campaign"), {"brief": "x"})
    assert answer.status_code == 503
    assert "http-equiv" not in answer.content.decode()
    assert "send it again in a moment" in answer.content.decode()


def test_a_fragment_gets_words_for_a_toast(no_database: Client) -> None:
    answer = no_database.get(reverse("inbox"), headers={"HX-Request": "true"})
    assert answer.status_code == 503
    assert answer["Content-Type"].startswith("text/plain")
    assert len(answer.content) < 300
    assert b"<" not in answer.content


def test_the_policy_is_on_it_as_well(no_database: Client) -> None:
    assert "default-src 'self'" in no_database.get(reverse("inbox"))["Content-Security-Policy"]


def test_a_session_that_cannot_be_written_is_an_outage_as_well(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    user = factories.MembershipFactory().user

    def fail(*args: Any, **options: Any) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr("django.contrib.sessions.middleware.SessionMiddleware.process_response", fail)
    client.raise_request_exception = False
    answer = client.post(reverse("sign-in"), {"username": user.email, "password": factories.PASSWORD})
    assert answer.status_code == 503
    assert "The database does not answer" in answer.content.decode()


def test_a_mistake_in_the_program_is_no_outage(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("campaigns.accounts.requests.current_membership", fail)
    client.raise_request_exception = False
    client.force_login(factories.UserFactory())
    assert client.get(reverse("inbox")).status_code == 500
