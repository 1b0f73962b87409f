"""What leaves the queue now: of each provider as much as there is room for, and as its rate allows. No network."""

from collections.abc import Callable

from campaigns.database.clock import database_now
from generation import lifecycle
from generation.catalogue.providers import IMAGE_PROVIDERS
from generation.engine import outcomes, throttle
from generation.lifecycle import ClaimedGeneration
from generation.models import Generation
from generation.rules.states import GenerationState


def claim_next(*, holder: str, most: Callable[[str], int], into: list[ClaimedGeneration]) -> bool:
    """Claim what may be sent now, at most `most` of a provider; True where as many as that left and more may wait.

    One call, because each that the conductor makes costs a turn of its busy loop. What is claimed is in `into` even
    where a later provider's turn fails.
    """
    more = False
    for provider in providers_with_queue():
        room = most(provider)
        permits = throttle.take_permits(provider, wanted=room_for(provider, most=room))
        if permits > 0:
            claimed = lifecycle.claim_queued(
                provider=provider, holder=holder, limit=permits, seconds=outcomes.SUBMIT_LEASE_SECONDS
            )
            into += claimed
            more |= len(claimed) == room
    return more


def providers_with_queue() -> list[str]:
    """Providers for which something is queued and due."""
    # mostly nothing is: one look at the queue's own index, which the question below would not take
    if not Generation.objects.filter(state=GenerationState.QUEUED).exists():
        return []
    queued = Generation.objects.due(database_now()).filter(
        state=GenerationState.QUEUED, campaign__paused_at__isnull=True
    )
    return list(queued.order_by().values_list("provider", flat=True).distinct())


def room_for(provider: str, *, most: int) -> int:
    """Give how many more may be sent now. One that runs beside us takes only so many: what it renders counts."""
    if most <= 0:
        return 0
    if IMAGE_PROVIDERS[provider].at_once is None:
        waiting = Generation.objects.filter(provider=provider, state=GenerationState.QUEUED)[: most + 1].count()
        return min(most, waiting)
    in_flight = Generation.objects.filter(
        provider=provider, state__in=[GenerationState.SUBMITTING, GenerationState.RENDERING]
    ).count()
    return max(0, most - in_flight)
