"""The factories make rows that the database and the storage accept."""

import pytest
from django.core.files.storage import default_storage

from generation.pictures.files import rendition_url, srcset
from tests import factories

pytestmark = pytest.mark.django_db


def test_a_ready_generation_has_a_real_picture_and_a_score() -> None:
    generation = factories.GenerationFactory(ready=True, scored=7.5)
    assert default_storage.exists(generation.image.name)
    assert rendition_url(generation, width=320)
    assert srcset(generation)
    assert generation.passed
    assert generation.scores.get().passed
    assert generation.workspace == generation.shot.campaign.workspace


def test_versions_count_up_within_a_shot() -> None:
    shot = factories.ShotFactory()
    rows = [
        factories.GenerationFactory(shot=shot, ready=True, scored=5.1),
        factories.GenerationFactory(shot=shot, rendering=True),
    ]
    assert [row.version for row in rows] == [1, 2]
    assert rows[0].passed is False


@pytest.mark.parametrize(
    "trait", ["queued", "rendering", "fetching", "scoring", "ready", "failed", "refused", "cancelled"]
)
def test_every_trait_saves(trait: str) -> None:
    assert factories.GenerationFactory(**{trait: True}).state == trait


def test_decisions_bring_the_standing_up_to_date() -> None:
    verdict = factories.VerdictFactory()
    assert verdict.generation.standing.decision == "approved"
    assert factories.SignOffFactory().generation.standing.decision == "signed"
