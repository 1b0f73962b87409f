"""Where an image stands with people. Only writer of Standing, and of the copy in Generation that lists filter by."""

from typing import Any

from django.db.models import F, QuerySet

from generation.models import Generation
from review.models import Standing


def ensure_standing(generation: Generation) -> None:
    """The image has its row; two who make it at once make one."""
    if "standing" in generation._state.fields_cache and getattr(generation, "standing", None) is not None:
        return  # it came along with the image, and rows of it are never taken away
    row = Standing(
        generation_id=generation.pk,
        workspace_id=generation.workspace_id,
        campaign_id=generation.campaign_id,
        shot_id=generation.shot_id,
    )
    Standing.objects.bulk_create([row], ignore_conflicts=True)


def claim_standing(held: QuerySet[Standing]) -> bool:
    """Take the next version of one row, if it still is as `held` says. The caller writes what stands now."""
    return held.update(version=F("version") + 1) == 1


def set_standing(held: QuerySet[Standing], *, generation_id: str, decision: str, **fields: Any) -> bool:
    """Write what stands now, if the row still is as `held` says; False where it is not. Inside a transaction."""
    if held.filter(pk=generation_id).update(decision=decision, **fields) != 1:
        return False
    open_again = decision == Standing.UNDECIDED
    Generation.objects.filter(pk=generation_id).update(decision="" if open_again else decision)
    return True
