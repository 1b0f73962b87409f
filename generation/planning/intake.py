"""A new campaign with everything that came with it: all of it is kept, or nothing."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from campaigns import services as campaigns
from campaigns.briefs import Post
from campaigns.models import Campaign, Reference, Shot, User, Workspace
from generation import catalogue
from generation.money import ledger
from generation.planning.planning import size_of
from generation.planning.references import CleanReference, keep_reference

# What a post without a shape gets: landscape, as a hero is.
USUAL_RATIO = "16:9"


def open_campaign(
    *,
    workspace: Workspace,
    by: User,
    key: UUID | None = None,
    shots: Sequence[dict[str, Any]] = (),
    references: Sequence[CleanReference] = (),
    budget: Decimal | None = None,
    **facts: Any,
) -> Campaign:
    """Create the campaign (`facts` as in `campaigns.services.create_campaign`), its shots, references and limit.

    Once a `key`: the same request sent twice gives the campaign of the first. It waits to be planned: the caller
    nudges "plan" once this is committed.
    """
    try:
        with transaction.atomic():
            campaign = campaigns.create_campaign(workspace=workspace, by=by, form_key=key, **facts)
            if shots:
                campaigns.add_shots(campaign=campaign, shots=shots)
            if budget is not None:
                ledger.set_limit(workspace=workspace, campaign=campaign, limit=budget)
            for picture in references:
                keep_reference(campaign=campaign, picture=picture, role=Reference.Role.PRODUCT, by=by)
            return campaign
    except IntegrityError:
        opened = Campaign.objects.filter(workspace=workspace, form_key=key).first() if key else None
        if opened is None:
            raise
        return opened


def shot_of_post(post: Post) -> dict[str, Any]:
    """The fields of a Shot from a post. A model that the post names counts as chosen by a person.

    Raises catalogue.UnknownModel.
    """
    width, height = size_of(post.aspect_ratio or USUAL_RATIO)
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
