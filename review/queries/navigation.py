"""What every page shows around its content, what waits for whom."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from django.db.models import CharField, Count, F, IntegerField, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from campaigns.database.prepared import Given, Statement
from campaigns.models import Membership, Role, User, Workspace
from generation.engine.heartbeats import banner_of, pauses, recent_heartbeats
from review.models import Notice
from review.queries.waiting import finals_to_sign, images_to_review, renders_to_settle, tight_budgets

# From here on the figure beside a room is "99+".
MANY = 100
# Kinds of rows.
WAITING, PULSE, PAUSE = "waiting", "pulse", "pause"
WORKSPACE = Given("workspace", Workspace._meta.pk)


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much waits for this member: images to review, finals to sign, renders to settle, notices, tight budgets."""

    images: int
    finals: int
    renders: int
    notices: int
    budgets: int

    @property
    def all(self) -> int:
        """Everything that the inbox lists."""
        return self.images + self.finals + self.renders + self.notices + self.budgets


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around every page: the numbers beside the rooms and the words of the banner."""

    waiting: Waiting
    banner: str


def read_around(membership: Membership) -> Around:
    """The numbers beside the rooms and the banner. One query."""
    rows = _around(role=membership.role).run(workspace=membership.workspace_id, user=membership.user_id)
    return around_of(rows)


def around_of(rows: Iterable[tuple[Any, ...]]) -> Around:
    """The same from the rows of `around_parts`; rows of other kinds among them are left aside."""
    told = {kind: [row for row in rows if row[0] == kind] for kind in (WAITING, PULSE, PAUSE)}
    numbers = {name: number for _, name, _, number in told[WAITING]}
    notes = {name: note for _, name, note, _ in told[PULSE] + told[PAUSE]}
    waiting = Waiting(
        images=numbers["images"] + numbers["blind_images"],
        finals=numbers.get("finals", 0),
        renders=numbers["renders"],
        notices=numbers["notices"],
        budgets=numbers.get("budgets", 0),
    )
    return Around(waiting, banner_of(notes))


@lru_cache(maxsize=len(Role))
def _around(*, role: str) -> Statement:
    parts = around_parts(role=role)
    return Statement(parts[0].union(*parts[1:], all=True))


def around_parts(*, role: str) -> list[Any]:
    """Querysets of (kind, name, note, number), to be put into one query: what waits for a member of this role."""
    workspace: Any = WORKSPACE
    notices = Notice.objects.filter(workspace_id=workspace, user_id=Given("user", User._meta.pk), read_at__isnull=True)
    viewer: Any = SimpleNamespace(pk=Given("user", User._meta.pk))
    counted = {
        "notices": _count(notices),
        "images": _count(images_to_review(workspace, viewer=viewer, blind=False)),
        "blind_images": _count(images_to_review(workspace, viewer=viewer, blind=True)),
        "renders": _count(renders_to_settle(workspace)),
    }
    if Role(role).includes(Role.APPROVER):
        counted["finals"] = _count(finals_to_sign(workspace), "shot")
    if Role(role).includes(Role.ADMIN):
        counted["budgets"] = _count(tight_budgets(workspace))
    parts: list[Any] = [
        Workspace.objects.filter(pk=workspace).values_list(text(WAITING), text(name), text(""), number)
        for name, number in counted.items()
    ]
    parts.append(recent_heartbeats().values_list(text(PULSE), "name", text(""), Value(0)))
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
