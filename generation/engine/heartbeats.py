"""Who is at work, from the pulses that every process leaves; words for people where somebody is silent."""

from collections.abc import Mapping
from datetime import timedelta

from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import Now

from generation.models import Pulse, Throttle

# The conductor writes its pulse every second or so, beat sends one to each worker every ten.
SILENCE = timedelta(seconds=30)
PROCESSES = ("conductor", "worker-io", "worker-cpu")

_KEPT = "Everything is kept and goes on from its last step"


def recent_pulses() -> QuerySet[Pulse]:
    """Of every process that gave a sign of life a moment ago."""
    return Pulse.objects.filter(name__in=PROCESSES, at__gte=Now() - SILENCE)


def pauses() -> QuerySet[Throttle]:
    """Providers that are left alone for a while, with what is said about it."""
    return Throttle.objects.filter(paused_until__gt=Now()).exclude(note="")


def silence_banner() -> str:
    """The words of the banner where a process has been silent for 30 s or a provider is left alone, "" where all are
    at work. One query.
    """
    pulses = recent_pulses().values_list("name", Value("", output_field=CharField()))
    return banner_of(dict(pulses.union(pauses().values_list("account", "note"))))


def banner_of(notes: Mapping[str, str]) -> str:
    """The words, from the names of `recent_pulses` and the notes of `pauses` by account."""
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
