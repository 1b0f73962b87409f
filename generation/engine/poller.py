"""Asks the providers how the renders stand that are due, many in one call where a provider can."""

import asyncio
import logging
from collections.abc import Callable
from itertools import groupby
from operator import attrgetter

from generation.engine import outcomes
from generation.engine.background import BackgroundTasks, in_database
from generation.engine.outbox import ROWS_A_ROUND, Outbox
from generation.engine.outcomes import Poll
from generation.providers import registry
from generation.providers.base import PollsMany
from generation.rules.values import ProviderBusy, ProviderError

logger = logging.getLogger(__name__)

POLL_TIMEOUT_SECONDS = 15.0
MOST_POLLS = 1_000
# A provider that tells of many in one call is asked so for this many or more.
MANY = 5
MANY_A_CALL = 250


class Poller:
    """Polls for one conductor. `wake`: makes the loop write at once what was told."""

    def __init__(self, *, outbox: Outbox, tasks: BackgroundTasks, wake: Callable[[], None]) -> None:
        self.outbox = outbox
        self.tasks = tasks
        self._wake = wake

    async def poll_due(self) -> int:
        """Start to ask about everything that is due; returns how many."""
        room = MOST_POLLS - len(self.outbox.polling)
        due = await in_database(outcomes.due_polls, limit=room, besides=tuple(self.outbox.polling)) if room > 0 else []
        self.outbox.polling.update(poll.generation_id for poll in due)
        by_provider = attrgetter("provider")
        for name, group in groupby(sorted(due, key=by_provider), key=by_provider):
            polls = list(group)
            if len(polls) < MANY or _polls_many(name) is None:
                for poll in polls:
                    self.tasks.start(self._poll(poll))
                continue
            for start in range(0, len(polls), MANY_A_CALL):
                self.tasks.start(self._poll_many(name, polls[start : start + MANY_A_CALL]))
        return len(due)

    def wake_for_news(self) -> None:
        """Have written at once what fills a round, or what is the last that was asked for."""
        told = len(self.outbox.polled) + len(self.outbox.failed_polls)
        if told and told >= min(ROWS_A_ROUND, len(self.outbox.polling)):
            self._wake()

    async def _poll_many(self, name: str, polls: list[Poll]) -> None:
        """Ask about many in one call; those that it does not tell of are asked about by themselves."""
        told = {}
        try:
            if (provider := _polls_many(name)) is not None:
                async with asyncio.timeout(POLL_TIMEOUT_SECONDS):
                    told = await provider.poll_many([poll.external_id for poll in polls if not poll.cancel_asked])
        except (ProviderError, TimeoutError) as error:
            logger.info("Many could not be asked about at once: %s", error)
        except Exception:
            logger.exception("Many could not be asked about at once")
        for poll in polls:
            if poll.external_id in told:
                self.outbox.polled.append((poll, told[poll.external_id]))
            else:
                self.tasks.start(self._poll(poll))
        self.wake_for_news()

    async def _poll(self, poll: Poll) -> None:
        try:
            provider = registry.image_provider(poll.provider)
            async with asyncio.timeout(POLL_TIMEOUT_SECONDS):
                if poll.cancel_asked:
                    await provider.cancel(poll.external_id)
                progress = await provider.poll(poll.external_id)
            self.outbox.polled.append((poll, progress))
        except ProviderError as error:
            self.outbox.failed_polls.append((poll, error))
        except TimeoutError:
            self.outbox.failed_polls.append((poll, ProviderBusy("The provider did not answer in time.")))
        except Exception:
            logger.exception("Polling %s failed", poll.generation_id)
            self.outbox.failed_polls.append((poll, ProviderBusy("It could not be polled: a mistake of ours.")))
        self.wake_for_news()


def _polls_many(name: str) -> PollsMany | None:
    try:
        provider = registry.image_provider(name)
    except ProviderError:
        return None
    return provider if isinstance(provider, PollsMany) else None
