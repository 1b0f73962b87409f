"""What every page shows around its content, in two queries: who is at work, and what waits."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, Exists, F, IntegerField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Now

from campaigns.models import Membership, Role, Workspace
from generation.models import Generation, Pulse
from review.models import Decision, Notice, SignOff, Standing

# The conductor writes its pulse every second or so, beat sends one to each worker every ten.
SILENCE = timedelta(seconds=30)
PROCESSES = ("conductor", "worker-io", "worker-cpu")

_KEPT = "Everything is kept and goes on from its last step"


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much waits for this member: notices and escalations, finals to sign."""

    inbox: int
    signoffs: int


def silence_banner() -> str:
    """The words of the banner where a process has been silent for 30 s, "" where all are at work. One query."""
    alive = set(Pulse.objects.filter(name__in=PROCESSES, at__gte=Now() - SILENCE).values_list("name", flat=True))
    silent = [name for name in PROCESSES if name not in alive]
    if not silent:
        return ""
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


def finals_to_sign(workspace_id: int) -> QuerySet[Standing]:
    """Approved images whose shot is still wanted and has no standing signature."""
    signed = SignOff.objects.filter(shot=OuterRef("shot"), withdrawn_at__isnull=True)
    return Standing.objects.filter(
        ~Exists(signed),
        workspace_id=workspace_id,
        decision=Decision.APPROVED,
        shot__removed_at__isnull=True,
        campaign__archived_at__isnull=True,
    )


def escalated_to_people(workspace_id: int) -> QuerySet[Generation]:
    """Renders that the machines gave up, not decided on and not followed by a newer one."""
    decided = Standing.objects.filter(generation=OuterRef("pk")).exclude(decision__in=["undecided", Decision.WITHDRAWN])
    newer = Generation.objects.filter(shot=OuterRef("shot"), version__gt=OuterRef("version"))
    settled = SignOff.objects.filter(shot=OuterRef("shot"), withdrawn_at__isnull=True)
    return Generation.objects.filter(
        ~Exists(decided),
        ~Exists(newer),
        ~Exists(settled),
        workspace_id=workspace_id,
        escalated=True,
        shot__removed_at__isnull=True,
        campaign__archived_at__isnull=True,
    )


def waiting_for(membership: Membership) -> Waiting:
    """The numbers beside the rooms. One query."""
    notices = Notice.objects.filter(
        workspace_id=membership.workspace_id, user_id=membership.user_id, read_at__isnull=True
    )
    finals = _count(finals_to_sign(membership.workspace_id), "shot") if membership.reaches(Role.APPROVER) else Value(0)
    found = Workspace.objects.filter(pk=membership.workspace_id).annotate(
        unread=_count(notices), escalated=_count(escalated_to_people(membership.workspace_id)), finals=finals
    )
    unread, escalated, to_sign = found.values_list("unread", "escalated", "finals").get()
    return Waiting(inbox=unread + escalated, signoffs=to_sign)


def _count(rows: QuerySet[Any], column: str = "pk") -> Coalesce:
    """The number of rows as a column of another query."""
    counted = rows.order_by().annotate(_all=F("workspace_id")).values("_all").annotate(_n=Count(column, distinct=True))
    return Coalesce(Subquery(counted.values("_n")[:1], output_field=IntegerField()), 0)
