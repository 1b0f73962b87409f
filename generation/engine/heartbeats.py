"""Which processes run, from the heartbeats that each records; words for people where one has stopped."""

from collections.abc import Mapping
from datetime import timedelta

from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import Now

from campaigns.database.clock import database_now
from generation.models import Heartbeat, Throttle

# The conductor records one every five seconds, each worker every ten.
SILENCE = timedelta(seconds=30)
PROCESSES = ("conductor", "worker-io", "worker-cpu")

_KEPT = "Everything is kept and goes on from its last step"


def record_heartbeat(name: str) -> None:
    """Record that a process runs."""
    if not Heartbeat.objects.filter(name=name).update(at=database_now()):
        Heartbeat.objects.update_or_create(name=name, defaults={"at": database_now()})


def recent_heartbeats() -> QuerySet[Heartbeat]:
    """Of every process that gave a sign of life a moment ago."""
    return Heartbeat.objects.filter(name__in=PROCESSES, at__gte=Now() - SILENCE)


def pauses() -> QuerySet[Throttle]:
    """Providers that are left alone for a while, with what is said about it."""
    return Throttle.objects.filter(paused_until__gt=Now()).exclude(note="")


def silence_banner() -> str:
    """The words of the banner where a process has been silent for 30 s or a provider is left alone, "" where all are
    at work. One query.
    """
    heartbeats = recent_heartbeats().values_list("name", Value("", output_field=CharField()))
    return banner_of(dict(heartbeats.union(pauses().values_list("account", "note"))))


def banner_of(notes: Mapping[str, str]) -> str:
    """The words, from the names of `recent_heartbeats` and the notes of `pauses` by account."""
    silent = [name for name in PROCESSES if name not in notes]
    if not silent:
        return " ".join(note for _, note in sorted(notes.items()) if note)
    if len(silent) == len(PROCESSES):
        return (
            f"Nothing is rendered: the conductor and the workers do not run. {_KEPT} once they are back. "
            "Start Loupe again with “make run”, or ask an admin."
        )
    if "conductor" in silent:
        return (
            f"Nothing new is sent: the conductor does not run. {_KEPT}. "
            "Start it with “manage.py conduct”, or ask an admin."
        )
    if len(silent) == 2:
        return (
            f"No worker is running, or Redis between them does not answer, so renders are not finished. {_KEPT}. "
            "Start the workers and Redis, or ask an admin."
        )
    if "worker-cpu" in silent:
        return f"Finished renders are not fetched: the picture worker does not run. {_KEPT}. Start it, or ask an admin."
    words = "Briefs are not read and pictures are not scored: the text worker does not run."
    return f"{words} {_KEPT}. Start it, or ask an admin."
