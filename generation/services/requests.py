"""What a provider is sent for a generation: words, numbers, pictures; never a ticket or a name."""

from dataclasses import replace

from django.conf import settings

from campaigns.models import Reference
from generation.files import read_file
from generation.models import Generation
from generation.providers.base import ImageInput, RenderRequest

# The provider that reports by itself, where it can reach us.
REPORTING = "replicate"
EDITING = {"refine", "inpaint", "variation", "upscale"}


def plain_request(generation: Generation) -> RenderRequest:
    """The provider's view of a generation but for its pictures. No ticket, no names, no query."""
    return RenderRequest(
        key=generation.pk,
        model=generation.model,
        prompt=generation.prompt,
        negative_prompt=generation.negative_prompt,
        width=generation.width,
        height=generation.height,
        seed=generation.seed,
        guidance=generation.guidance,
        steps=generation.steps,
        purpose=generation.purpose,
        parameters=generation.parameters,
        webhook_url=webhook_url(generation),
    )


def build_request(generation: Generation) -> RenderRequest:
    """The provider's view with the bytes of references, parent and mask."""
    if not needs_pictures(generation):
        return plain_request(generation)
    inputs = [
        ImageInput(content=read_file(reference.image.name), media_type=reference.media_type, role=reference.role)
        for reference in Reference.objects.filter(pk__in=generation.references).order_by("pk")
    ]
    if generation.parent and generation.purpose in EDITING:
        parent = generation.parent
        inputs.append(ImageInput(content=read_file(parent.image.name), media_type=parent.media_type, role="parent"))
    if generation.mask:
        inputs.append(ImageInput(content=read_file(generation.mask.name), media_type="image/png", role="mask"))
    return replace(plain_request(generation), inputs=tuple(inputs))


def needs_pictures(generation: Generation) -> bool:
    """Whether files go along."""
    edits = generation.parent_id is not None and generation.purpose in EDITING
    return bool(generation.references or generation.mask or edits)


def webhook_url(generation: Generation) -> str | None:
    """Where the provider may report, with our own key; None without a public address."""
    if not settings.LOUPE_PUBLIC_URL or generation.provider != REPORTING:
        return None
    return f"{settings.LOUPE_PUBLIC_URL}/webhooks/{generation.provider}/?attempt={generation.pk}"
