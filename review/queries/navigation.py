"""What every page shows around its content, what waits for whom."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db.models import CharField, Count, Exists, F, IntegerField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from campaigns.database.prepared import Given, Statement
from campaigns.models import Membership, Role, User, Workspace
from generation.engine.heartbeats import banner_of, pauses, recent_pulses
from generation.models import Generation
from review.models import Decision, Notice, SignOff, Standing

# From here on the figure beside a room is "99+".
MANY = 100
# Kinds of rows.
WAITING, PULSE, PAUSE = "waiting", "pulse", "pause"
WORKSPACE = Given("workspace", Workspace._meta.pk)


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much waits for this member: notices and escalations, finals to sign."""

    inbox: int
    signoffs: int


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
    newer = Generation.objects.filter(shot=OuterRef("shot"), version__gt=OuterRef("version"))
    settled = SignOff.objects.filter(shot=OuterRef("shot"), withdrawn_at__isnull=True)
    return Generation.objects.filter(
        ~Exists(newer),
        ~Exists(settled),
        workspace_id=workspace_id,
        escalated=True,
        decision="",
        shot__removed_at__isnull=True,
        campaign__archived_at__isnull=True,
    )


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around every page: the numbers beside the rooms and the words of the banner."""

    waiting: Waiting
    banner: str


def read_around(membership: Membership) -> Around:
    """The numbers beside the rooms and the banner. One query."""
    rows = _around(signs=membership.reaches(Role.APPROVER)).run(
        workspace=membership.workspace_id, user=membership.user_id
    )
    return around_of(rows)


def around_of(rows: Iterable[tuple[Any, ...]]) -> Around:
    """The same from the rows of `around_parts`; rows of other kinds among them are left aside."""
    told = {kind: [row for row in rows if row[0] == kind] for kind in (WAITING, PULSE, PAUSE)}
    numbers = {name: number for _, name, _, number in told[WAITING]}
    notes = {name: note for _, name, note, _ in told[PULSE] + told[PAUSE]}
    waiting = Waiting(inbox=numbers["unread"] + numbers["escalated"], signoffs=numbers.get("finals", 0))
    return Around(waiting, banner_of(notes))


@lru_cache(maxsize=2)
def _around(*, signs: bool) -> Statement:
    parts = around_parts(signs=signs)
    return Statement(parts[0].union(*parts[1:], all=True))


def around_parts(*, signs: bool) -> list[Any]:
    """Querysets of (kind, name, note, number), to be put into one query. `signs`: whether the member may."""
    workspace: Any = WORKSPACE
    notices = Notice.objects.filter(workspace_id=workspace, user_id=Given("user", User._meta.pk), read_at__isnull=True)
    counted = {"unread": _count(notices), "escalated": _count(escalated_to_people(workspace))}
    if signs:
        counted["finals"] = _count(finals_to_sign(workspace), "shot")
    parts: list[Any] = [
        Workspace.objects.filter(pk=workspace).values_list(text(WAITING), text(name), text(""), number)
        for name, number in counted.items()
    ]
    parts.append(recent_pulses().values_list(text(PULSE), "name", text(""), Value(0)))
    parts.append(pauses().values_list(text(PAUSE), "account", "note", Value(0)))
    return parts


def text(words: str) -> Value:
    """Words as a column."""
    return Value(words, output_field=CharField())


def _count(rows: QuerySet[Any], column: str = "pk") -> Coalesce:
    """The number of rows as a column of another query, at most MANY: whoever has so much to do needs no figure."""
    some = rows.order_by().values("pk")[:MANY]
    counted = rows.model._default_manager.filter(pk__in=some).annotate(_all=F("workspace_id")).values("_all")
    number = counted.order_by().annotate(_n=Count(column, distinct=True)).values("_n")[:1]
    return Coalesce(Subquery(number, output_field=IntegerField()), 0)
