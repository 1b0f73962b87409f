"""Generations in doubt: the provider may or may not have taken them. It is asked before anything is sent again."""

import asyncio
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q

from campaigns.database.clock import database_now
from generation import lifecycle
from generation.engine import render_requests
from generation.engine.background import BackgroundTasks, in_database
from generation.engine.nudges import Nudge
from generation.engine.outbox import Outbox
from generation.engine.outcomes import record_found
from generation.models import Generation, GenerationState
from generation.money import ledger
from generation.money.bills import bill_of
from generation.providers import registry
from generation.rules.values import OutcomeUnknown, ProviderError, RenderProgress, RenderStatus

FIND_TIMEOUT_SECONDS = 15.0
MOST_ASKED = 200  # a kill in a burst may leave a thousand
ASK_AGAIN_SECONDS = 5.0
# Predictions of other rows may look like the one in doubt where they were sent within this time of it.
SEARCHED_BEFORE = SEARCHED_AFTER = timedelta(hours=1)


class DoubtResolver:
    """Asks the providers about what is in doubt, for one conductor."""

    def __init__(self, *, outbox: Outbox, tasks: BackgroundTasks) -> None:
        self.outbox = outbox
        self.tasks = tasks
        self._asking: set[str] = set()

    async def ask(self) -> int:
        """Start to ask about everything that is in doubt and not being asked about; returns how many."""
        await in_database(doubt_abandoned_submissions)
        doubtful = await in_database(take_in_doubt, limit=MOST_ASKED)
        fresh = [generation for generation in doubtful if generation.pk not in self._asking]
        for generation in fresh:
            self._asking.add(generation.pk)
            self.tasks.start(self._ask(generation))
        return len(fresh)

    async def _ask(self, generation: Generation) -> None:
        try:
            request = await in_database(render_requests.build_request, generation)
            provider = registry.image_provider(generation.provider)
            taken = await in_database(ids_taken, generation.provider, besides=generation)
            async with asyncio.timeout(FIND_TIMEOUT_SECONDS):
                found = await provider.find(
                    request=request, sent_at=generation.submitted_at or generation.created_at, exclude=taken
                )
            await in_database(record_found, generation, found)
        except OutcomeUnknown as error:
            await in_database(give_up_doubt, generation, error)
            await self.outbox.hand_on([Nudge("follow_up", generation.pk)])
        except IntegrityError:
            # another row has just been given this prediction: ask again, with its id left out
            await in_database(lifecycle.postpone, generation, seconds=1.0, note="It belongs to another render.")
        except (ProviderError, TimeoutError) as error:
            await in_database(lifecycle.postpone, generation, seconds=ASK_AGAIN_SECONDS, note=str(error))
        finally:
            self._asking.discard(generation.pk)


def doubt_abandoned_submissions() -> int:
    """Put submissions in doubt whose process died: nobody knows whether they were sent."""
    abandoned = Generation.objects.filter(state=GenerationState.SUBMITTING, claimed_until__lt=database_now())
    return sum(
        lifecycle.move(
            generation,
            to=GenerationState.IN_DOUBT,
            note="The process ended while it was being sent.",
            due_at=None,
            error_kind="outcome_unknown",
        )
        for generation in abandoned
    )


def take_in_doubt(*, limit: int) -> list[Generation]:
    """Find generations in doubt that may be asked about now, oldest first."""
    now = database_now()
    return list(
        Generation.objects.select_related("shot", "campaign", "parent").filter(
            Q(due_at__isnull=True) | Q(due_at__lte=now), state=GenerationState.IN_DOUBT
        )[:limit]
    )


def ids_taken(provider: str, *, besides: Generation) -> list[str]:
    """Find the provider's ids that belong to other rows sent around that time, or to its own earlier submissions."""
    sent_at = besides.submitted_at or besides.created_at
    rows = (
        Generation.objects.filter(
            provider=provider, submitted_at__gt=sent_at - SEARCHED_BEFORE, submitted_at__lt=sent_at + SEARCHED_AFTER
        )
        .exclude(pk=besides.pk)
        .values_list("external_id", "earlier_ids")
    )
    taken = {external_id for first, earlier in rows for external_id in (first, *earlier)}
    return sorted(taken - {""} | set(besides.earlier_ids))


def give_up_doubt(generation: Generation, error: OutcomeUnknown) -> None:
    """End a generation of which nobody can tell any more whether it was taken: counted as spent, a person decides.

    The estimate is booked: what may have been paid must not be promised to something else, and a promise that
    stays open would hold the budget for ever. A correction is one more entry.
    """
    text = (
        f"{error} Its estimated price is counted as spent, and nothing was sent again. "
        "Look at the provider's own list, then start it again or leave it."
    )
    with transaction.atomic():
        moved = lifecycle.move(
            generation,
            to=GenerationState.FAILED,
            note=text,
            error_kind="outcome_unknown",
            error_text=text,
            escalated=True,
            due_at=None,
        )
        if moved:
            sent_at = (generation.submitted_at or generation.created_at).timestamp()
            ledger.charge(
                bill_of(
                    generation,
                    RenderProgress(RenderStatus.SUCCEEDED),
                    key=f"unknown:{sent_at:.6f}",
                    note="Outcome unknown, counted as spent.",
                )
            )
            ledger.close(generation)
