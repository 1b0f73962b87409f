"""What a provider is sent for a generation: words, numbers, pictures; never a ticket or a name."""

from dataclasses import replace

from django.conf import settings

from campaigns.models import Reference
from generation.lifecycle import Sending
from generation.models import Generation
from generation.pictures.files import read_file
from generation.providers.base import ImageInput, ProviderRefused, RenderRequest
from generation.rules.states import Purpose

# The provider that reports by itself, where it can reach us.
REPORTING = "replicate"
EDITS = frozenset({Purpose.REFINE, Purpose.INPAINT, Purpose.UPSCALE})
# A variation of an edit is that edit once more.
MAY_EDIT = EDITS | {Purpose.VARIATION}


def plain_request(generation: Generation | Sending) -> RenderRequest:
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
    """The provider's view with the bytes of references, mask and the picture that is changed.

    Raises ProviderRefused where that picture is not there.
    """
    if not needs_pictures(generation):
        return plain_request(generation)
    request = plain_request(generation)
    inputs = [
        ImageInput(content=read_file(reference.image.name), media_type=reference.media_type, role=reference.role)
        for reference in Reference.objects.filter(pk__in=generation.references).order_by("pk")
    ]
    if edit := edit_of(generation):
        source = source_of(edit)
        if source is None:
            raise ProviderRefused("The picture that was to be changed is not there. Nothing was sent.", kind="gone")
        request = replace(request, purpose=edit.purpose)
        inputs.append(ImageInput(content=read_file(source.image.name), media_type=source.media_type, role="parent"))
    if generation.mask:
        inputs.append(ImageInput(content=read_file(generation.mask.name), media_type="image/png", role="mask"))
    return replace(request, inputs=tuple(inputs))


def needs_pictures(generation: Generation | Sending) -> bool:
    """Whether files may go along; asks no database."""
    edits = generation.parent_id is not None and generation.purpose in MAY_EDIT
    return bool(generation.references or generation.mask or edits)


def edit_of(generation: Generation) -> Generation | None:
    """The edit that this is, or whose variation it is; None where it is made from words alone."""
    row: Generation | None = generation
    while row is not None and row.purpose == Purpose.VARIATION:
        row = row.parent
    return row if row is not None and row.purpose in EDITS else None


def source_of(edit: Generation) -> Generation | None:
    """The picture that an edit changes: the nearest before it that exists, for one that was refused has none."""
    row = edit.parent
    while row is not None and not row.sha256:
        row = row.parent
    return row


def webhook_url(generation: Generation | Sending) -> str | None:
    """Where the provider may report, with our own key; None without a public address."""
    if not settings.LOUPE_PUBLIC_URL or generation.provider != REPORTING:
        return None
    return f"{settings.LOUPE_PUBLIC_URL}/webhooks/{generation.provider}/?attempt={generation.pk}"
