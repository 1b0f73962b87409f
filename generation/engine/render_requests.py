"""What a provider is sent for a generation: words, numbers, pictures; never a ticket or a name."""

from dataclasses import replace

from django.conf import settings

from campaigns.models import Reference
from generation.catalogue.providers import IMAGE_PROVIDERS
from generation.lifecycle import ClaimedGeneration
from generation.models import MAY_EDIT, Generation
from generation.pictures.files import read_file
from generation.rules.values import ImageInput, ProviderRefused, RenderRequest


def plain_request(generation: Generation | ClaimedGeneration) -> RenderRequest:
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
    if not needs_images(generation):
        return plain_request(generation)
    request = plain_request(generation)
    inputs = [
        ImageInput(content=read_file(reference.image.name), media_type=reference.media_type, role=reference.role)
        for reference in Reference.objects.filter(pk__in=generation.references).order_by("pk")
    ]
    if edit := generation.edit:
        source = edit.source
        if source is None:
            raise ProviderRefused("The picture that was to be changed is not there. Nothing was sent.", kind="gone")
        request = replace(request, purpose=edit.purpose)
        inputs.append(ImageInput(content=read_file(source.image.name), media_type=source.media_type, role="parent"))
    if generation.mask:
        inputs.append(ImageInput(content=read_file(generation.mask.name), media_type="image/png", role="mask"))
    return replace(request, inputs=tuple(inputs))


def needs_images(generation: Generation | ClaimedGeneration) -> bool:
    """Whether files may go along; asks no database."""
    edits = generation.parent_id is not None and generation.purpose in MAY_EDIT
    return bool(generation.references or generation.mask or edits)


def webhook_url(generation: Generation | ClaimedGeneration) -> str | None:
    """Where the provider may report, with our own key; None without a public address."""
    if not settings.LOUPE_PUBLIC_URL or not IMAGE_PROVIDERS[generation.provider].reports:
        return None
    return f"{settings.LOUPE_PUBLIC_URL}/webhooks/{generation.provider}/?attempt={generation.pk}"
