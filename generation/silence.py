"""Who is at work, from the pulses that every process leaves; words for people where somebody is silent."""

from datetime import timedelta

from django.db.models import CharField, Value
from django.db.models.functions import Now

from generation.models import Pulse, Throttle

# The conductor writes its pulse every second or so, beat sends one to each worker every ten.
SILENCE = timedelta(seconds=30)
PROCESSES = ("conductor", "worker-io", "worker-cpu")

_KEPT = "Everything is kept and goes on from its last step"


def silence_banner() -> str:
    """The words of the banner where a process has been silent for 30 s or a provider is left alone, "" where all are
    at work. One query.
    """
    nothing = Value("", output_field=CharField())
    pulses = Pulse.objects.filter(name__in=PROCESSES, at__gte=Now() - SILENCE).values_list("name", nothing)
    paused = Throttle.objects.filter(paused_until__gt=Now()).exclude(note="").values_list("account", "note")
    notes = dict(pulses.union(paused))
    silent = [name for name in PROCESSES if name not in notes]
    if not silent:
        return " ".join(note for _, note in sorted(notes.items()) if note)
    if len(silent) == len(PROCESSES):
        return (
            f"Nobody is rendering: the machines behind Loupe are not running. {_KEPT} once they are back. "
            "Start Loupe again with “make run”, or ask an admin."
        )
    if "conductor" in silent:
        return (
            f"Nobody is rendering: the conductor is not running, so nothing new is sent. {_KEPT}. "
            "Start it with “manage.py conduct”, or ask an admin."
        )
    if len(silent) == 2:
        return (
            f"Nobody is finishing renders: the workers, or Redis between them, do not answer. {_KEPT}. "
            "Start the workers and Redis, or ask an admin."
        )
    if "worker-cpu" in silent:
        return (
            f"Nobody is bringing pictures home: the picture worker is not running. {_KEPT}. Start it, or ask an admin."
        )
    return (
        f"Nobody is reading briefs or scoring: the worker for words is not running. {_KEPT}. Start it, or ask an admin."
    )
