"""Looking for a request whose answer was lost, in Replicate's list of predictions. Pure: the adapter reads the pages.

Replicate has no idempotency key. Our own key stands in the webhook address, where the list shows it; else model, seed
and prompt tell. Inputs vanish after an hour: then nobody can tell any more, and that is said, never guessed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from generation.providers.base import OutcomeUnknown

# From a minute before sending (clocks differ) to three minutes after (our longest wait for an answer is shorter).
SEARCH_BEFORE, SEARCH_AFTER = timedelta(seconds=60), timedelta(seconds=180)


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
