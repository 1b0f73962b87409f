"""One walk through Replicate's list for all who look for a lost request at the same time.

A process that is killed in a burst leaves up to a thousand of them, sent within the same second; each reading the list
for itself would be more calls than an account has in a minute. Nobody is given a page that was asked for before he
came: what was created until then is in it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import groupby
from typing import Any

from generation.providers.base import OutcomeUnknown
from generation.providers.replicate.search import LostRequest, own_path

# So long others are waited for before a walk begins.
GATHER_SECONDS = 0.05
MOST_PAGES = 60

Waiting = tuple[LostRequest, asyncio.Future[str | None]]


class SharedSearch:
    """For one event loop. `read_page` reads one page of the list by its path; it raises ProviderBusy."""

    def __init__(self, *, read_page: Callable[[str], Awaitable[dict[str, Any]]]) -> None:
        self._read_page = read_page
        self._waiting: list[Waiting] = []
        self._walking: asyncio.Task[None] | None = None

    async def find(self, lost: LostRequest) -> str | None:
        """The id of its prediction, or None if it never arrived. Raises OutcomeUnknown or ProviderBusy."""
        found = asyncio.get_running_loop().create_future()
        self._waiting.append((lost, found))
        if self._walking is None or self._walking.done():
            self._walking = asyncio.create_task(self._walk_while_asked())
        return await found

    async def _walk_while_asked(self) -> None:
        while self._waiting:
            await asyncio.sleep(GATHER_SECONDS)
            waiting, self._waiting = sorted(self._waiting, key=_window), []
            for _, group in groupby(waiting, key=_window):
                await self._walk(list(group))

    async def _walk(self, group: list[Waiting]) -> None:
        """Read the pages of one window until all of them are found, or to the end."""
        searching = [lost for lost, _ in group]
        page: str | None = searching[0].first_page()
        try:
            for _ in range(MOST_PAGES):
                if page is None or not searching:
                    break
                content = await self._read_page(page)
                for lost in searching:
                    lost.read(content["results"])
                searching = [lost for lost in searching if not lost.certain]
                page = own_path(content.get("next"))
        except Exception as error:
            for _, found in group:
                if not found.done():
                    found.set_exception(error)
        for lost, found in group:
            if not found.done():
                _conclude(lost, found)


def _window(waiting: Waiting) -> str:
    return waiting[0].first_page()


def _conclude(lost: LostRequest, found: asyncio.Future[str | None]) -> None:
    try:
        found.set_result(lost.conclude())
    except OutcomeUnknown as unknown:
        found.set_exception(unknown)
