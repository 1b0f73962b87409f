"""Which providers are left alone for a while because they fail again and again, or ask for fewer requests."""

from collections import Counter

from generation.rules.values import ProviderBusy, ProviderError

# After this many failures in a row, none of them about the request itself, nothing is sent for a while;
# then one submission tries whether the provider works again.
FAILURES = 5
PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 10.0, 60.0
OUT_OF_ORDER = {"unavailable", "unreachable"}
THROTTLED_SECONDS = 5.0


class Circuit:
    """One a conductor, for all providers. Times are those of the loop's clock, in seconds."""

    def __init__(self) -> None:
        self._failures: Counter[str] = Counter()
        self._paused_until: dict[str, float] = {}
        self._throttled_until: dict[str, float] = {}

    def is_open(self, provider: str) -> bool:
        """Whether it fails again and again, so that one submission at a time tries it."""
        return self._failures[provider] >= FAILURES

    def may_send(self, provider: str, *, now: float) -> bool:
        """Whether a request may leave at this moment."""
        return now >= max(self._paused_until.get(provider, now), self._throttled_until.get(provider, now))

    def record_success(self, provider: str) -> None:
        """Begin to count anew: the provider took a request."""
        del self._failures[provider]

    def record_throttled(self, error: ProviderError, provider: str, *, now: float) -> float | None:
        """Hold back what was claimed with a request that met a 429; returns the seconds, None for another error."""
        if not isinstance(error, ProviderBusy) or error.kind != "throttled":
            return None
        seconds = error.retry_after or THROTTLED_SECONDS
        self._throttled_until[provider] = now + seconds
        return seconds

    def record_failure(self, error: ProviderError, provider: str, *, now: float) -> float | None:
        """Count a failure of the provider itself; returns the seconds of the pause that it begins, if any.

        Each pause is twice as long as the one before, up to a minute.
        """
        if not isinstance(error, ProviderBusy) or error.kind not in OUT_OF_ORDER:
            return None
        if now < self._paused_until.get(provider, 0.0):
            return None  # sent before the pause began
        self._failures[provider] += 1
        beyond = self._failures[provider] - FAILURES
        if beyond < 0:
            return None
        seconds = min(PAUSE_SECONDS * 2.0 ** min(beyond, 10), LONGEST_PAUSE_SECONDS)
        self._paused_until[provider] = now + seconds
        return seconds
