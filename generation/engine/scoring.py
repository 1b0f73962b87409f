"""The critic scores, the gate judges, the row keeps both."""

import logging
import traceback
from typing import Any

from django.db import transaction

from campaigns.database.claims import keep_claim_alive
from generation import lifecycle
from generation.models import Generation, GenerationState, Score
from generation.money import calls, ledger
from generation.pictures import images
from generation.pictures.files import read_file
from generation.planning.planning import brand_guide
from generation.providers import registry
from generation.rules import gate, retries
from generation.rules.values import CriticAnswer, ProviderBusy, ProviderError, ScoreRequest, Usage

logger = logging.getLogger(__name__)

SCORE_LEASE_SECONDS = 24.0


def score_image(generation_id: str, *, holder: str) -> bool:
    """Score one image; True where it is now ready (scored, or unscored for a person). Safe to repeat."""
    generation = lifecycle.claim(
        generation_id, state=GenerationState.SCORING, holder=holder, seconds=SCORE_LEASE_SECONDS
    )
    if generation is None:
        return False
    if retries.is_given_up(tries=generation.tries, said=generation.error_text):
        return finish_unscored(generation, reason=generation.error_text or "The critic could not be reached.")
    try:
        with keep_claim_alive(generation, holder=holder, seconds=SCORE_LEASE_SECONDS):
            answer = _ask_critic(generation)
        return record_score(generation, answer)
    except ProviderBusy as busy:
        wait = retries.wait_before_try(tries=generation.tries, retry_after=busy.retry_after, jitter=0.5)
        lifecycle.postpone(generation, seconds=wait, note=str(busy))
    except ProviderError as error:
        return finish_unscored(generation, reason=str(error))
    except Exception:
        logger.exception("Scoring %s failed", generation_id)
        lifecycle.postpone(
            generation,
            seconds=retries.wait_before_try(tries=generation.tries, retry_after=None, jitter=0.5),
            note=traceback.format_exc(limit=8),
        )
    return False


def _ask_critic(generation: Generation) -> CriticAnswer:
    """The critic's answer, fit to be judged, and paid for. Raises ProviderError."""
    request = build_score_request(generation)
    answer = ask_critic(generation, request)
    try:
        _judge(generation, answer)
    except gate.MalformedScore as error:
        raise ProviderError(str(error), kind="unscored") from error
    return answer


def ask_critic(generation: Generation, request: ScoreRequest) -> CriticAnswer:
    """Have one picture scored; what it costs is booked whatever comes of it. Raises ProviderError."""
    critic = registry.critic()
    return calls.ask(lambda: critic.score(request), purpose="score", **_context(generation))


def _judge(generation: Generation, answer: CriticAnswer) -> gate.Judgement:
    campaign = generation.campaign
    return gate.judge(dimensions=answer.dimensions, bar=campaign.bar, with_brand=campaign.brand_kit_id is not None)


def _context(generation: Generation) -> dict[str, Any]:
    return {
        "workspace": generation.workspace,
        "campaign": generation.campaign,
        "shot": generation.shot,
        "generation": generation,
    }


def build_score_request(generation: Generation) -> ScoreRequest:
    """What the critic sees: the picture, downscaled, and what was asked for."""
    whole = read_file(generation.image.name)
    content, media_type = images.downscale_for_critic(whole, max_edge=registry.critic().max_edge)
    shot, campaign = generation.shot, generation.campaign
    return ScoreRequest(
        image=content,
        media_type=media_type,
        title=shot.title,
        description=shot.description,
        mood=shot.mood or campaign.mood,
        prompt=generation.prompt,
        palette=tuple(shot.palette),
        width=generation.width,
        height=generation.height,
        brand=brand_guide(campaign.brand_kit),
        mask=read_file(generation.mask.name) if generation.mask else None,
    )


def record_score(generation: Generation, answer: CriticAnswer) -> bool:
    """Judge and commit: the score and the terminal state. Raises gate.MalformedScore."""
    with transaction.atomic():
        score = keep_score(generation, answer)
        moved = lifecycle.move(
            generation,
            to=GenerationState.READY,
            average=score.average,
            weakest=score.weakest,
            passed=score.passed,
            error_kind="",
            error_text="",
        )
        if moved:
            ledger.close(generation)
        else:
            transaction.set_rollback(True)
    return moved


def keep_score(generation: Generation, answer: CriticAnswer) -> Score:
    """One more row of what a critic said, judged by our gate. Raises gate.MalformedScore."""
    judgement = _judge(generation, answer)
    return Score.objects.create(
        generation=generation,
        critic=answer.critic,
        dimensions={
            name: {"score": round(float(dimension.score), 1), "reason": dimension.reason}
            for name, dimension in answer.dimensions.items()
        },
        average=judgement.average,
        bar=generation.campaign.bar,
        passed=judgement.passed,
        weakest=judgement.weakest,
        reason=judgement.reason,
    )


def charge_score(generation: Generation, usage: Usage, *, key: str, note: str = "") -> None:
    """Book what scoring a picture consumed."""
    ledger.charge_usage(
        key=key,
        usage=usage,
        purpose="score",
        workspace_id=generation.workspace_id,
        campaign=generation.campaign,
        shot_id=generation.shot_id,
        generation_id=generation.pk,
        note=note,
    )


def finish_unscored(generation: Generation, *, reason: str) -> bool:
    """No honest score could be had: ready, unscored, a person decides."""
    with transaction.atomic():
        # money first, as where it is scored: two versions of a shot that end at once wait in one order
        ledger.close(generation)
        moved = lifecycle.move(
            generation,
            to=GenerationState.READY,
            note=f"Unscored: {reason}",
            escalated=True,
            error_kind="unscored",
            error_text=reason,
        )
        if not moved:
            transaction.set_rollback(True)
    return moved
