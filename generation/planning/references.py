"""Pictures that people hand in: verified and encoded anew before anything of them is kept."""

from dataclasses import dataclass

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from campaigns.models import Campaign, Reference, User
from campaigns.models.campaign import reference_path
from generation.pictures import images
from generation.pictures.images import ImageFacts, ImageRejected


@dataclass(frozen=True, slots=True)
class CleanReference:
    """A picture that passed: upright, sRGB, without metadata. `name` is the uploader's, for people only."""

    content: bytes
    facts: ImageFacts
    name: str


def check_reference(*, content: bytes, name: str) -> CleanReference:
    """Verify and clean an upload; nothing is stored. Raises ImageRejected with words for people."""
    most = settings.LOUPE_MAX_REFERENCE_BYTES
    if len(content) > most:
        raise ImageRejected(f"This file is larger than {most / 1_000_000:.0f} MB. Export it smaller.", "too_large")
    cleaned, facts = images.clean_reference(content, max_pixels=settings.LOUPE_MAX_PIXELS)
    return CleanReference(content=cleaned, facts=facts, name=name.strip()[-160:] or "Reference")


def keep_reference(*, campaign: Campaign, picture: CleanReference, role: str, by: User) -> Reference:
    """Store a checked picture for a campaign; the same picture in the same role is kept once."""
    facts = picture.facts
    reference = Reference(
        campaign=campaign,
        role=role,
        name=picture.name,
        media_type=facts.media_type,
        sha256=facts.sha256,
        width=facts.width,
        height=facts.height,
        created_by=by,
    )
    path = reference_path(reference, "")
    # named by content: what lies there already is this very picture
    if not default_storage.exists(path):
        path = default_storage.save(path, ContentFile(picture.content))
    kept, _ = Reference.objects.get_or_create(
        campaign=campaign,
        role=role,
        sha256=facts.sha256,
        defaults={
            "name": picture.name,
            "image": path,
            "media_type": facts.media_type,
            "width": facts.width,
            "height": facts.height,
            "created_by": by,
        },
    )
    return kept


def campaign_references(campaign: Campaign) -> list[int]:
    """Give the ids of the images that go along with every first render."""
    return list(Reference.objects.filter(campaign=campaign).order_by("pk").values_list("pk", flat=True))
