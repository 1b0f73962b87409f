"""Changes of a picture that exists stay in its lineage, and only the masked region changes."""

from io import BytesIO

import numpy as np
import pytest
from django.core.files.storage import default_storage
from PIL import Image, ImageDraw

from campaigns.models import Campaign
from generation.models import Generation
from generation.providers import registry
from generation.services import refine
from generation.states import GenerationState, Purpose
from tests.generation.test_engine import campaign as campaign_fixture
from tests.generation.test_engine import drive, start

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
    assert varied.seed != parent.seed
    assert (larger.image_width, larger.image_height) == (640, 512)
