"""What a render cost, from the figures that the provider sent, as lines for the ledger."""

from typing import Any

from generation import catalogue
from generation.models import Generation
from generation.money import ledger
from generation.providers.base import RenderProgress

# The columns that a bill is made from.
BILLED_BY = (
    "pk",
    "provider",
    "model",
    "width",
    "height",
    "purpose",
    "external_id",
    "ticket",
    "workspace_id",
    "campaign_id",
    "shot_id",
    "requested_by_id",
)


def bill_of(generation: Any, progress: RenderProgress, *, key: str = "", note: str = "") -> list[ledger.Charge]:
    """Make the bill of one submission, to be booked once: under the provider's id, or under `key` where it has none.

    `generation` is a Generation, or a row of its columns `BILLED_BY`.
    """
    model = catalogue.get_model(generation.model)
    lines = catalogue.bill_lines(model, progress.metrics, generation.width, generation.height, outcome=progress.status)
    return [
        ledger.Charge(
            key=f"render:{generation.pk}:{key or generation.external_id}:{line.unit}",
            unit=line.unit,
            quantity=line.quantity,
            provider=generation.provider,
            model=generation.model,
            purpose="upscale" if generation.purpose == "upscale" else "render",
            workspace_id=generation.workspace_id,
            campaign_id=generation.campaign_id,
            shot_id=generation.shot_id,
            generation_id=generation.pk,
            ticket=generation.ticket,
            by_id=generation.requested_by_id,
            note=note,
        )
        for line in lines
    ]


def charge_render(generation: Generation, progress: RenderProgress, *, key: str = "", note: str = "") -> None:
    """Book the bill of one submission."""
    ledger.charge(bill_of(generation, progress, key=key, note=note))
