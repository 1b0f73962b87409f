"""Presence: who looks at an image now, by a real Redis; and every page as ever where Redis is away, full or silent."""

import socket
import time
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings
from redis import Redis

from campaigns.models import Campaign, User
from campaigns.redis_calls import forget_failures
from generation.models import Generation
from review.services import presence
from tests.factories import CampaignFactory, GenerationFactory, MembershipFactory, ShotFactory

pytestmark = pytest.mark.django_db
JSON = {"Accept": "application/json"}


@pytest.fixture
def redis(redis_url: str, settings: Settings) -> Iterator[Redis]:
    settings.CELERY_BROKER_URL = redis_url
    client: Redis = Redis.from_url(redis_url, decode_responses=True)
    client.flushall()
    forget_failures()
    yield client
    client.config_set("maxmemory", 0)
    client.flushall()
    client.close()


@pytest.fixture
def campaign() -> Campaign:
    return CampaignFactory()


@pytest.fixture
def image(campaign: Campaign) -> Generation:
    return GenerationFactory(shot=ShotFactory(campaign=campaign), ready=True)


@pytest.fixture
def ana(campaign: Campaign, client: Client) -> User:
    user = MembershipFactory(workspace=campaign.workspace, user__name="Ana Moreau").user
    client.force_login(user)
    return user


@pytest.fixture
def ben(campaign: Campaign) -> tuple[User, Client]:
    user, client = MembershipFactory(workspace=campaign.workspace, user__name="Ben Okafor").user, Client()
    client.force_login(user)
    return user, client


def door(image: Generation) -> str:
    return reverse("presence", args=[image.pk])


def others(client: Client, image: Generation, **call: str) -> list[str]:
    answer = client.post(door(image), call)
    assert answer.status_code == 200
    return [person["name"] for person in answer.json()["others"]]


def on_the_sheet(client: Client, campaign: Campaign) -> dict[str, list[str]]:
    answer = client.get(reverse("sheet-changes", args=[campaign.pk]), headers=JSON).json()
    return {pk: [person["initials"] for person in people] for pk, people in answer["present"].items()}


def test_two_who_look_at_one_image_see_each_other(
    client: Client, redis: Redis, campaign: Campaign, image: Generation, ana: User, ben: tuple[User, Client]
) -> None:
    other = GenerationFactory(shot=image.shot, ready=True)
    assert others(client, image) == []
    assert others(ben[1], image) == ["Ana Moreau"]
    assert others(client, image) == ["Ben Okafor"]
    assert on_the_sheet(client, campaign) == {image.pk: ["BO"]}
    assert others(ben[1], other) == []  # one person looks at one image
    assert others(client, image) == []
    assert on_the_sheet(client, campaign) == {other.pk: ["BO"]}
    others(ben[1], image, leave="1")  # of the page before, late: it changes nothing
    assert on_the_sheet(client, campaign) == {other.pk: ["BO"]}
    others(ben[1], other, leave="1")
    assert on_the_sheet(client, campaign) == {}


def test_who_gives_no_sign_of_life_is_gone(
    client: Client, redis: Redis, image: Generation, ana: User, ben: tuple[User, Client]
) -> None:
    others(ben[1], image)
    key = presence._key(image.workspace_id)
    assert 0 < redis.ttl(key) <= 2 * presence.EXPIRY
    redis.hset(key, str(ben[0].pk), f"{image.pk} {time.time() - presence.EXPIRY - 1:.0f}")
    assert others(client, image) == []
    assert not redis.hexists(key, str(ben[0].pk))


def test_other_houses_neither_see_nor_are_seen(
    client: Client, redis: Redis, campaign: Campaign, image: Generation, ana: User, ben: tuple[User, Client]
) -> None:
    foreign = GenerationFactory(ready=True)
    assert client.post(door(foreign)).status_code == 404
    assert client.get(door(image)).status_code == 405
    others(ben[1], image)
    ben[0].memberships.all().delete()  # who left the house is not shown any more
    assert others(client, image) == []
    client.logout()
    assert client.post(door(image), headers=JSON).status_code == 401
    assert Client(enforce_csrf_checks=True).post(door(image)).status_code in (302, 403)


def test_a_full_redis_shows_nobody(
    client: Client, redis: Redis, campaign: Campaign, image: Generation, ana: User, ben: tuple[User, Client]
) -> None:
    redis.config_set("maxmemory", 1)
    assert others(client, image) == []
    assert others(ben[1], image) == []
    assert on_the_sheet(client, campaign) == {}
    assert client.get(reverse("loupe", args=[image.pk])).status_code == 200


def test_without_redis_nobody_is_shown(
    client: Client, settings: Settings, campaign: Campaign, image: Generation, ana: User
) -> None:
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    forget_failures()
    assert others(client, image) == []
    assert on_the_sheet(client, campaign) == {}
    assert client.get(reverse("loupe", args=[image.pk])).status_code == 200


def test_a_silent_redis_is_waited_for_once(
    client: Client, settings: Settings, campaign: Campaign, image: Generation, ana: User
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(5)
        settings.CELERY_BROKER_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        assert others(client, image) == []
        silent.accept()[0].close()
        for _ in range(3):
            assert others(client, image) == []
            assert on_the_sheet(client, campaign) == {}
        silent.settimeout(0.1)
        with pytest.raises(TimeoutError):
            silent.accept()
