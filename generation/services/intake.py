"""A new campaign with everything that came with it: all of it is kept, or nothing."""

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db import transaction

from campaigns import services as campaigns
from campaigns.briefs import Post
from campaigns.models import Campaign, Reference, Shot, User, Workspace
from generation import catalogue, ledger
from generation.services.planning import SIZES
from generation.services.references import CleanReference, keep_reference

# What a post without a shape gets: landscape for a hero, as product.md asks.
USUAL_RATIO = "16:9"
# Pixels of a picture whose ratio has no place in the list: as many as the others have, in steps of 32.
USUAL_PIXELS, STEP, SHORTEST_EDGE, LONGEST_EDGE = 1024 * 1024, 32, 64, 4096


@transaction.atomic
def open_campaign(
    *,
    workspace: Workspace,
    by: User,
    shots: Sequence[dict[str, Any]] = (),
    references: Sequence[CleanReference] = (),
    budget: Decimal | None = None,
    **facts: Any,
) -> Campaign:
    """Create the campaign (`facts` as in `campaigns.services.create_campaign`), its shots, references and limit.

    It waits to be planned: the caller nudges "plan" once this is committed.
    """
    campaign = campaigns.create_campaign(workspace=workspace, by=by, **facts)
    if shots:
        campaigns.add_shots(campaign=campaign, shots=shots)
    if budget is not None:
        ledger.set_limit(workspace=workspace, campaign=campaign, limit=budget)
    for picture in references:
        keep_reference(campaign=campaign, picture=picture, role=Reference.Role.PRODUCT, by=by)
    return campaign


def shot_of_post(post: Post) -> dict[str, Any]:
    """The fields of a Shot from a post. A model that the post names counts as chosen by a person.

    Raises catalogue.UnknownModel.
    """
    width, height = pixels_of_ratio(post.aspect_ratio or USUAL_RATIO)
    fields: dict[str, Any] = {
        "slug": post.slug,
        "title": post.title,
        "description": post.description,
        "mood": post.mood,
        "kind": post.kind or Shot.Kind.OTHER,
        "width": post.width or width,
        "height": post.height or height,
        "wants_text": post.wants_text,
    }
    if post.model:
        model = catalogue.get_model(post.model)
        fields |= {"model": model.key, "model_overridden": True, "model_reason": "The imported file names it."}
    return fields


def pixels_of_ratio(aspect_ratio: str) -> tuple[int, int]:
    """Width and height for "16:9" and the like: from the list, else about one megapixel of that shape."""
    if aspect_ratio in SIZES:
        return SIZES[aspect_ratio]
    across, down = (int(part) for part in aspect_ratio.split(":"))
    width = math.sqrt(USUAL_PIXELS * across / down)
    return _whole_step(width), _whole_step(USUAL_PIXELS / width)


def _whole_step(edge: float) -> int:
    return min(LONGEST_EDGE, max(SHORTEST_EDGE, round(edge / STEP) * STEP))
