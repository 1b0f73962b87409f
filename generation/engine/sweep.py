"""What is unfinished, derived from the rows. Celery and Redis carry only nudges; this is the memory."""

from dataclasses import dataclass

from django.db.models import Q

from campaigns.database.clock import database_now
from campaigns.models import Campaign
from generation.engine.deliveries import unhandled_deliveries
from generation.models import Generation, Pulse
from generation.money import calls
from generation.rules.states import GenerationState

SWEEP_LIMIT = 1_000


@dataclass(frozen=True, slots=True)
class Nudge:
    """One step that somebody should take: mirror, score, follow_up (a generation), plan (a campaign), delivery, or
    count (a question to a writer or critic whose process died over it)."""

    step: str
    subject: str | int


def find_unfinished(*, campaign_id: int | None = None) -> list[Nudge]:
    """Every step that nobody holds at the moment, oldest first, at most SWEEP_LIMIT of each kind."""
    now = database_now()
    free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=now)
    due = Q(due_at__isnull=True) | Q(due_at__lte=now)
    rows = Generation.objects.order_by("pk")
    campaigns = Campaign.objects.filter(planning=Campaign.Planning.WAITING)
    if campaign_id:
        rows = rows.filter(campaign_id=campaign_id)
        campaigns = campaigns.filter(pk=campaign_id)
    nudges = [Nudge("delivery", pk) for pk in unhandled_deliveries(limit=SWEEP_LIMIT)]
    nudges += [Nudge("count", pk) for pk in calls.abandoned_inquiries(limit=SWEEP_LIMIT)]
    for step, state in (("mirror", GenerationState.FETCHING), ("score", GenerationState.SCORING)):
        found = rows.filter(free, due, state=state).values_list("pk", flat=True)[:SWEEP_LIMIT]
        nudges += [Nudge(step, pk) for pk in found]
    over = rows.filter(
        free, followed_up=False, state__in=[GenerationState.READY, GenerationState.FAILED, GenerationState.REFUSED]
    )
    nudges += [Nudge("follow_up", pk) for pk in over.values_list("pk", flat=True)[:SWEEP_LIMIT]]
    nudges += [Nudge("plan", pk) for pk in campaigns.values_list("pk", flat=True)[:SWEEP_LIMIT]]
    return nudges


def record_pulse(name: str) -> None:
    """A process says that it lives."""
    Pulse.objects.update_or_create(name=name, defaults={"at": database_now()})
