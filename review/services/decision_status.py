"""Where an image stands with people. Only writer of Standing, and of the copy in Generation that lists filter by."""

from functools import lru_cache
from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet

from campaigns.database.prepared import Addition, Change, Given
from campaigns.models import Campaign, Shot, User, Workspace
from generation.models import Generation
from review.models import SignOff, Standing, Verdict

_GENERATION = Given("generation", Generation._meta.pk)


def ensure_standing(generation: Generation) -> None:
    """The image has its row; two who make it at once make one."""
    if "standing" in generation._state.fields_cache and getattr(generation, "standing", None) is not None:
        return  # it came along with the image, and rows of it are never taken away
    _row().run(
        generation=generation.pk,
        workspace=generation.workspace_id,
        campaign=generation.campaign_id,
        shot=generation.shot_id,
    )


@lru_cache(maxsize=1)
def _row() -> Addition:
    about = {
        "generation": _GENERATION,
        "workspace": Given("workspace", Workspace._meta.pk),
        "campaign": Given("campaign", Campaign._meta.pk),
        "shot": Given("shot", Shot._meta.pk),
    }
    empty = {"verdict": None, "decided_by": None, "decided_at": None}
    return Addition(Standing, unless_there=True, **about, decision=Standing.UNDECIDED, version=0, **empty)


def claim_standing(*, generation_id: str, version: int) -> bool:
    """Take the next version of a row that is still at this one, unless its shot has a living signature.

    The caller writes what stands now, in the same transaction.
    """
    return _claim().run(generation=generation_id, version=version) == 1


@lru_cache(maxsize=1)
def _claim() -> Change:
    signed = SignOff.objects.filter(shot=OuterRef("shot"), withdrawn_at__isnull=True)
    version = Given("version", Standing._meta.get_field("version"))
    return Change(Standing.objects.filter(~Exists(signed), pk=_GENERATION, version=version), version=F("version") + 1)


def put_standing(*, generation_id: str, decision: str, verdict_id: int | None, by_id: int, at: Any) -> None:
    """Write what stands now in a row that the caller has claimed."""
    _put().run(generation=generation_id, decision=decision, verdict=verdict_id, by=by_id, at=at)
    _copy().run(generation=generation_id, decision=_copied(decision))


@lru_cache(maxsize=1)
def _put() -> Change:
    field = Standing._meta.get_field
    return Change(
        Standing.objects.filter(pk=_GENERATION),
        decision=Given("decision", field("decision")),
        verdict=Given("verdict", Verdict._meta.pk),
        decided_by=Given("by", User._meta.pk),
        decided_at=Given("at", field("decided_at")),
    )


@lru_cache(maxsize=1)
def _copy() -> Change:
    decision = Given("decision", Generation._meta.get_field("decision"))
    return Change(Generation.objects.filter(pk=_GENERATION), decision=decision)


def _copied(decision: str) -> str:
    return "" if decision == Standing.UNDECIDED else decision


def set_standing(held: QuerySet[Standing], *, generation_id: str, decision: str, **fields: Any) -> bool:
    """Write what stands now, if the row still is as `held` says; False where it is not. Inside a transaction."""
    if held.filter(pk=generation_id).update(decision=decision, **fields) != 1:
        return False
    _copy().run(generation=generation_id, decision=_copied(decision))
    return True
