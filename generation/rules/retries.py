"""What follows a low score, a refusal or a failure. Pure functions over what has been tried.

Quality: up to `max_attempts`, each naming the weakest dimension. Safety: softer words with
the same seed, twice at most; then one model with another safety profile; then a person.
Infrastructure: later with jitter, no strike. Three strikes, then a person.
"""

from dataclasses import dataclass
from enum import StrEnum

MAX_SOFTENINGS = 2
MAX_TRIES = 5
# A process that ends without a word may have been ended from outside, by a deploy or an operator: that is no fault of
# what it had in hand, so more of it is borne before a step is given up.
MAX_DEATHS = 8
# A model that breaks off so often will not finish: a person chooses another, before it is tried for ever.
MAX_INTERRUPTIONS = 5
POLL_FACTOR = 1.5
POLL_CAP_SECONDS = 8.0
BACKOFF_BASE_SECONDS = 2.0
BACKOFF_CAP_SECONDS = 60.0
DEADLINE_SECONDS = 30 * 60.0


class NextStep(StrEnum):
    """What the engine does now."""

    DONE = "done"
    DIRECT = "direct"  # one corrective instruction on the weakest dimension
    SOFTEN = "soften"  # softer words, same seed
    OTHER_MODEL = "other_model"  # another safety profile, once
    ESCALATE = "escalate"  # a person


@dataclass(frozen=True, slots=True)
class SafetyHistory:
    """What the refusals of one attempt have led to so far."""

    softenings: int
    other_models: int


def after_score(*, passed: bool, attempt: int, max_attempts: int) -> NextStep:
    """After a scored image. `attempt` counts from 1."""
    if passed:
        return NextStep.DONE
    return NextStep.DIRECT if attempt < max_attempts else NextStep.ESCALATE


def after_refusal(history: SafetyHistory) -> NextStep:
    """After a safety refusal."""
    if history.other_models:
        return NextStep.ESCALATE
    if history.softenings < MAX_SOFTENINGS:
        return NextStep.SOFTEN
    return NextStep.OTHER_MODEL


def is_given_up(*, tries: int, said: str) -> bool:
    """Whether a step that is begun for the `tries`-th time has been tried often enough. `said`: what the last try that
    failed left to read; "" where each ended with its process.
    """
    return tries > (MAX_TRIES if said else MAX_DEATHS)


def wait_before_try(*, tries: int, retry_after: float | None, jitter: float) -> float:
    """Seconds before the next infrastructure try: the provider's Retry-After, else 2·2^n capped at 60.

    `jitter` in [0, 1) spreads the workers over half of the wait (full-jitter halves collisions:
    Brooker, "Exponential Backoff And Jitter", 2015).
    """
    if retry_after is not None:
        return retry_after + jitter
    wait = min(BACKOFF_BASE_SECONDS * 2.0 ** min(tries, 10), BACKOFF_CAP_SECONDS)
    return wait / 2 + wait / 2 * jitter


def wait_before_poll(*, polls: int, estimated_seconds: float) -> float:
    """Seconds until the next poll of a render: the estimate first, then 1.5 times as long each time, cap 8 s."""
    if polls == 0:
        return estimated_seconds
    return min(max(estimated_seconds, 0.5) * POLL_FACTOR**polls, POLL_CAP_SECONDS)
