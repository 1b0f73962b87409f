"""A generation that failed goes on from where its money stands, because an admin asks for it."""

from decimal import Decimal
from typing import Any

from django.db import transaction

from campaigns.models import User
from generation import lifecycle
from generation.engine.nudges import Nudge
from generation.models import Generation, GenerationState
from generation.money import ledger
from generation.money.pricing import BUFFER, estimate_score_cost, reservation_for

# Over for the machines; what was parked is the step after it.
OVER = (GenerationState.READY, GenerationState.REFUSED)
NEXT_STEP = {GenerationState.SCORING: "score", GenerationState.FETCHING: "mirror"}


class CannotRetry(Exception):
    """Nothing was changed; the message says why."""


@transaction.atomic
def retry_generation(generation: Generation, *, by: User) -> Nudge | None:
    """Take up a failed or parked generation again: scoring where the picture is stored, fetching where the provider
    has it, else a new render. Its promise is opened once more. Returns the nudge to send (None: the conductor finds
    it).

    Raises CannotRetry, or ledger.NoHeadRoom; then nothing was changed.
    """
    if generation.error_kind == "parked" and generation.state in OVER:
        return _follow_up_again(generation)
    if generation.state != GenerationState.FAILED:
        raise CannotRetry("It did not fail, or somebody has taken it up again already.")
    if generation.shot.removed_at:
        raise CannotRetry("Its shot was taken out of the campaign.")
    to, fresh, amount = _where_it_stands(generation)
    moved = lifecycle.move(
        generation,
        to=to,
        note="Taken up again by a person.",
        by=by,
        error_kind="",
        error_text="",
        due_at=None,
        completed_at=None,
        followed_up=False,
        escalated=False,
        **fresh,
    )
    if not moved:
        raise CannotRetry("Somebody has taken it up again a moment ago.")
    ledger.reopen(generation, amount=amount)
    return Nudge(NEXT_STEP[to], generation.pk) if to in NEXT_STEP else None


def _follow_up_again(generation: Generation) -> Nudge:
    """The picture, or its refusal, stands: only what comes after it is tried once more."""
    last = generation.events.filter(to=generation.state).order_by("-pk").first()
    refused = generation.state == GenerationState.REFUSED
    taken = Generation.objects.filter(pk=generation.pk, followed_up=True, error_kind="parked").update(
        followed_up=False,
        escalated=False,
        tries=0,
        error_kind="safety" if refused else "",
        error_text=last.note if refused and last else "",
    )
    if taken != 1:
        raise CannotRetry("Somebody has taken it up again a moment ago.")
    return Nudge("follow_up", generation.pk)


def _where_it_stands(generation: Generation) -> tuple[GenerationState, dict[str, Any], Decimal]:
    """The state to go on from, the columns that begin anew, and the USD still to be promised."""
    scoring = estimate_score_cost(width=generation.width, height=generation.height) * BUFFER
    if generation.image and generation.sha256:
        return GenerationState.SCORING, {}, scoring
    if generation.provider_url:
        return GenerationState.FETCHING, {}, scoring
    fresh = {"external_id": "", "polls": 0, "cancel_asked": False, "submitted_at": None}
    return GenerationState.QUEUED, fresh, reservation_for(generation)
