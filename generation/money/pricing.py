"""What renders, scores and words are expected to cost before they are bought. USD, Decimal."""

from collections.abc import Sequence
from decimal import ROUND_UP, Decimal

from django.conf import settings

from campaigns.models import Reference
from generation import catalogue
from generation.catalogue import CatalogueModel
from generation.models import Generation
from generation.providers import registry
from generation.providers.anthropic.answers import SCORED_EDGE

# "Sum of prices + 10 % for retries, scoring and prompt tokens included; four FLUX 1.1 pro are about $0.16 and $0.25 of
# head-room asked for": the head-room goes up in quarters.
BUFFER = Decimal("1.10")
HEAD_ROOM_STEP = Decimal("0.25")


def head_room_asked(total: Decimal) -> Decimal:
    """Round the total with the 10 % buffer up to the next quarter dollar; nothing for what costs nothing."""
    return (total * BUFFER / HEAD_ROOM_STEP).to_integral_value(rounding=ROUND_UP) * HEAD_ROOM_STEP


def estimate_words_cost(*, prompts: int) -> Decimal:
    """Estimate what directing or softening `prompts` prompts once may cost: 0 with the local writer."""
    if not settings.ANTHROPIC_API_KEY:
        return Decimal(0)
    return catalogue.estimate_prompt_cost(settings.LOUPE_WRITER_MODEL) * prompts


def estimate_score_cost(*, width: int, height: int) -> Decimal:
    """Estimate one scoring of an image of this size: 0 with the local critic."""
    if not settings.ANTHROPIC_API_KEY:
        return Decimal(0)
    scale = min(1.0, SCORED_EDGE / max(width, height))
    return catalogue.estimate_score_cost(settings.LOUPE_CRITIC_MODEL, int(width * scale), int(height * scale))


def price_of_attempt(model: CatalogueModel, *, width: int, height: int, input_megapixels: float = 0.0) -> Decimal:
    """Give the USD promised for one attempt: a render of this size and its scoring, with the buffer."""
    render = catalogue.estimate_cost(model, width, height, input_megapixels=input_megapixels)
    return (render + estimate_score_cost(width=width, height=height)) * BUFFER


def reservation_for(generation: Generation) -> Decimal:
    """Give the USD promised for a generation as it will be queued."""
    model = registry.get_model(generation.model)
    edit = generation.edit
    megapixels = megapixels_handed_in(model, references=generation.references, source=edit.source if edit else None)
    return price_of_attempt(model, width=generation.width, height=generation.height, input_megapixels=megapixels)


def megapixels_handed_in(
    model: CatalogueModel, *, references: Sequence[int] = (), source: Generation | None = None
) -> float:
    """Add up the megapixels of the images that go along, for models that charge for them; no query for the others.

    `references`: ids; `source`: the image that an edit changes.
    """
    if not any(part.unit == "input_megapixel" for part in model.price.parts):
        return 0.0
    sizes = []
    if source is not None:
        sizes.append(source.image_size)
    if references and model.fields.references:
        sizes += Reference.objects.filter(pk__in=references).order_by("pk").values_list("width", "height")
    most = max(1, model.fields.most_references)
    return sum(width * height for width, height in sizes[:most]) / 1_000_000
