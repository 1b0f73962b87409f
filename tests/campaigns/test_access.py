"""The door, the houses behind it, who may change what: through HTTP."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from campaigns.accounts.demo_sign_ins import DEMO_SIGN_INS
from campaigns.models import BrandKit, Membership, PromptRule, Role
from generation.models import Heartbeat
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin_of(client: Client) -> Membership:
    membership: Membership = factories.MembershipFactory(admin=True)
    client.force_login(membership.user)
    return membership


def test_a_stranger_signs_in_and_comes_back_to_the_page(client: Client) -> None:
    membership = factories.MembershipFactory(admin=True)
    page = reverse("members")
    sent_away = client.get(page)
    assert sent_away.status_code == 302
    assert sent_away["Location"] == f"{reverse('sign-in')}?next={page}"
    answer = client.post(
        sent_away["Location"], {"username": membership.user.email.upper(), "password": factories.PASSWORD, "next": page}
    )
    assert answer.status_code == 302
    assert answer["Location"] == page


def test_a_wrong_password_keeps_the_address(client: Client) -> None:
    user = factories.UserFactory()
    answer = client.post(reverse("sign-in"), {"username": user.email, "password": "wrong"})
    assert answer.status_code == 200
    assert "That did not match." in answer.content.decode()
    assert user.email in answer.content.decode()


def test_the_way_on_after_signing_in_stays_in_the_house(client: Client) -> None:
    user = factories.MembershipFactory().user
    answer = client.post(
        reverse("sign-in"),
        {"username": user.email, "password": factories.PASSWORD, "next": "https://elsewhere.example/"},
    )
    assert answer["Location"] == reverse("inbox")


def test_the_demo_sign_ins_show_only_in_a_demo_house(client: Client, settings: Settings) -> None:
    demo = DEMO_SIGN_INS[0]
    factories.UserFactory(email=demo.email, password=demo.password)
    settings.LOUPE_DEMO = True
    assert demo.words in client.get(reverse("sign-in")).content.decode()
    assert DEMO_SIGN_INS[1].words not in client.get(reverse("sign-in")).content.decode()
    settings.LOUPE_DEMO = False
    assert demo.words not in client.get(reverse("sign-in")).content.decode()


def test_an_expired_sign_in_is_told_to_a_fragment_by_401(client: Client) -> None:
    assert client.get(reverse("members"), headers={"HX-Request": "true"}).status_code == 401


def test_somebody_without_a_house_is_told_so(client: Client) -> None:
    client.force_login(factories.UserFactory())
    answer = client.get(reverse("members"))
    assert answer.status_code == 403
    assert "not a member of any workspace" in answer.content.decode()


@pytest.mark.parametrize("name", ["members", "brand-kits", "new-brand-kit"])
def test_settings_are_for_admins(client: Client, name: str) -> None:
    client.force_login(factories.MembershipFactory(approver=True).user)
    assert client.get(reverse(name)).status_code == 403


def test_switching_houses(client: Client, admin_of: Membership) -> None:
    other = factories.MembershipFactory(user=admin_of.user, admin=True)
    page = client.get(reverse("members")).content.decode()
    assert other.workspace.name in page  # in the switcher
    answer = client.post(reverse("switch-workspace"), {"workspace": other.workspace_id, "next": reverse("members")})
    assert answer["Location"] == reverse("members")
    assert f"Members of {other.workspace.name}" in client.get(reverse("members")).content.decode()


@pytest.mark.parametrize("wanted", ["", "nonsense", "999999", "-1", "9" * 40])
def test_a_house_one_does_not_belong_to_does_not_exist(client: Client, admin_of: Membership, wanted: str) -> None:
    assert client.post(reverse("switch-workspace"), {"workspace": wanted}).status_code == 404
    foreign = factories.WorkspaceFactory()
    assert client.post(reverse("switch-workspace"), {"workspace": foreign.pk}).status_code == 404


def test_switching_by_get_is_refused(client: Client, admin_of: Membership) -> None:
    assert client.get(reverse("switch-workspace")).status_code == 405


def test_a_role_is_changed_but_never_the_last_admin_s(client: Client, admin_of: Membership) -> None:
    member = factories.MembershipFactory(workspace=admin_of.workspace)
    client.post(reverse("change-role", args=[member.pk]), {"role": "approver"})
    member.refresh_from_db()
    assert member.role == Role.APPROVER
    answer = client.post(reverse("change-role", args=[admin_of.pk]), {"role": "reviewer"}, follow=True)
    admin_of.refresh_from_db()
    assert admin_of.role == Role.ADMIN
    assert "is the only admin here" in answer.content.decode()
    client.post(reverse("change-role", args=[member.pk]), {"role": "emperor"})
    member.refresh_from_db()
    assert member.role == Role.APPROVER


def test_members_of_another_house_do_not_exist(client: Client, admin_of: Membership) -> None:
    foreign = factories.MembershipFactory()
    assert client.post(reverse("change-role", args=[foreign.pk]), {"role": "admin"}).status_code == 404


def test_a_brand_kit_is_made_and_changed(client: Client, admin_of: Membership) -> None:
    fields = {
        "name": "Aurora",
        "palette": "#0B1F3A; #e84",
        "mood": "calm, warm, calm",
        "negatives": "hands, people",
        "rules": "Light comes from the left.\n\nNo reflections on the floor.",
    }
    assert client.post(reverse("new-brand-kit"), fields).status_code == 302
    kit = BrandKit.objects.get()
    assert kit.workspace == admin_of.workspace
    assert (kit.palette, kit.mood, kit.negatives) == (["#0b1f3a", "#ee8844"], ["calm", "warm"], ["hands", "people"])
    page = client.get(reverse("brand-kit", args=[kit.pk])).content.decode()
    assert "Light comes from the left.\nNo reflections on the floor." in page
    client.post(reverse("brand-kit", args=[kit.pk]), {**fields, "rules": "Light comes from the left."})
    states = dict(PromptRule.objects.values_list("text", "state"))
    assert states == {"Light comes from the left.": "accepted", "No reflections on the floor.": "declined"}


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("palette", "navy", "is not a colour"),
        ("name", "", "required"),
        ("mood", ",".join(f"word{number}" for number in range(30)), "at most 20"),
        ("rules", "x" * 300, "longer than 240"),
    ],
)
def test_what_is_wrong_with_a_brand_kit_is_said_and_the_rest_is_kept(
    client: Client, admin_of: Membership, field: str, value: str, words: str
) -> None:
    fields = {"name": "Aurora", "palette": "#112233", "mood": "", "negatives": "glass towers", "rules": ""}
    answer = client.post(reverse("new-brand-kit"), {**fields, field: value})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert "glass towers" in answer.content.decode()
    assert not BrandKit.objects.exists()


def test_a_brand_kit_of_another_house_does_not_exist(client: Client, admin_of: Membership) -> None:
    foreign = factories.BrandKitFactory()
    assert client.get(reverse("brand-kit", args=[foreign.pk])).status_code == 404
    assert client.post(reverse("brand-kit", args=[foreign.pk]), {"name": "Mine"}).status_code == 404


def test_the_banner_says_when_nobody_is_at_work(client: Client, admin_of: Membership) -> None:
    assert "Nothing is rendered: the conductor and the workers" in client.get(reverse("members")).content.decode()
    now = timezone.now()
    for name in ("conductor", "worker-io", "worker-cpu"):
        Heartbeat.objects.create(name=name, at=now)
    assert '<div class="house-banner">' not in client.get(reverse("members")).content.decode()
    Heartbeat.objects.filter(name="conductor").update(at=now - timedelta(seconds=45))
    assert "the conductor does not run" in client.get(reverse("members")).content.decode()
    Heartbeat.objects.update(at=now)
    Heartbeat.objects.filter(name__startswith="worker").update(at=now - timedelta(seconds=45))
    assert (
        "No worker is running, or Redis between them does not answer" in client.get(reverse("members")).content.decode()
    )


@pytest.mark.parametrize("pages", ["members", "brand-kits"])
def test_queries_do_not_grow_with_the_list(client: Client, admin_of: Membership, pages: str) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(reverse(pages)).status_code == 200
        return len(captured)

    for _ in range(6):
        factories.MembershipFactory(workspace=admin_of.workspace)
        factories.BrandKitFactory(workspace=admin_of.workspace)
    few = count()
    for _ in range(54):
        factories.MembershipFactory(workspace=admin_of.workspace)
        factories.BrandKitFactory(workspace=admin_of.workspace)
    assert count() == few <= 7
