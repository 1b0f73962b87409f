"""Marks burnt into a PNG: each on its pixels in its colour, everything else as it was, words below without names."""

from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from PIL import Image, ImageChops

from campaigns.models import Campaign, User
from generation.models import Generation
from review.exports.marked import measure, printable, wrap
from review.services.annotations import save_marks
from review.services.comments import add_comment
from tests.factories import CampaignFactory, GenerationFactory, MembershipFactory, ShotFactory, picture, store_picture

AMBER, WHITE = (255, 178, 36), (247, 247, 242)


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


def address(generation: Generation, query: str = "") -> str:
    return reverse("marks-picture", args=[generation.pk]) + query


def fetch(client: Client, generation: Generation, query: str = "") -> Image.Image:
    answer = client.get(address(generation, query))
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
    name = "hero-v1-marks-with-names.png" if query == "?names=1" else "hero-v1-marks.png"
    assert answer["Content-Disposition"] == f'attachment; filename="{name}"'
    return Image.open(BytesIO(answer.content)).convert("RGB")


def mark(name: str, shape: str, value: str, **fields: Any) -> dict[str, Any]:
    kind = "SvgSelector" if value.startswith("<svg") else "FragmentSelector"
    target = {"selector": {"type": kind, "value": value}}
    return {"id": name, "shape": shape, "kind": "change", "target": target, **fields}


def polygon(points: str) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg"><polygon points="{points}" /></svg>'


def near(one: Any, other: tuple[int, int, int], tolerance: int = 12) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(one, other, strict=True))


@pytest.mark.django_db
def test_each_mark_is_on_its_pixels_and_nothing_else_has_changed(client: Client, image: Generation, ana: User) -> None:
    save_marks(
        generation=image,
        by=ana,
        additions=[
            mark("mark-0001", "rectangle", "xywh=pixel:100,100,300,200", text="Lift the shadow"),
            mark("mark-0002", "polygon", polygon("600,100 900,100 900,300"), kind="keep"),
            mark("mark-0003", "rectangle", "xywh=pixel:960,400,200,200", kind="remove"),
            mark("mark-0004", "pin", "xywh=pixel:300,600,0,0"),
        ],
    )
    drawn = fetch(client, image)
    original = Image.open(BytesIO(picture(width=1200, height=800))).convert("RGB")
    assert drawn.width == 1200
    assert drawn.height > 800 + 200
    for at in ((250, 100), (400, 200), (250, 300), (100, 250)):  # the middles of the four edges
        assert near(drawn.getpixel(at), AMBER), at
    assert near(drawn.getpixel((750, 100)), WHITE)
    assert near(drawn.getpixel((900, 200)), WHITE)
    assert near(drawn.getpixel((300 - 12, 600)), AMBER)  # the disc of the pin
    inside, before = drawn.getpixel((1060, 500)), original.getpixel((1060, 500))
    assert sum(inside) < sum(before) * 0.8  # type: ignore[arg-type]  # what is to go is darkened
    changed = ImageChops.difference(drawn.crop((0, 0, 1200, 800)), original)
    for left, top, right, bottom in ((0, 0, 1200, 70), (420, 0, 570, 800), (0, 660, 1200, 800), (940, 0, 1200, 350)):
        assert changed.crop((left, top, right, bottom)).getbbox() is None
    assert drawn.crop((0, 800, 1200, drawn.height)).getcolors(maxcolors=1) is None  # words stand below


@pytest.mark.django_db
def test_names_stay_in_the_house_unless_asked_for(client: Client, image: Generation, ana: User) -> None:
    save_marks(generation=image, by=ana, additions=[mark("mark-0001", "pin", "xywh=pixel:9,9,0,0", text="Warmer")])
    add_comment(generation=image, by=ana, text="On the whole")
    plain, named = fetch(client, image), fetch(client, image, "?names=1")
    ana.name = "Somebody Quite Different"
    ana.save()
    assert fetch(client, image).tobytes() == plain.tobytes()
    assert fetch(client, image, "?names=1").tobytes() != named.tobytes()
    assert fetch(client, image, "?names=yes").tobytes() == plain.tobytes()


@pytest.mark.django_db
def test_any_words_and_any_size_are_drawn(client: Client, campaign: Campaign, ana: User) -> None:
    row = GenerationFactory(shot=ShotFactory(campaign=campaign, slug="hero"), ready=True)
    words = "Łódź, Ελλάδα, Привет 你好 👩‍🎨 \u202e\u0301 " + "x" * 400 + "\n\n\tend"
    save_marks(generation=row, by=ana, additions=[mark("mark-0001", "rectangle", "xywh=pixel:0,0,96,64", text=words)])
    drawn = fetch(client, row)
    assert drawn.width == 560
    assert drawn.height > 400


def test_lines_are_as_wide_as_the_paper_and_lose_no_word() -> None:
    words = "A long comment on the light from the left, " * 9 + "a" * 200
    lines = wrap(words, size=20, width=400)
    assert all(measure(line, size=20) <= 400 for line in lines)
    assert "".join(lines).replace(" ", "") == words.replace(" ", "")
    assert wrap("", size=20, width=400) == [""]
    assert printable("a\u200db\x00\r\nc") == "ab\nc"


@pytest.mark.django_db
def test_where_there_is_no_picture_there_is_nothing_to_draw_on(
    client: Client, campaign: Campaign, image: Generation, ana: User
) -> None:
    rendering = GenerationFactory(shot=ShotFactory(campaign=campaign), rendering=True)
    assert client.get(address(rendering)).status_code == 404
    image.image.storage.delete(image.image.name)
    assert client.get(address(image)).status_code == 404
    foreign = GenerationFactory(ready=True)
    assert client.get(address(foreign)).status_code == 404
    assert client.post(address(image)).status_code == 405


@pytest.mark.django_db
def test_the_loupe_offers_it_where_there_are_marks(client: Client, image: Generation, ana: User) -> None:
    def loupe() -> str:
        return client.get(reverse("loupe", args=[image.pk])).content.decode()

    assert address(image) not in loupe()
    save_marks(generation=image, by=ana, additions=[mark("mark-0001", "pin", "xywh=pixel:9,9,0,0")])
    assert f'href="{address(image)}"' in loupe()
    assert f'href="{address(image, "?names=1")}"' in loupe()
