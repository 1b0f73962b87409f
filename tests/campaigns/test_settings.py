"""The settings page: what is live, prices, the budget of the house; never a secret."""

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from campaigns.models import Budget, Membership
from generation import catalogue
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin_of(client: Client) -> Membership:
    membership: Membership = factories.MembershipFactory(admin=True)
    client.force_login(membership.user)
    return membership


def show(client: Client) -> str:
    answer = client.get(reverse("settings"))
    assert answer.status_code == 200
    return answer.content.decode()


def test_without_keys_everything_is_local(client: Client, admin_of: Membership, settings: Settings) -> None:
    settings.REPLICATE_API_TOKEN = settings.ANTHROPIC_API_KEY = settings.COG_URL = settings.REDIS_URL = ""
    page = show(client)
    assert "The local studio draws comps" in page
    assert "Set REPLICATE_API_TOKEN to use it." in page


def test_with_keys_it_is_live_and_no_secret_is_shown(client: Client, admin_of: Membership, settings: Settings) -> None:
    settings.REPLICATE_API_TOKEN = "r8_verysecret"
    settings.ANTHROPIC_API_KEY = "sk-ant-verysecret"
    settings.REDIS_URL = "redis://someone:verysecret@cache.example:6379/0"
    settings.EXPORT_BUCKET = "finals"
    page = show(client)
    assert "verysecret" not in page
    assert "Redis at cache.example" in page
    assert "The bucket finals" in page
    assert "Claude, " in page
    assert "Set REPLICATE_API_TOKEN to use it." not in page


def test_every_model_is_listed_with_its_price(client: Client, admin_of: Membership) -> None:
    page = show(client)
    for model in catalogue.MODELS:
        if model.provider != "cog":
            assert model.label in page
    assert "$0.04 an image" in page


def test_an_admin_sets_the_budget_of_the_house(client: Client, admin_of: Membership) -> None:
    assert "No limit is set" in show(client)
    client.post(reverse("workspace-budget"), {"limit": "25"})
    assert Budget.objects.get(workspace=admin_of.workspace, campaign=None).limit == Decimal(25)
    assert "$25.00" in show(client)
    client.post(reverse("workspace-budget"), {"limit": "0"})
    assert Budget.objects.get().limit == 0
    for bad in ("-1", "lots", "", "1e99"):
        assert client.post(reverse("workspace-budget"), {"limit": bad}).status_code == 422
    assert Budget.objects.get().limit == 0


def test_others_may_not(client: Client) -> None:
    client.force_login(factories.MembershipFactory(approver=True).user)
    assert client.get(reverse("settings")).status_code == 403
    assert client.post(reverse("workspace-budget"), {"limit": "1"}).status_code == 403
