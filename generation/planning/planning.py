"""From a brief to shots with prompts, models and prices. Runs in a worker, or in the headless pipeline."""

import logging
import math
import random
import re
import time
import uuid
from collections.abc import Callable
from typing import Any

from django.db import InterfaceError, OperationalError, transaction

from campaigns import services as campaigns
from campaigns.models import BrandKit, Campaign, PromptRule, Shot
from generation.catalogue import router
from generation.catalogue.constraints import usual_constraints
from generation.models import Lease
from generation.money import calls, ledger
from generation.providers import registry
from generation.rules import retries
from generation.rules.values import BrandGuide, ProviderBusy, ProviderError, ShotIdea

logger = logging.getLogger(__name__)

# One call to a writer, with its repair; held on to before each shot.
PLAN_LEASE_SECONDS = 60.0
# A writer that is busy is asked again after some seconds, as after so many tries.
BUSY_TRIES = 2

# About one megapixel each, multiples of 32: what the models of the catalogue render best.
SIZES = {
    "16:9": (1344, 768),
    "3:2": (1216, 832),
    "4:3": (1152, 896),
    "5:4": (1120, 896),
    "1:1": (1024, 1024),
    "4:5": (896, 1120),
    "3:4": (896, 1152),
    "2:3": (832, 1216),
    "9:16": (768, 1344),
    "21:9": (1536, 640),
}


# Pixels of a picture whose ratio has no place in the list: as many as the others have, in steps of 32.
USUAL_PIXELS, STEP, SHORTEST_EDGE, LONGEST_EDGE = 1024 * 1024, 32, 64, 4096
# Steps of 32 pixels move a shape by as much.
SAME_SHAPE = 0.04
_RATIO = re.compile(r"(\d{1,2}(?:\.\d{1,2})?):(\d{1,2}(?:\.\d{1,2})?)")


def size_of(aspect_ratio: str) -> tuple[int, int]:
    """Pixels for "16:9", "3:1" or "1.91:1": from the list, else about one megapixel of that very shape.

    A square where it is no ratio. What a model cannot draw is snapped, and said, where the model is known.
    """
    sides = _RATIO.fullmatch(aspect_ratio)
    if aspect_ratio in SIZES or sides is None or not float(sides[1]) * float(sides[2]):
        return SIZES.get(aspect_ratio, SIZES["1:1"])
    width = math.sqrt(USUAL_PIXELS * float(sides[1]) / float(sides[2]))
    return _whole_step(width), _whole_step(USUAL_PIXELS / width)


def _whole_step(edge: float) -> int:
    return min(LONGEST_EDGE, max(SHORTEST_EDGE, round(edge / STEP) * STEP))


def nearest_ratio(*, width: int, height: int) -> str:
    """The named aspect ratio that comes closest."""
    return min(SIZES, key=lambda name: abs(SIZES[name][0] / SIZES[name][1] - width / height))


def shape_in_words(*, width: int, height: int) -> str:
    """The shape of a size for a prompt: "16:9" where a named one comes close, else one of its own: "3:1", "1.91:1"."""
    shape, name = width / height, nearest_ratio(width=width, height=height)
    if abs(SIZES[name][0] / SIZES[name][1] / shape - 1) < SAME_SHAPE:
        return name
    longer = max(shape, 1 / shape)
    if abs(round(longer) / longer - 1) < SAME_SHAPE:
        return f"{round(longer)}:1" if shape > 1 else f"1:{round(longer)}"
    return f"{shape:.2f}:1"


def brand_guide(brand_kit: BrandKit | None) -> BrandGuide | None:
    """The brand kit as writer and critic see it, with its accepted rules."""
    if brand_kit is None:
        return None
    rules = brand_kit.rules.filter(state=PromptRule.State.ACCEPTED).order_by("pk").values_list("text", flat=True)
    return BrandGuide(
        name=brand_kit.name,
        palette=tuple(brand_kit.palette),
        mood=tuple(brand_kit.mood),
        rules=tuple(rules),
        negatives=tuple(brand_kit.negatives),
    )


def plan_campaign(campaign_id: int) -> None:
    """Read the brief if there are no shots yet, then write every prompt that is missing. Safe to repeat.

    One process at a time plans a campaign; a second one leaves at once. Raises ProviderBusy (nothing lost,
    repeat later). Any other provider error is kept on the campaign for people.
    """
    lease = {"name": f"plan:{campaign_id}", "holder": uuid.uuid4().hex}
    if Lease.objects.hold(**lease, seconds=PLAN_LEASE_SECONDS) is None:
        return
    try:
        _plan(campaign_id, keep_lease=lambda: Lease.objects.hold(**lease, seconds=PLAN_LEASE_SECONDS) is not None)
    except ProviderBusy as busy:
        # nobody asks before that
        wait = retries.wait_before_try(tries=BUSY_TRIES, retry_after=busy.retry_after, jitter=random.random())
        Lease.objects.hold(**lease, seconds=wait)
        campaigns.note_waiting(campaign_id, f"{busy} It is asked again by itself; nothing is lost.")
        raise
    except BaseException:
        Lease.objects.end(**lease)
        raise
    Lease.objects.end(**lease)


def _plan(campaign_id: int, *, keep_lease: Callable[[], bool]) -> None:
    campaign = Campaign.objects.select_related("brand_kit", "workspace", "created_by").get(pk=campaign_id)
    if campaign.planning == Campaign.Planning.PLANNED:
        return
    brand = brand_guide(campaign.brand_kit)
    try:
        if campaign.brief and not campaign.shots.exists():
            _read_brief(campaign=campaign, brand=brand)
        kept_at = time.monotonic()
        for shot in campaign.shots.filter(removed_at__isnull=True, prompt="").order_by("position").iterator(200):
            if time.monotonic() - kept_at > PLAN_LEASE_SECONDS / 4:
                if not keep_lease():
                    return
                kept_at = time.monotonic()
            write_shot_prompt(shot=shot, campaign=campaign, brand=brand)
    except ProviderBusy:
        raise
    except (ProviderError, ledger.NoHeadRoom) as error:
        logger.warning("Campaign %s could not be planned: %s", campaign.pk, error)
        _give_up(campaign, str(error))
        return
    except (OperationalError, InterfaceError):
        raise  # the database is away: the sweep comes back to it
    except Exception:
        logger.exception("Campaign %s could not be planned", campaign.pk)
        _give_up(campaign, "Something went wrong on our side, and it is in the log.")
        return
    campaigns.finish_planning(campaign=campaign)


def _give_up(campaign: Campaign, why: str) -> None:
    campaigns.finish_planning(
        campaign=campaign, failed=True, note=f"{why} The brief is kept. Try again, or add shots by hand."
    )


def _read_brief(*, campaign: Campaign, brand: BrandGuide | None) -> None:
    writer = registry.prompt_writer()
    reading = calls.ask(lambda: writer.read_brief(brief=campaign.brief, brand=brand), **_context(campaign))
    with transaction.atomic():
        campaigns.record_reading(
            campaign=campaign,
            title=reading.title,
            key_points=reading.key_points,
            mood=reading.mood,
            sensitive=reading.sensitive,
        )
        campaigns.add_shots(campaign=campaign, shots=[_shot_fields(idea) for idea in reading.shots])


def _shot_fields(idea: ShotIdea) -> dict[str, object]:
    width, height = size_of(idea.aspect_ratio)
    return {
        "slug": idea.slug,
        "title": idea.title[:160],
        "description": idea.description,
        "mood": idea.mood[:240],
        "kind": idea.kind if idea.kind in Shot.Kind.values else Shot.Kind.OTHER,
        "width": width,
        "height": height,
        "wants_text": idea.wants_text,
    }


def write_shot_prompt(*, shot: Shot, campaign: Campaign, brand: BrandGuide | None) -> Shot:
    """Write the prompt of one shot and choose its model, unless a person chose one.

    Raises ProviderError, ledger.NoHeadRoom.
    """
    idea = ShotIdea(
        slug=shot.slug,
        title=shot.title,
        description=shot.description,
        mood=shot.mood or campaign.mood,
        kind=shot.kind,
        aspect_ratio=shape_in_words(width=shot.width, height=shot.height),
        wants_text=shot.wants_text,
    )
    writer = registry.prompt_writer()
    written = calls.ask(
        lambda: writer.write_prompt(idea=idea, campaign_mood=campaign.mood, brand=brand), **_context(campaign, shot)
    )
    fields = {} if shot.model_overridden else choose_model(shot)
    constraints = usual_constraints(
        registry.get_model(str(fields.get("model", shot.model))),
        given=written.prompt.negatives,
        shows=f"{shot.title} {shot.description} {written.prompt.scene}",
        wants_text=shot.wants_text,
    )
    fields |= {
        "prompt": written.prompt.text,
        "negative_prompt": ", ".join(constraints),
        "palette": list(written.prompt.palette),
    }
    return campaigns.edit_shot(shot, **fields)


def _context(campaign: Campaign, shot: Shot | None = None) -> dict[str, Any]:
    return {
        "purpose": "prompt",
        "workspace": campaign.workspace,
        "campaign": campaign,
        "shot": shot,
        "by": campaign.created_by,
    }


def routing_of(shot: Shot) -> router.RoutingRequest:
    """What the router is told of a shot."""
    return router.RoutingRequest(
        kind=shot.kind,
        wants_text=shot.wants_text,
        draft=shot.kind == Shot.Kind.DRAFT,
        illustration=shot.kind == Shot.Kind.ILLUSTRATION,
    )


def choose_model(shot: Shot) -> dict[str, object]:
    """The router's choice for a shot with its reason."""
    route = router.route(routing_of(shot), available=registry.available_models())
    return {"model": route.model_key, "model_reason": route.reason[:300]}
