"""The activity of an image: whatever machines and people did to it stands in one order of time."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.models import Campaign, User
from generation.models import Generation, GenerationEvent, Purpose
from review.models import Decision, ImageEvent
from review.services.annotations import save_marks
from review.services.assignments import assign_images, unassign_images
from review.services.comments import add_comment
from review.services.signoff import withdraw_signature
from review.services.verdicts import record_verdict, undo_verdict
from tests.factories import CampaignFactory, GenerationFactory, MembershipFactory, ShotFactory, SignOffFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    return CampaignFactory()


@pytest.fixture
def ana(campaign: Campaign, client: Client) -> User:
    user = MembershipFactory(workspace=campaign.workspace, user__name="Ana Moreau", approver=True).user
    client.force_login(user)
    return user


@pytest.fixture
def ben(campaign: Campaign) -> User:
    return MembershipFactory(workspace=campaign.workspace, user__name="Ben Okafor").user


@pytest.fixture
def image(campaign: Campaign) -> Generation:
    return GenerationFactory(shot=ShotFactory(campaign=campaign), ready=True, scored=8)


def mark(name: str, **fields: Any) -> dict[str, Any]:
    target = {"selector": {"type": "FragmentSelector", "value": "xywh=pixel:10,20,30,40"}}
    return {"id": name, "shape": "rectangle", "kind": "change", "target": target, **fields}


def activity(client: Client, image: Generation) -> list[str]:
    """The lines as people read them, oldest first."""
    page = client.get(reverse("loupe", args=[image.pk])).content.decode()
    start = page.index('class="activity"')
    lines = re.findall(r"<li>(.*?)</li>", page[start : page.index("</ul>", start)], re.DOTALL)
    plain = [re.sub(r"<svg.*?</svg>|<time.*?</time>|<[^>]+>", " ", line, flags=re.DOTALL) for line in lines]
    return [" ".join(line.split()) for line in plain][::-1]


def test_everything_that_happened_is_told_in_its_order(
    client: Client, campaign: Campaign, image: Generation, ana: User, ben: User
) -> None:
    GenerationEvent.objects.create(generation=image, origin="scoring", to="ready", note="")
    assign_images([image], to=ben, by=ana)
    save_marks(generation=image, by=ana, additions=[mark("mark-0001", text="Lift the shadow"), mark("mark-0002")])
    save_marks(generation=image, by=ana, deletions=[{"id": "mark-0002", "version": 1}])
    add_comment(generation=image, by=ben, text="On the whole")
    record_verdict(
        generation=image, decision=Decision.REJECTED, by=ben, seen_version=0, reason="legal", note="No release"
    )
    undo_verdict(generation=image, by=ben, seen_version=1)
    newer = GenerationFactory(
        shot=image.shot, ready=True, parent=image, purpose=Purpose.INPAINT, requested_by=ana, scored=8
    )
    GenerationFactory(shot=image.shot, rendering=True, parent=image, purpose=Purpose.RETRY)
    change = {"id": "mark-0001", "version": 1, "resolved": True, "resolved_in": newer.pk}
    save_marks(generation=image, by=ben, changes=[change])
    save_marks(generation=image, by=ana, changes=[{"id": "mark-0001", "version": 2, "resolved": False}])
    unassign_images([image], to=ben, by=ben)
    signature = SignOffFactory(generation=image, by=ana)
    withdraw_signature(signature=signature, by=ana)
    assert activity(client, image) == [
        "Ready",
        "Ana Moreau asked Ben Okafor to look at it",
        "Ana Moreau drew mark 1",
        "Ana Moreau commented on mark 1 Lift the shadow",
        "Ana Moreau drew a mark",
        "Ana Moreau deleted a mark",
        "Ben Okafor commented On the whole",
        "Ben Okafor rejected, legal No release",
        "Ben Okafor took the decision back",
        "Ana Moreau asked for an edit of the marked region: version 2",
        "Followed by a directed retry: version 3",
        "Ben Okafor resolved mark 1",
        "Ana Moreau reopened mark 1",
        "Ben Okafor gave it back",
        "Ana Moreau signed it",
        "Ana Moreau withdrew the signature",
    ]


def test_what_changes_nothing_leaves_no_trace(image: Generation, ana: User, ben: User) -> None:
    additions = [mark("mark-0001")]
    for _ in range(2):
        save_marks(generation=image, by=ana, additions=additions)
    outcome = save_marks(generation=image, by=ben, changes=[{"id": "mark-0001", "version": 9, "resolved": True}])
    assert outcome.conflicts
    save_marks(generation=image, by=ana, changes=[{"id": "mark-0001", "version": 1, "resolved": False}])
    save_marks(generation=image, by=ana, deletions=[{"id": "mark-0001", "version": 2}])
    save_marks(generation=image, by=ana, deletions=[{"id": "mark-0001", "version": 2}])
    assert [event.kind for event in ImageEvent.objects.all()] == ["marked", "deleted"]


def test_a_signed_shot_says_so_to_who_looks_first(client: Client, image: Generation, ana: User, ben: User) -> None:
    Campaign.objects.filter(pk=image.campaign_id).update(independent_first_look=True)
    record_verdict(generation=image, decision=Decision.APPROVED, by=ben, seen_version=0)
    assert activity(client, image) == []  # a colleague's verdict stays hidden here too
    SignOffFactory(generation=image, by=ben)
    assert "Ben Okafor signed it" in activity(client, image)
