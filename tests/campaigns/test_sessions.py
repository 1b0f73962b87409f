"""A session brings its person along in one query, and ends at once for whoever is out."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns.models import Membership, Session, User
from tests.factories import PASSWORD, MembershipFactory, WorkspaceFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_engines]
INBOX = "/"


@pytest.fixture
def ana(client: Client) -> User:
    ana = MembershipFactory(user__name="Ana").user
    client.force_login(ana)
    return ana


def test_who_it_is_and_where_takes_one_query(client: Client, ana: User) -> None:
    MembershipFactory(user=ana)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(reverse("sheet", args=[0]), headers={"HX-Request": "true"}).status_code == 404
    assert len(captured) == 2
    assert all(name in captured[0]["sql"] for name in ("session", "user", "membership", "workspace"))


def test_a_session_names_its_person(client: Client, ana: User) -> None:
    assert Session.objects.get().user == ana
    client.logout()
    assert not Session.objects.exists()
    assert client.get(INBOX).status_code == 302


def test_a_changed_password_ends_every_session(client: Client, ana: User) -> None:
    assert client.get(INBOX).status_code == 200
    ana.set_password("another long enough password")
    ana.save()
    assert client.get(INBOX).status_code == 302


def test_whoever_is_made_inactive_is_out(client: Client, ana: User) -> None:
    User.objects.filter(pk=ana.pk).update(is_active=False)
    assert client.get(INBOX).status_code == 302


def test_a_member_who_was_taken_out_is_out_at_once(client: Client, ana: User) -> None:
    assert client.get(INBOX).status_code == 200
    Membership.objects.filter(user=ana).delete()
    assert client.get(INBOX).status_code == 403


def test_a_session_with_another_persons_row_is_nobodys(client: Client, ana: User) -> None:
    other = MembershipFactory().user
    Session.objects.update(user=other)
    answer = client.get(INBOX)
    assert answer.status_code == 200
    assert answer.context["user"] == ana


def test_the_chosen_house_stays_chosen(client: Client, ana: User) -> None:
    second = MembershipFactory(user=ana, workspace=WorkspaceFactory(name="Second house"))
    client.post(reverse("switch-workspace"), {"workspace": second.workspace_id})
    assert client.get(INBOX).context["request"].membership == second


def test_signing_in_by_the_page_works_and_expired_sessions_do_not(client: Client) -> None:
    ben = MembershipFactory().user
    client.post(reverse("sign-in"), {"username": ben.email, "password": PASSWORD})
    assert client.get(INBOX).status_code == 200
    Session.objects.update(expire_date="2020-01-01T00:00:00Z")
    assert client.get(INBOX).status_code == 302
