"""Changes of a picture that exists stay in its lineage, and only the masked region changes."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse
from PIL import Image, ImageDraw
from pytest_django import Settings

from campaigns.models import Campaign
from generation.engine import scoring
from generation.models import Generation, GenerationState, Purpose
from generation.money import ledger
from generation.planning import refine
from generation.providers import registry
from generation.rules import retries
from tests.fakes import pictures
from tests.fakes.pictures import draw_picture
from tests.fakes.running import RunningFake
from tests.generation.engine_fixtures import make_campaign, start
from tests.generation.test_engine import campaign as campaign_fixture
from tests.generation.test_engine import drive

campaign = campaign_fixture


def pixels(generation: Generation) -> np.ndarray:
    with default_storage.open(str(generation.image.name), "rb") as file:
        return np.asarray(Image.open(BytesIO(file.read())).convert("RGB"))


@pytest.mark.django_db(transaction=True)
def test_inpainting_changes_the_marked_region_only_and_a_variation_keeps_the_lineage(campaign: Campaign) -> None:
    registry.reset()
    start(campaign)
    drive(campaign)
    parent = Generation.objects.filter(campaign=campaign, state=GenerationState.READY).order_by("created_at")[0]
    mask = Image.new("L", (320, 256), 0)
    ImageDraw.Draw(mask).rectangle((180, 40, 300, 200), fill=255)
    content = BytesIO()
    mask.save(content, "PNG")
    by = campaign.created_by
    inpainted = refine.request_change(
        parent, purpose=Purpose.INPAINT, by=by, request_key="1", prompt="darker, bluer", mask=content.getvalue()
    )
    again = refine.request_change(
        parent, purpose=Purpose.INPAINT, by=by, request_key="1", prompt="darker, bluer", mask=content.getvalue()
    )
    assert again.pk == inpainted.pk
    varied = refine.request_change(parent, purpose=Purpose.VARIATION, by=by, request_key="2")
    larger = refine.request_change(parent, purpose=Purpose.UPSCALE, by=by, request_key="3")
    drive(campaign)
    for row in (inpainted, varied, larger):
        row.refresh_from_db()
        assert (row.state, row.parent_id) == (GenerationState.READY, parent.pk), row.error_text
    before, after = pixels(parent), pixels(inpainted)
    outside = np.asarray(mask) == 0
    assert (before[outside] == after[outside]).all()
    assert (before[~outside] != after[~outside]).any()
    # the critic is shown what was to change, and looks for seams there
    assert scoring.build_score_request(inpainted).mask == content.getvalue()
    assert scoring.build_score_request(parent).mask is None
    assert varied.seed != parent.seed
    assert (larger.image_width, larger.image_height) == (640, 512)


# --- on the models that are paid for -------------------------------------------------------

FILL, KONTEXT, LETTERS = (
    "black-forest-labs/flux-fill-pro",
    "black-forest-labs/flux-kontext-pro",
    "ideogram-ai/ideogram-v2",
)


@pytest.fixture
def replicate(
    settings: Settings, fake_replicate: RunningFake, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RunningFake]:
    registry.reset()
    # the fake is done at once: nobody waits the estimate
    monkeypatch.setattr(retries, "wait_before_poll", lambda **_: 0.05)
    settings.REPLICATE_API_TOKEN = "r8_test"
    settings.REPLICATE_BASE_URL = fake_replicate.url
    settings.LOUPE_OUTPUT_HOSTS = [fake_replicate.place]
    fake_replicate.script(latency=0.0)
    yield fake_replicate
    registry.reset()


def finished_picture() -> Generation:
    """A FLUX render that came home, in a size that is not its shot's."""
    [row] = start(make_campaign(shots=1))
    picture = default_storage.save("generations/parent.png", ContentFile(draw_picture(640, 512, 1)))
    Generation.objects.filter(pk=row.pk).update(
        state="ready",
        image=picture,
        sha256="0" * 64,
        media_type="image/png",
        image_width=640,
        image_height=512,
        followed_up=True,
        passed=True,
    )
    return Generation.objects.get(pk=row.pk)


def change(parent: Generation, purpose: Purpose, **options: Any) -> Generation:
    return refine.request_change(
        parent, purpose=purpose, by=parent.campaign.created_by, request_key=uuid4().hex, **options
    )


def white_square() -> bytes:
    mask = Image.new("L", (640, 512), 0)
    mask.paste(255, (100, 100, 300, 300))
    content = BytesIO()
    mask.save(content, "PNG")
    return content.getvalue()


@pytest.mark.django_db(transaction=True)
def test_a_variation_of_a_render_is_the_same_words_with_another_seed(replicate: RunningFake) -> None:
    """FLUX 1.1 pro takes no picture to change: none is sent."""
    parent = finished_picture()
    varied = change(parent, Purpose.VARIATION)
    drive(parent.campaign)
    varied.refresh_from_db()
    assert (varied.state, varied.model) == ("ready", parent.model), varied.error_text
    [sent] = [entry["input"] for entry in replicate.entries()]
    assert sent["prompt"] == parent.prompt
    assert sent["seed"] == varied.seed != parent.seed
    assert not {"image", "image_prompt", "input_image"} & sent.keys()


@pytest.mark.django_db(transaction=True)
def test_a_variation_of_an_edit_is_that_edit_once_more_with_another_seed(replicate: RunningFake) -> None:
    parent = finished_picture()
    edited = change(parent, Purpose.INPAINT, prompt="a slate plinth", mask=white_square())
    drive(parent.campaign)
    edited.refresh_from_db()
    varied = change(edited, Purpose.VARIATION)
    drive(parent.campaign)
    varied.refresh_from_db()
    assert varied.state == "ready", varied.error_text
    first, second = (entry["input"] for entry in replicate.entries())
    assert second["image"] == first["image"]
    assert second["mask"] == first["mask"]
    assert second["seed"] != first["seed"]


@pytest.mark.django_db(transaction=True)
def test_a_refused_edit_is_softened_and_given_to_another_model_with_its_picture_and_mask(
    replicate: RunningFake,
) -> None:
    """Softer words twice with the same seed, then a model of another filter that inpaints, then a person."""
    replicate.script({"on": "outcome", "fault": "safety", "times": None})
    parent = finished_picture()
    change(parent, Purpose.INPAINT, prompt="a woman's bare shoulder", mask=white_square())
    drive(parent.campaign)
    rows = list(Generation.objects.exclude(pk=parent.pk).order_by("version"))
    assert [(row.state, row.model) for row in rows] == [("refused", FILL)] * 3 + [("refused", LETTERS)]
    assert len({row.seed for row in rows}) == 1
    assert {(row.width, row.height) for row in rows} == {(640, 512)}
    assert [row.escalated for row in rows] == [False, False, False, True]
    sent = [entry["input"] for entry in replicate.entries()]
    assert len({entry["image"] for entry in sent}) == 1
    white, *_, black = [pictures.read_data_uri(entry["mask"]) for entry in sent]
    assert white is not None and black is not None
    with Image.open(BytesIO(white)) as one, Image.open(BytesIO(black)) as other:
        assert (one.convert("L").getpixel((150, 150)), other.convert("L").getpixel((150, 150))) == (255, 0)


@pytest.mark.django_db(transaction=True)
def test_an_enlarged_picture_is_as_large_as_was_promised(replicate: RunningFake) -> None:
    parent = finished_picture()
    larger = change(parent, Purpose.UPSCALE)
    drive(parent.campaign)
    larger.refresh_from_db()
    assert larger.state == "ready", larger.error_text
    assert replicate.entries()[0]["input"]["scale_factor"] == 2
    assert (larger.width, larger.height) == (1280, 1024)


@pytest.mark.django_db(transaction=True)
def test_a_container_of_ones_own_changes_and_enlarges_where_its_owner_says_so(
    settings: Settings, fake_cog: RunningFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.reset()
    monkeypatch.setattr(retries, "wait_before_poll", lambda **_: 0.05)
    settings.COG_URL = fake_cog.url
    parent = finished_picture()
    assert refine.choose_model_for(parent, purpose=Purpose.INPAINT).model_key == "studio/comp"
    settings.COG_ABILITIES = ["photoreal", "inpaint", "edit", "upscale"]
    route = refine.choose_model_for(parent, purpose=Purpose.INPAINT)
    assert (route.model_key, route.alternatives) == ("cog/self-hosted", ("studio/comp",))
    assert "your self-hosted model" in route.reason
    inpainted = change(parent, Purpose.INPAINT, prompt="a slate plinth", mask=white_square())
    edited = change(parent, Purpose.REFINE, prompt="Warmer light; keep everything else unchanged.")
    larger = change(parent, Purpose.UPSCALE)
    drive(parent.campaign)
    for row in (inpainted, edited, larger):
        row.refresh_from_db()
        assert (row.state, row.model, ledger.cost_of(row)) == ("ready", "cog/self-hosted", 0), row.error_text
    before, after = pixels(parent), pixels(inpainted)
    inside = np.zeros(before.shape[:2], dtype=bool)
    inside[100:301, 100:301] = True
    assert (before[~inside] == after[~inside]).all()
    assert (before[inside] != after[inside]).any()
    assert (larger.image_width, larger.image_height) == (1280, 1024)
    sent = {entry["input"]["prompt"]: entry["input"] for entry in fake_cog.entries()}
    assert "image" in sent["Warmer light; keep everything else unchanged."]
    registry.reset()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("told", [True, False], ids=["as its owner says", "found out"])
def test_a_container_without_a_seed_makes_pictures_that_cannot_be_repeated(
    settings: Settings, fake_cog: RunningFake, client: Client, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    """Said before the render where its owner has told us; in any case afterwards, by what was handed over."""
    registry.reset()
    monkeypatch.setattr(retries, "wait_before_poll", lambda **_: 0.05)
    fake_cog.script(fields={"prompt": {}, "width": {}, "height": {}}, latency=0.05)
    settings.COG_URL = fake_cog.url
    settings.COG_LACKS = ["seed", "negative_prompt"] if told else []
    campaign = make_campaign(shots=1, models=("cog/self-hosted",))
    client.force_login(campaign.created_by)
    plan = client.get(reverse("plan", args=[campaign.pk])).content.decode()
    assert ("This model takes no seed: its picture cannot be repeated." in plan) == told
    [row] = start(campaign)
    assert (row.seed is None) == told
    drive(campaign)
    row.refresh_from_db()
    assert (row.state, row.seed) == ("ready", None), row.error_text
    assert "seed" not in fake_cog.entries()[0]["input"]
    assert "None: it cannot be repeated" in client.get(reverse("loupe", args=[row.pk])).content.decode()
    registry.reset()


@pytest.mark.django_db
def test_what_was_asked_of_a_model_stays_with_the_row_whatever_becomes_of_the_catalogue() -> None:
    [row] = start(make_campaign(shots=1, models=("stability-ai/sdxl",)))
    row.refresh_from_db()
    assert row.parameters == {"num_outputs": 1, "apply_watermark": False}
    assert row.metadata["model_version"].startswith("7762fd07")
    assert (row.guidance, row.steps) == (7.5, 30)
