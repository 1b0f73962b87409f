"""What is unfinished, derived from the rows. Celery and Redis carry only nudges; this is the memory."""

from django.db.models import Q

from campaigns.database.clock import database_now
from campaigns.models import Campaign
from generation.engine.deliveries import unhandled_deliveries
from generation.engine.nudges import Nudge
from generation.models import WORKING, Generation, GenerationState
from generation.money import calls

SWEEP_LIMIT = 1_000
FOLLOWED_UP = (GenerationState.READY, GenerationState.FAILED, GenerationState.REFUSED)


def find_unfinished(*, campaign_id: int | None = None) -> list[Nudge]:
    """Every step that nobody holds at the moment, oldest first, at most SWEEP_LIMIT of each kind."""
    now = database_now()
    rows = Generation.objects.free(now).order_by("pk")
    campaigns = Campaign.objects.filter(planning=Campaign.Planning.WAITING)
    if campaign_id:
        rows = rows.filter(campaign_id=campaign_id)
        campaigns = campaigns.filter(pk=campaign_id)
    nudges = [Nudge("delivery", pk) for pk in unhandled_deliveries(limit=SWEEP_LIMIT)]
    nudges += [Nudge("count", pk) for pk in calls.abandoned_calls(limit=SWEEP_LIMIT)]
    for step, state in (("mirror", GenerationState.FETCHING), ("score", GenerationState.SCORING)):
        found = rows.due(now).filter(state=state).values_list("pk", flat=True)[:SWEEP_LIMIT]
        nudges += [Nudge(step, pk) for pk in found]
    over = rows.filter(followed_up=False, state__in=FOLLOWED_UP)
    nudges += [Nudge("follow_up", pk) for pk in over.values_list("pk", flat=True)[:SWEEP_LIMIT]]
    nudges += [Nudge("plan", pk) for pk in campaigns.values_list("pk", flat=True)[:SWEEP_LIMIT]]
    return nudges


def is_anything_unfinished() -> bool:
    """Tell whether a machine has still to touch a generation, be it in somebody's hands at the moment."""
    over = Generation.objects.filter(followed_up=False, state__in=FOLLOWED_UP)
    paused = Q(state=GenerationState.QUEUED, campaign__paused_at__isnull=False)
    return Generation.objects.filter(~paused, state__in=WORKING).exists() or over.exists()
