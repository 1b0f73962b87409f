"""Looking for a request whose answer was lost, in Replicate's list of predictions. The adapter reads the pages.

Replicate has no idempotency key. Our own key stands in the webhook address, where the list shows it; else model, seed
and prompt tell. Inputs vanish after an hour: then nobody can tell any more, and that is said, never guessed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from generation.rules.values import OutcomeUnknown

# From a minute before sending (clocks differ) to three minutes after (our longest wait for an answer is shorter).
SEARCH_BEFORE, SEARCH_AFTER = timedelta(seconds=60), timedelta(seconds=180)
# So long others are waited for before a walk begins.
GATHER_SECONDS = 0.05
MOST_PAGES = 60


@dataclass(slots=True)
class LostRequest:
    """What is looked for, and what was found so far.

    `content` is the input as sent, `telling` the names in it that identify it (prompt and seed); without a seed all
    of it must be equal. `exclude`: ids of predictions that are known to belong to others.
    """

    key: str
    models: frozenset[str]
    version: str
    content: Mapping[str, Any]
    telling: tuple[str, ...]
    sent_at: datetime
    exclude: frozenset[str] = frozenset()
    certain: str | None = None
    _closest: tuple[float, str] | None = field(default=None)
    _unreadable: bool = False

    def first_page(self) -> str:
        """The path of the list for the time in question."""
        window = {
            "created_after": moment(self.sent_at - SEARCH_BEFORE),
            "created_before": moment(self.sent_at + SEARCH_AFTER),
        }
        return f"/v1/predictions?{urlencode(window)}"

    def read(self, entries: Iterable[dict[str, Any]]) -> None:
        """Take in one page; `certain` is set when our key is in one of them."""
        for entry in entries:
            external_id = str(entry["id"])
            if external_id in self.exclude:
                continue
            if entry.get("webhook"):
                if self._has_key(str(entry["webhook"])):
                    self.certain = external_id
                    return
                continue  # somebody else's key
            if not self._is_same_model(entry):
                continue
            given = entry.get("input")
            if entry.get("data_removed") or not isinstance(given, dict) or not given:
                self._unreadable = True
            elif self._is_same_input(given):
                distance = abs((_time(entry.get("created_at"), self.sent_at) - self.sent_at).total_seconds())
                if self._closest is None or distance < self._closest[0]:
                    self._closest = (distance, external_id)

    def recognises(self, entry: Mapping[str, Any]) -> bool:
        """Whether one prediction, shown to us whole, is the request by its content."""
        given = entry.get("input")
        return isinstance(given, dict) and self._is_same_model(entry) and self._is_same_input(given)

    def conclude(self) -> str | None:
        """The id, or None if it never arrived. Raises OutcomeUnknown where the inputs are gone."""
        if self.certain or self._closest:
            return self.certain or (self._closest[1] if self._closest else None)
        if self._unreadable:
            raise OutcomeUnknown(
                "Replicate has already removed the inputs of that time, so nobody can tell which prediction is ours.",
                kind="too_late",
            )
        return None

    def _has_key(self, webhook: str) -> bool:
        return self.key in dict(parse_qsl(urlsplit(webhook).query)).values()

    def _is_same_model(self, entry: Mapping[str, Any]) -> bool:
        return entry.get("model") in self.models or bool(self.version and entry.get("version") == self.version)

    def _is_same_input(self, given: Mapping[str, Any]) -> bool:
        names = [name for name in self.telling if name in self.content]
        if len(names) < len(self.telling) or len(names) < 2:
            names = list(self.content)
        return all(given.get(name) == self.content[name] for name in names)


def own_path(link: Any) -> str | None:
    """A link to the next page as a path: the token never follows it to another host."""
    if not isinstance(link, str) or not link:
        return None
    parts = urlsplit(link)
    return f"{parts.path}?{parts.query}"


def exact(at: datetime) -> str:
    """A time as the API reads it, to the millisecond."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(at: datetime) -> str:
    """A time as the API reads it, to the second."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _time(value: Any, otherwise: datetime) -> datetime:
    """A time of the list; one that cannot be read counts as far away."""
    try:
        at = datetime.fromisoformat(str(value))
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    except ValueError:
        return otherwise + timedelta(days=1)


Waiting = tuple[LostRequest, asyncio.Future[str | None]]


class SharedSearch:
    """One walk through Replicate's list for all who look for a lost request at the same time, in one event loop.

    A process that is killed in a burst leaves up to a thousand of them, sent within the same second; each reading the
    list for itself would be more calls than an account has in a minute. Nobody is given a page that was asked for
    before he came: what was created until then is in it.

    `read_page` reads one page of the list by its path; it raises ProviderBusy."""

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
