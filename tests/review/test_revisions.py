"""Marks become a revision: words, mask, price, one request, and only the marked region changes."""

from collections.abc import Iterator
from decimal import Decimal
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from PIL import Image
from pytest_django import Settings

from campaigns.models import Campaign, User
from generation.models import Generation, LedgerEntry, Purpose
from generation.money import ledger
from generation.pictures.files import read_file
from generation.providers import registry
from generation.rules.revisions import write_revision
from generation.rules.values import ImageInput, RenderRequest
from generation.studio.renderer import render
from review.models import Annotation, Standing, Verdict
from review.queries.before_after import crop_around
from review.rules.places import Place
from review.rules.revision_words import Region, build_revision, describe_place, draw_mask
from review.services.annotations import save_marks
from review.services.comments import add_comment
from review.services.revisions import propose_revision
from review.services.verdicts import record_verdict
from tests.factories import (
    CampaignFactory,
    GenerationFactory,
    MembershipFactory,
    ShotFactory,
    SignOffFactory,
    UserFactory,
    picture,
    store_picture,
)
from tests.fakes.running import RunningFake

WIDTH, HEIGHT = 96, 64


def rectangle(left: float, top: float, across: float, down: float) -> Place:
    return Place("rectangle", ((left, top), (left + across, top + down)))


def region(kind: str, place: Place, words: str = "", number: int = 1) -> Region:
    return Region(number, kind, words, place)


def mask_pixels(regions: list[Region]) -> np.ndarray:
    mask = draw_mask(regions=regions, width=WIDTH, height=HEIGHT)
    assert mask is not None
    return np.asarray(Image.open(BytesIO(mask)))


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (rectangle(0, 0, 24, 16), "upper left (0 % from the left, 0 % from the top, 25 % wide, 25 % high)"),
        (rectangle(36, 24, 24, 16), "centre (38 % from the left, 38 % from the top, 25 % wide, 25 % high)"),
        (rectangle(72, 48, 24, 16), "lower right (75 % from the left, 75 % from the top, 25 % wide, 25 % high)"),
        (Place("pin", ((90, 32), (90, 32))), "middle right (point at 94 % from the left, 50 % from the top)"),
    ],
)
def test_a_place_is_said_in_words_and_per_cent(place: Place, words: str) -> None:
    assert describe_place(place, width=WIDTH, height=HEIGHT) == words


def test_the_revision_has_a_line_a_region_and_says_what_stays() -> None:
    revision = build_revision(
        regions=[
            region("keep", rectangle(60, 0, 30, 20), "the empty space.", 1),
            region("change", rectangle(0, 0, 24, 16), "@ben Lift the\nshadow", 2),
            region("remove", rectangle(72, 48, 24, 16), "", 3),
        ],
        notes=["Warmer, please.", " "],
        prompt="Headphones on a plinth",
        width=WIDTH,
        height=HEIGHT,
    )
    lines = write_revision(revision).split("\n")
    assert [line.split(": ")[1:] for line in lines[1:5]] == [
        ["change", "Lift the shadow."],
        ["remove", "fill the place from its surroundings."],
        ["keep", "the empty space."],
        ["change", "Warmer, please."],
    ]
    assert lines[5] == "Keep everything else unchanged."
    assert lines[-1] == "The picture shows: Headphones on a plinth"


def test_the_mask_is_white_inside_soft_at_the_edge_and_black_outside() -> None:
    pixels = mask_pixels([region("change", rectangle(20, 20, 40, 30))])
    assert pixels.shape == (HEIGHT, WIDTH)
    assert pixels[35, 40] == 255
    assert 0 < pixels[35, 20] < 255
    outside = pixels.copy()
    outside[20:51, 20:61] = 0
    assert not outside.any()


def test_what_is_kept_is_cut_out_and_pins_are_no_regions() -> None:
    pixels = mask_pixels(
        [region("keep", rectangle(30, 25, 10, 10)), region("change", rectangle(20, 20, 40, 30), number=2)]
    )
    assert pixels[30, 35] == 0
    assert pixels[45, 55] > 0
    pin = region("change", Place("pin", ((5, 5), (5, 5))))
    assert draw_mask(regions=[pin, region("keep", rectangle(1, 1, 9, 9))], width=WIDTH, height=HEIGHT) is None


def test_only_the_marked_region_of_the_picture_changes() -> None:
    parent = picture(width=192, height=128)
    regions = [region("change", rectangle(40, 40, 60, 40), "brighter")]
    mask = draw_mask(regions=regions, width=192, height=128)
    assert mask is not None
    request = RenderRequest(
        key="k",
        model="studio/comp",
        prompt=write_revision(build_revision(regions=regions, notes=[], prompt="a square", width=192, height=128)),
        negative_prompt="",
        width=192,
        height=128,
        seed=7,
        purpose="inpaint",
        inputs=(ImageInput(parent, "image/png", "parent"), ImageInput(mask, "image/png", "mask")),
    )
    before = np.asarray(Image.open(BytesIO(parent)).convert("RGB")).astype(int)
    after = np.asarray(render(request).convert("RGB")).astype(int)
    moved = np.abs(after - before).sum(axis=2) > 0
    assert moved[45:75, 45:95].mean() > 0.5
    moved[40:81, 40:101] = False
    assert not moved.any()


@pytest.fixture
def campaign(db: None) -> Campaign:
    campaign = CampaignFactory()
    ledger.set_limit(workspace=campaign.workspace, campaign=campaign, limit=Decimal("5"))
    ledger.set_limit(workspace=campaign.workspace, campaign=None, limit=Decimal("5"))
    return campaign


@pytest.fixture
def ana(campaign: Campaign, client: Client) -> User:
    user = MembershipFactory(workspace=campaign.workspace).user
    client.force_login(user)
    return user


@pytest.fixture
def image(campaign: Campaign) -> Generation:
    row = GenerationFactory(shot=ShotFactory(campaign=campaign), ready=True)
    store_picture(row).save()
    return row


def mark(image: Generation, by: User, kind: str = "change", text: str = "Lift it") -> None:
    target = {"selector": {"type": "FragmentSelector", "value": "xywh=pixel:10,20,30,40"}}
    item = {"id": f"mark-{kind}-1", "shape": "rectangle", "kind": kind, "target": target, "text": text}
    assert save_marks(generation=image, by=by, additions=[item]).saved


def address(image: Generation, query: str = "") -> str:
    return reverse("revise", kwargs={"pk": image.pk}) + (f"?{query}" if query else "")


def test_marks_make_an_inpainting_words_alone_an_edit(image: Generation, ana: User) -> None:
    assert propose_revision(image).purpose is Purpose.REFINE
    add_comment(generation=image, by=ana, text="Warmer, please")
    record_verdict(generation=image, decision="rejected", by=ana, seen_version=0, reason="anatomy", note="six fingers")
    mark(image, ana)
    proposal = propose_revision(image)
    assert proposal.purpose is Purpose.INPAINT
    for words in (
        "Lift it",
        "Warmer, please",
        "anatomy: hands, faces and limbs as in life; six fingers",
        "Keep everything else unchanged",
    ):
        assert words in proposal.prompt
    Annotation.objects.update(resolved_at="2026-01-01T00:00Z", resolved_by=ana)
    assert propose_revision(image).purpose is Purpose.REFINE


def test_the_composer_shows_words_price_and_room_and_writes_nothing(
    client: Client, image: Generation, ana: User
) -> None:
    mark(image, ana)
    page = client.get(address(image)).content.decode()
    for words in ("Lift it", "Only the bright regions change", "Left in the budget", "$5.00", "Local studio"):
        assert words in page
    assert Generation.objects.count() == 1
    assert not Verdict.objects.exists()


def test_a_revision_is_sent_once_with_its_mask_and_stands_as_changes_asked(
    client: Client, image: Generation, ana: User
) -> None:
    mark(image, ana)
    form = {"act": "send", "prompt": "Lift the shadow\r\nonly", "request_key": "one", "seen_version": "0"}
    for _ in range(2):
        assert client.post(address(image), form).status_code == 302
    made = Generation.objects.exclude(pk=image.pk).get()
    assert (made.parent, made.shot, made.purpose, made.version) == (image, image.shot, Purpose.INPAINT, 2)
    assert made.prompt.startswith("Lift the shadow\nonly")
    assert Image.open(BytesIO(read_file(made.mask.name))).size == (96, 64)
    assert made.requested_by == ana
    assert Standing.objects.get(pk=image.pk).decision == "changes"


@pytest.mark.parametrize("kind", ["variation", "upscale"])
def test_a_variation_and_an_upscale_decide_nothing(client: Client, image: Generation, ana: User, kind: str) -> None:
    assert client.get(address(image, f"as={kind}")).status_code == 200
    form: dict[str, Any] = {"act": "send", "prompt": "ignored", "request_key": "one", "seen_version": "0"}
    assert client.post(address(image, f"as={kind}"), form).status_code == 302
    made = Generation.objects.exclude(pk=image.pk).get()
    assert (made.purpose, made.parent) == (kind, image)
    assert "ignored" not in made.prompt
    assert not Verdict.objects.exists()


def test_one_may_only_ask_for_changes(client: Client, image: Generation, ana: User) -> None:
    assert client.post(address(image), {"act": "ask", "seen_version": "0"}).status_code == 302
    assert Standing.objects.get(pk=image.pk).decision == "changes"
    assert Generation.objects.count() == 1


@pytest.mark.parametrize("prompt", ["", "x" * 8001, "warmer"])
def test_without_words_or_room_nothing_is_sent_and_the_words_stay(
    client: Client, image: Generation, ana: User, prompt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if prompt == "warmer":
        monkeypatch.setattr("generation.planning.refine.price_of", lambda *_, **__: Decimal("5.04"))
        assert "$5.00 are left and $5.04 are asked for" in client.get(address(image)).content.decode()
    answer = client.post(address(image), {"act": "send", "prompt": prompt, "seen_version": "0"})
    assert answer.status_code == 422
    assert prompt in answer.content.decode()
    assert Generation.objects.count() == 1
    assert not Verdict.objects.exists()


def test_a_stale_and_a_signed_one_are_told(client: Client, image: Generation, ana: User) -> None:
    record_verdict(generation=image, decision="approved", by=UserFactory(name="Ben"), seen_version=0)
    form = {"act": "send", "prompt": "warmer", "request_key": "one", "seen_version": "0"}
    answer = client.post(address(image), form)
    assert answer.status_code == 422
    assert "Ben approved it while you were looking." in answer.content.decode()
    assert "warmer" in answer.content.decode()
    SignOffFactory(generation=image)
    assert "locks the shot" in client.post(address(image), form).content.decode()
    assert Generation.objects.count() == 1


def test_another_houses_image_does_not_exist(client: Client, ana: User) -> None:
    assert client.get(address(GenerationFactory(ready=True))).status_code == 404


def test_the_new_version_shows_each_mark_before_and_after(client: Client, image: Generation, ana: User) -> None:
    mark(image, ana)
    child = GenerationFactory(shot=image.shot, ready=True, parent=image, purpose=Purpose.INPAINT)
    page = client.get(reverse("loupe", kwargs={"pk": child.pk})).content.decode()
    assert "Asked of version 1" in page
    assert "Lift it" in page
    assert "Before" in page
    outcome = save_marks(
        generation=image,
        by=ana,
        changes=[{"id": "mark-change-1", "version": 1, "resolved": True, "resolved_in": child.pk}],
    )
    assert outcome.saved
    assert Annotation.objects.get().resolved_in == child
    stranger = GenerationFactory(ready=True)
    item = {"id": "mark-change-1", "version": 2, "resolved": True, "resolved_in": stranger.pk}
    assert save_marks(generation=image, by=ana, changes=[item]).saved
    assert Annotation.objects.get().resolved_in is None


@pytest.mark.parametrize("place", [rectangle(0, 0, 4, 4), rectangle(90, 60, 6, 4), rectangle(0, 0, 96, 64)])
def test_a_crop_stays_inside_the_picture_and_shows_the_mark(place: Place) -> None:
    crop = crop_around(place, width=WIDTH, height=HEIGHT)
    left, top, across, down = place.box
    assert 0 <= crop.left * WIDTH <= left + 0.01
    assert 0 <= crop.top * HEIGHT <= top + 0.01
    assert (crop.left + crop.width) * WIDTH == pytest.approx(min(WIDTH, (crop.left + crop.width) * WIDTH), abs=0.02)
    assert (crop.left + crop.width) * WIDTH >= left + across - 0.02
    assert (crop.top + crop.height) * HEIGHT >= top + down - 0.02


# --- worded by Claude, drawn by a model of one's choice --------------------------------------


@pytest.fixture
def claude(settings: Settings, fake_anthropic: RunningFake, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningFake]:
    registry.reset()
    settings.ANTHROPIC_API_KEY = "sk-test"
    monkeypatch.setenv("ANTHROPIC_BASE_URL", fake_anthropic.url)
    yield fake_anthropic
    registry.reset()


def test_marks_are_worded_on_demand_paid_as_a_revision_and_nothing_is_sent(
    client: Client, image: Generation, ana: User, claude: RunningFake
) -> None:
    mark(image, ana)
    assert "Have it worded" in client.get(address(image)).content.decode()
    assert claude.state()["calls"] == 0
    content = {"regions": ["a lighter shadow under the cup"], "remarks": []}
    claude.script({"on": "message", "fault": "answer", "content": content})
    for headers in ({"HX-Request": "true"}, {}):
        page = client.post(address(image), {"act": "word", "prompt": "x", "seen_version": "0"}, headers=headers)
        assert page.status_code == 200
        claude.script({"on": "message", "fault": "answer", "content": content})
        words = page.content.decode()
        assert "change: a lighter shadow under the cup." in words
        assert "Keep everything else unchanged." in words
    spent = LedgerEntry.objects.filter(purpose="revise", shot=image.shot, by=ana)
    assert sum(entry.amount for entry in spent) == claude.bill > 0
    assert Generation.objects.count() == 1
    assert not Verdict.objects.exists()


def test_where_it_cannot_be_worded_the_words_stay_and_the_reason_is_said(
    client: Client, image: Generation, ana: User, claude: RunningFake
) -> None:
    mark(image, ana)
    claude.script({"on": "message", "fault": "529", "times": None})
    form = {"act": "word", "prompt": "my own words", "seen_version": "0"}
    page = client.post(address(image), form, headers={"HX-Request": "true"}).content.decode()
    assert "my own words" in page
    assert "Claude is busy" in page
    ledger.set_limit(workspace=image.workspace, campaign=image.campaign, limit=Decimal(0))
    answer = client.post(address(image), form)
    assert answer.status_code == 422
    assert "budget of this campaign" in answer.content.decode()


def test_without_claude_there_is_nothing_to_buy(client: Client, image: Generation, ana: User) -> None:
    assert "Have it worded" not in client.get(address(image)).content.decode()


def test_the_model_of_a_revision_can_be_chosen_with_its_price_and_its_limits(
    client: Client, image: Generation, ana: User, settings: Settings
) -> None:
    settings.REPLICATE_API_TOKEN = "r8_test"
    page = client.get(address(image)).content.decode()
    assert "FLUX Kontext pro, $0.04" in page
    assert "Local studio, free" in page
    panel = client.get(address(image, "model=stability-ai/sdxl"), headers={"HX-Request": "true"}).content.decode()
    assert "You chose SDXL." in panel
    assert "SDXL cannot draw 96 × 64" in panel
    assert "<html" not in panel
    form = {"act": "send", "prompt": "warmer", "seen_version": "0", "request_key": "one"}
    refused = client.post(address(image), {**form, "model": "black-forest-labs/flux-1.1-pro"})
    assert (refused.status_code, Generation.objects.count()) == (422, 1)
    assert client.post(address(image), {**form, "model": "stability-ai/sdxl"}).status_code == 302
    assert Generation.objects.exclude(pk=image.pk).get().model == "stability-ai/sdxl"
