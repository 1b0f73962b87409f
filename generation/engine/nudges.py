"""A nudge names one step that is to be taken. It may be lost: the sweep finds the step again in the table."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Nudge:
    """One step that somebody should take: mirror, score, follow_up (a generation), plan (a campaign), delivery, or
    count (a call to a model whose process died over it)."""

    step: str
    subject: str | int
