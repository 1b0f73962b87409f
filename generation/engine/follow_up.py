"""What the ladder says after a generation is over: a directed retry, softer words, another model, a person.

Idempotent: the key of the next generation is made from the one before, and `followed_up`
is written with it; a crash in between is found by the sweep.
"""

import logging
import random
import traceback
import uuid
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import F

from campaigns.database.claims import keep_claim_alive
from campaigns.database.clock import database_now
from generation import lifecycle
from generation.catalogue import router
from generation.models import Generation, GenerationState, Purpose
from generation.money import calls, ledger
from generation.money.pricing import reservation_for
from generation.planning import refine
from generation.planning.planning import routing_of
from generation.planning.runs import draft_generation, queue_generation
from generation.providers import registry
from generation.rules import gate, retries
from generation.rules.retries import NextStep
from generation.rules.seeds import derive_seed
from generation.rules.values import ProviderBusy, ProviderError

logger = logging.getLogger(__name__)

# Kept alive while the writer writes; a killed process frees it soon.
HOLD_SECONDS = 20.0
# A writer that is busy for a quarter of an hour: a person may as well look.
MOST_BUSY = 4 * retries.MAX_TRIES


def follow_up(generation_id: str) -> Generation | None:
    """Apply the ladder to one finished generation; returns the next one, if any. Safe to repeat.

    One process at a time, so that the writer is asked and paid once. Raises ProviderBusy where the writer
    cannot be asked now: the sweep comes back to it, later each time. What fails again and again is parked.
    """
    holder = uuid.uuid4().hex
    if not lifecycle.hold(generation_id, holder=holder, seconds=HOLD_SECONDS):
        return None
    generation = Generation.objects.select_related("shot", "campaign", "workspace", "requested_by").get(
        pk=generation_id
    )
    try:
        with keep_claim_alive(generation, holder=holder, seconds=HOLD_SECONDS):
            following = _follow_up(generation)
    except (OperationalError, InterfaceError):
        lifecycle.let_go(generation_id, holder=holder)
        raise
    except ProviderBusy as busy:
        _come_back(
            generation, holder=holder, retry_after=busy.retry_after, most=MOST_BUSY, kind=busy.kind, text=str(busy)
        )
        raise
    except Exception:
        logger.exception("The step after %s failed", generation_id)
        _come_back(generation, holder=holder, most=retries.MAX_TRIES, kind="parked", text=traceback.format_exc(limit=8))
        return None
    lifecycle.let_go(generation_id, holder=holder)
    return following


def _come_back(
    generation: Generation, *, holder: str, most: int, kind: str, text: str, retry_after: float | None = None
) -> None:
    """Leave it alone for a while, longer each time, without a strike; after `most` times a person decides."""
    if generation.tries >= most:
        _close_chapter(generation, escalated=True, kind=kind, text=text)
        lifecycle.let_go(generation.pk, holder=holder)
        return
    wait = retries.wait_before_try(tries=generation.tries, retry_after=retry_after, jitter=random.random())
    # the claim keeps everybody away until then
    Generation.objects.filter(pk=generation.pk, claimed_by=holder).update(
        tries=F("tries") + 1, claimed_until=database_now() + timedelta(seconds=wait)
    )


def _follow_up(generation: Generation) -> Generation | None:
    if generation.followed_up or not generation.is_over:
        return None
    if generation.shot.removed_at or generation.state == GenerationState.CANCELLED:
        _close_chapter(generation, escalated=False)
        return None
    try:
        return _climb(generation)
    except ledger.NoHeadRoom as error:
        _close_chapter(generation, escalated=True, kind="budget", text=f"No further attempt: {error}")
    except ProviderBusy:
        raise
    except ProviderError as error:
        _close_chapter(generation, escalated=True, kind=error.kind, text=str(error))
    return None


def _context(generation: Generation) -> dict[str, Any]:
    return {
        "purpose": "prompt",
        "workspace": generation.workspace,
        "campaign": generation.campaign,
        "shot": generation.shot,
        "by": generation.requested_by,
    }


def _climb(generation: Generation) -> Generation | None:
    step = next_step(generation)
    if step is NextStep.DIRECT:
        return _direct(generation)
    if step is NextStep.SOFTEN:
        return _soften(generation)
    if step is NextStep.OTHER_MODEL:
        return _try_other_model(generation)
    _close_chapter(generation, escalated=step is NextStep.ESCALATE)
    return None


def next_step(generation: Generation) -> NextStep:
    """What the pure ladder says of this row and its lineage."""
    if generation.state == GenerationState.REFUSED:
        return retries.after_refusal(_safety_history(generation))
    if generation.state == GenerationState.FAILED or generation.passed is None:
        return NextStep.ESCALATE
    if generation.purpose not in {Purpose.CREATE, Purpose.RETRY}:
        # a person asked for this very change: a person looks at it
        return NextStep.DONE
    return retries.after_score(
        passed=generation.passed, attempt=generation.attempt, max_attempts=generation.campaign.max_attempts
    )


def _safety_history(generation: Generation) -> retries.SafetyHistory:
    """Softenings and changes of model since the last attempt that was not refused."""
    softenings = other_models = 0
    row: Generation | None = generation
    while row is not None and "ladder" in row.metadata:
        softenings += row.metadata["ladder"] == "soften"
        other_models += row.metadata["ladder"] == "other_model"
        row = row.parent
    return retries.SafetyHistory(softenings=softenings, other_models=other_models)


def _direct(generation: Generation) -> Generation | None:
    score = generation.scores.order_by("-pk").first()
    reason = score.reason if score else ""
    _require_room(generation)
    writer = registry.prompt_writer()
    directed = calls.ask(
        lambda: writer.direct(prompt=generation.prompt, weakest=generation.weakest, reason=reason),
        **_context(generation),
    )
    attempt = generation.attempt + 1
    return _queue_next(
        generation,
        draft_generation(
            shot=generation.shot,
            purpose=Purpose.RETRY,
            key=f"retry:{generation.pk}",
            prompt=directed.text,
            seed=derive_seed(
                base_seed=generation.campaign.base_seed, position=generation.shot.position, attempt=attempt
            ),
            by=generation.requested_by,
            model=generation.model,
            # what was folded into the prompt is not folded twice
            negative_prompt=generation.negative_prompt,
            parent=generation,
            attempt=attempt,
            direction=f"{gate.LABELS[generation.weakest]}: {reason}"[:400],
        ),
    )


def _soften(generation: Generation) -> Generation | None:
    _require_room(generation)
    writer = registry.prompt_writer()
    softer = calls.ask(
        lambda: writer.soften(prompt=generation.prompt, refusal=generation.error_text), **_context(generation)
    )
    return _queue_next(generation, _after_refusal(generation, prompt=softer.text, how="soften"))


def _require_room(generation: Generation) -> None:
    """No words are bought for a render that the budget does not allow. Raises ledger.NoHeadRoom."""
    ledger.require_room(
        workspace=generation.workspace, campaign=generation.campaign, amount=reservation_for(generation)
    )


def _try_other_model(generation: Generation) -> Generation | None:
    available = registry.available_models()
    other = router.other_safety_profile(generation.model, _work_of(generation), available)
    if other is None:
        _close_chapter(generation, escalated=True)
        return None
    return _queue_next(generation, _after_refusal(generation, prompt=generation.prompt, how="other_model", model=other))


def _work_of(generation: Generation) -> router.RoutingRequest:
    """What another model would have to be able to do."""
    edit = generation.edit
    return refine.REQUESTS[Purpose(edit.purpose)] if edit else routing_of(generation.shot)


def _after_refusal(generation: Generation, *, prompt: str, how: str, model: str = "") -> Generation:
    """The same attempt once more with the same seed: a refusal is no strike."""
    following = draft_generation(
        shot=generation.shot,
        purpose=Purpose(generation.purpose),
        key=f"{how}:{generation.pk}",
        prompt=prompt,
        seed=generation.seed
        or derive_seed(
            base_seed=generation.campaign.base_seed, position=generation.shot.position, attempt=generation.attempt
        ),
        by=generation.requested_by,
        model=model or generation.model,
        negative_prompt=generation.negative_prompt,
        parent=generation,
        attempt=generation.attempt,
        direction="Softer words after a refusal" if how == "soften" else "Another model after refusals",
        metadata={"ladder": how},
    )
    following.mask = generation.mask
    following.references = generation.references
    if generation.edit:
        # an edit has the size of its picture, not of the shot
        following.width, following.height = generation.width, generation.height
        if "scale" in generation.parameters:
            following.parameters = {**following.parameters, "scale": generation.parameters["scale"]}
    return following


def _queue_next(generation: Generation, next_generation: Generation) -> Generation | None:
    """Queue the next one and close this chapter, both or neither."""
    try:
        with transaction.atomic():
            queue_generation(next_generation, by=None)
            _close_chapter(generation, escalated=False)
    except IntegrityError:
        # another process took the same step, or the stack grew meanwhile: the sweep looks again
        logger.info("The step after %s was taken elsewhere.", generation.pk)
        if Generation.objects.filter(key=next_generation.key).exists():
            _close_chapter(generation, escalated=False)
        return None
    return next_generation


def _close_chapter(generation: Generation, *, escalated: bool, kind: str = "", text: str = "") -> None:
    changes: dict[str, object] = {"followed_up": True}
    if escalated:
        changes["escalated"] = True
    if text:
        changes |= {"error_kind": kind[:40], "error_text": text}
    Generation.objects.filter(pk=generation.pk).update(**changes)
