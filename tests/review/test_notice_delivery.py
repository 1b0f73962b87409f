"""Notices by mail: after the commit, by the task, once; found by the sweep whatever died; never a second header."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from smtplib import SMTPServerDisconnected
from threading import get_ident

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings
from pytest_django.fixtures import DjangoCaptureOnCommitCallbacks

from campaigns.models import Campaign, User
from generation.models import Generation
from review import tasks
from review.models import Notice, NoticeDelivery
from review.models.notice import NOTICE_ICONS
from review.services.assignments import assign_images
from review.services.comments import add_comment
from review.services.notice_channels import CHANNELS
from review.services.notice_delivery import MAX_TRIES, deliver_notice, find_due_deliveries
from tests.factories import CampaignFactory, GenerationFactory, MembershipFactory, ShotFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    return CampaignFactory(title="Aurora")


@pytest.fixture
def image(campaign: Campaign) -> Generation:
    return GenerationFactory(shot=ShotFactory(campaign=campaign, title="Hero"), ready=True)


@pytest.fixture
def maya(campaign: Campaign, client: Client) -> User:
    user = MembershipFactory(workspace=campaign.workspace, user__name="Maya Lind").user
    client.force_login(user)
    return user


@pytest.fixture
def ben(campaign: Campaign) -> User:
    return MembershipFactory(workspace=campaign.workspace, user__name="Ben Okri", user__email="ben@house.example").user


def pending(image: Generation, by: User) -> NoticeDelivery:
    """A notice to Ben whose mail waits."""
    add_comment(generation=image, by=by, text="@ben look at the shadow")
    return NoticeDelivery.objects.latest("pk")


def deliver(delivery: NoticeDelivery) -> bool:
    return deliver_notice(delivery.pk, holder=f"worker:{get_ident()}")


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker at hand: what is enqueued runs at once, through the task."""
    monkeypatch.setattr(tasks.deliver_notice, "apply_async", lambda args, **options: tasks.deliver_notice.apply(args))


@pytest.mark.usefixtures("worker")
def test_a_mention_reaches_the_mail_after_the_commit(
    client: Client,
    image: Generation,
    maya: User,
    ben: User,
    settings: Settings,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    settings.LOUPE_PUBLIC_URL = "https://loupe.house.example"
    with django_capture_on_commit_callbacks() as after:
        client.post(reverse("comments", args=[image.pk]), {"text": "@ben @maya lift the shadow,\nplease"})
    assert not mail.outbox
    for callback in after:
        callback()
    (sent,) = mail.outbox  # nobody is told of one's own words
    assert sent.to == ["ben@house.example"]
    assert sent.subject == "Maya Lind on Hero, version 1: @ben @maya lift the shadow, please"
    assert f"https://loupe.house.example/images/{image.pk}/" in sent.body
    assert "https://loupe.house.example/you/" in sent.body
    assert sent.content_subtype == "plain"
    assert NoticeDelivery.objects.get().sent_at


@pytest.mark.usefixtures("worker")
def test_twelve_images_are_one_mail(campaign: Campaign, maya: User, ben: User) -> None:
    shot = ShotFactory(campaign=campaign)
    assign_images([GenerationFactory(shot=shot, ready=True) for _ in range(12)], to=ben, by=maya)
    tasks.sweep_notices()
    tasks.sweep_notices()
    (sent,) = mail.outbox
    assert sent.subject == "Maya Lind asked you to look at 12 images of Aurora"
    assert f"/campaigns/{campaign.pk}/sheet/?assigned={ben.pk}" in sent.body


def test_redis_that_is_gone_and_a_worker_that_dies_lose_no_mail(image: Generation, maya: User, ben: User) -> None:
    delivery = pending(image, maya)
    tasks.nudge_notices()  # the tests' Redis is a closed port
    assert find_due_deliveries() == [delivery.pk]
    # a worker that died in the middle: the claim is held, nothing was sent
    NoticeDelivery.objects.update(claimed_by="dead", claimed_until=timezone.now() + timedelta(seconds=90), tries=1)
    assert find_due_deliveries() == []
    assert not deliver(delivery)
    NoticeDelivery.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert find_due_deliveries() == [delivery.pk]
    tasks.deliver_notice(delivery.pk)
    tasks.deliver_notice(delivery.pk)
    assert len(mail.outbox) == 1
    assert find_due_deliveries() == []


def test_a_server_that_refuses_is_asked_again_later_and_given_up_in_the_end(
    image: Generation, maya: User, ben: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = pending(image, maya)

    def refuse(self: EmailMessage, fail_silently: bool = False) -> int:
        raise SMTPServerDisconnected("try again")

    with monkeypatch.context() as broken:
        broken.setattr(EmailMessage, "send", refuse)
        for _ in range(MAX_TRIES - 1):
            assert not deliver(delivery)
            assert find_due_deliveries() == []
            NoticeDelivery.objects.update(due_at=timezone.now())
        NoticeDelivery.objects.update(tries=MAX_TRIES - 1)
        assert not deliver(delivery)
    delivery.refresh_from_db()
    assert (delivery.ended_at is None, delivery.sent_at) == (False, None)
    assert not mail.outbox


@pytest.mark.parametrize("why", ["switched off", "read", "left", "inactive"])
def test_no_mail_where_none_is_wanted(image: Generation, maya: User, ben: User, why: str) -> None:
    delivery = pending(image, maya)
    if why == "read":
        Notice.objects.update(read_at=timezone.now())
    elif why == "left":
        ben.memberships.all().delete()
    else:
        User.objects.filter(pk=ben.pk).update(
            **({"wants_email": False} if why == "switched off" else {"is_active": False})
        )
    assert not deliver(delivery)
    assert find_due_deliveries() == []
    assert not mail.outbox


def test_each_person_switches_their_mail_off_and_on(client: Client, image: Generation, maya: User, ben: User) -> None:
    client.force_login(ben)
    assert "checked" in client.get(reverse("you")).content.decode()
    assert client.post(reverse("you"), {"name": " Ben\r\nOkri "}).status_code == 302
    ben.refresh_from_db()
    assert (ben.name, ben.wants_email) == ("Ben Okri", False)
    add_comment(generation=image, by=maya, text=f"@{ben.email} look")
    assert Notice.objects.get().deliveries.count() == 0
    assert client.post(reverse("you"), {"name": "Ben Okri", "wants_email": "on"}).status_code == 302
    assert client.post(reverse("you"), {"name": "x" * 200}).status_code == 422
    client.logout()
    assert client.get(reverse("you"))["Location"].startswith(reverse("sign-in"))


def test_a_name_with_a_line_break_makes_no_header(image: Generation, maya: User, ben: User) -> None:
    User.objects.filter(pk=maya.pk).update(name="Maya\r\nBcc: all@world.example")
    Campaign.objects.update(title="Aurora\nX-Evil: 1" * 9)
    maya.refresh_from_db()
    assign_images([image], to=ben, by=maya)
    assert deliver(NoticeDelivery.objects.get())
    message = mail.outbox[0].message()
    assert "Bcc" not in message
    assert "X-Evil" not in message
    assert mail.outbox[0].recipients() == ["ben@house.example"]
    assert len(mail.outbox[0].subject) <= 120


@pytest.mark.both_engines
@pytest.mark.django_db(transaction=True)
def test_ten_workers_at_once_send_one_mail() -> None:
    campaign = CampaignFactory()
    maya, ben = (MembershipFactory(workspace=campaign.workspace).user for _ in range(2))
    assign_images([GenerationFactory(shot=ShotFactory(campaign=campaign), ready=True)], to=ben, by=maya)
    delivery = NoticeDelivery.objects.get()

    def send(_: int) -> bool:
        try:
            return deliver(delivery)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=10) as pool:
        assert sorted(pool.map(send, range(10))) == [False] * 9 + [True]
    assert len(mail.outbox) == 1


def test_every_channel_carries_a_notice_and_asks_for_consent(image: Generation, maya: User, ben: User) -> None:
    add_comment(generation=image, by=maya, text="@ben look at the shadow")
    (notice,) = Notice.objects.all()
    for name, channel in CHANNELS.items():
        assert len(name) <= NoticeDelivery._meta.get_field("channel").max_length
        assert channel.is_wanted_by(ben) is notice.deliveries.filter(channel=name).exists()
        channel.send(notice)
        assert channel.failures
    assert {kind for kind, _ in Notice.Kind.choices} == set(NOTICE_ICONS)
