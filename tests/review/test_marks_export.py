"""Marks and comments to take along: a W3C Annotation Page that other programs read."""

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.models import Campaign, User
from generation.models import Generation
from review.models import Annotation
from review.services.annotations import save_marks
from review.services.comments import add_comment
from tests.factories import CampaignFactory, GenerationFactory, MembershipFactory, ShotFactory, picture, store_picture

pytestmark = pytest.mark.django_db

OUTLINE = '<svg xmlns="http://www.w3.org/2000/svg"><polygon points="10,10 200,10 200,150" /></svg>'


@pytest.fixture
def campaign() -> Campaign:
    return CampaignFactory()


@pytest.fixture
def ana(campaign: Campaign, client: Client) -> User:
    user = MembershipFactory(workspace=campaign.workspace, user__name="Ana Moreau").user
    client.force_login(user)
    return user


@pytest.fixture
def image(campaign: Campaign) -> Generation:
    row = GenerationFactory(shot=ShotFactory(campaign=campaign, slug="hero", title="Hero"), ready=True)
    store_picture(row, content=picture(width=1200, height=800)).save()
    return row


def test_every_mark_and_comment_is_an_annotation_of_the_standard(client: Client, image: Generation, ana: User) -> None:
    ben = MembershipFactory(workspace=image.workspace, user__name="Ben Okafor").user
    places = {
        "rectangle": {"type": "FragmentSelector", "value": "xywh=pixel:300,200,240,160"},
        "polygon": {"type": "SvgSelector", "value": OUTLINE},
        "pin": {"type": "FragmentSelector", "value": "xywh=pixel:600,400,0,0"},
    }
    kinds = {"rectangle": "change", "polygon": "remove", "pin": "keep"}
    for shape, selector in places.items():
        item = {"id": f"mark-{shape}-0001", "shape": shape, "kind": kinds[shape], "target": {"selector": selector}}
        save_marks(generation=image, by=ana, additions=[item])
    rectangle = Annotation.objects.get(shape="rectangle")
    add_comment(generation=image, by=ana, text="Softer shadow, 柔らかい", annotation=rectangle)
    add_comment(generation=image, by=ben, text="<b>Agreed</b>", annotation=rectangle)
    add_comment(generation=image, by=ben, text="Lovely light on the whole")
    Annotation.objects.filter(shape="pin").update(resolved_at=image.created_at, resolved_by=ana)

    answer = client.get(reverse("marks-download", args=[image.pk]))
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    assert answer["Content-Disposition"] == 'attachment; filename="hero-v1-marks.json"'
    page = answer.json()
    source = f"http://testserver/images/{image.pk}/"
    assert (page["@context"], page["type"]) == ("http://www.w3.org/ns/anno.jsonld", "AnnotationPage")
    items = page["items"]
    assert {item["type"] for item in items} == {"Annotation"}
    assert len({item["id"] for item in items}) == 4
    on_rectangle, on_polygon, on_pin, whole = items
    assert on_rectangle["target"]["source"] == source
    assert on_rectangle["target"]["selector"]["value"] == "xywh=pixel:300,200,240,160"
    assert [(body["purpose"], body["value"]) for body in on_rectangle["body"]] == [
        ("tagging", "change"),
        ("commenting", "Softer shadow, 柔らかい"),
        ("replying", "<b>Agreed</b>"),
    ]
    assert on_rectangle["body"][2]["creator"] == {"type": "Person", "name": "Ben Okafor"}
    assert "<polygon" in on_polygon["target"]["selector"]["value"]
    assert on_polygon["motivation"] == "editing"
    assert [body["value"] for body in on_pin["body"]] == ["keep", "resolved"]
    assert (whole["motivation"], whole["target"]) == ("commenting", source)
    assert whole["body"][0]["value"] == "Lovely light on the whole"


def test_a_mark_that_was_deleted_is_not_among_them_and_another_houses_image_does_not_exist(
    client: Client, image: Generation, ana: User
) -> None:
    item = {
        "id": "mark-gone-00001",
        "shape": "rectangle",
        "kind": "change",
        "target": {"selector": {"type": "FragmentSelector", "value": "xywh=pixel:3,2,24,16"}},
    }
    save_marks(generation=image, by=ana, additions=[item])
    save_marks(generation=image, by=ana, deletions=[{"id": "mark-gone-00001", "version": 1}])
    assert client.get(reverse("marks-download", args=[image.pk])).json()["items"] == []
    stranger = GenerationFactory(ready=True)
    assert client.get(reverse("marks-download", args=[stranger.pk])).status_code == 404
