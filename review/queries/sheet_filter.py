"""What a contact sheet shows and in which order, as its address says it. Pure but for the database's query objects.

Whatever an address holds that is not understood is left out: an old bookmark shows more, never an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode

from django.db.models import F, Q
from django.db.models.expressions import OrderBy
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan

from generation.rules.gate import LABELS

SORTS = {
    "newest": "Newest first",
    "best": "Best score first",
    "worst": "Lowest score first",
    "shot": "By shot",
}
STATES = {"": "Finished", "working": "Being made", "failed": "Not made", "all": "Everything"}
DECISIONS = {
    "approved": "Approved",
    "rejected": "Rejected",
    "changes": "Changes asked",
    "signed": "Signed",
}
DENSITIES = {"small": "S", "medium": "M", "large": "L"}
# Which review queue an image is seen in, if any.
QUEUES = {"campaign": "Of the campaign", "house": "Of the whole workspace"}
FLAGS = ("unreviewed", "below", "escalated", "mine")


@dataclass(frozen=True, slots=True)
class SheetFilter:
    """One address of a contact sheet. Empty values do not filter. Scores are 1 to 10."""

    shot: int | None = None
    assigned: int | None = None
    state: str = ""
    decision: str = ""
    model: str = ""
    weakest: str = ""
    score_from: Decimal | None = None
    score_to: Decimal | None = None
    unreviewed: bool = False
    below: bool = False
    escalated: bool = False
    mine: bool = False
    sort: str = "newest"
    density: str = "medium"
    stack: bool = False
    queue: str = ""

    def query(self, **changes: Any) -> str:
        """The query string of this filter with these changes, "" for the plain sheet."""
        wanted = replace(self, **changes) if changes else self
        values: dict[str, str] = {}
        for name in self.__slots__:
            value = getattr(wanted, name)
            if value not in (None, "", False) and value != getattr(PLAIN, name):
                values[name] = "1" if value is True else str(value)
        return urlencode(values)

    @property
    def is_narrow(self) -> bool:
        """Whether anything is left out; sort, density, stacks and a queue are ways of looking and leave nothing out."""
        return bool(self.query(sort=PLAIN.sort, density=PLAIN.density, stack=False, queue=""))


PLAIN = SheetFilter()


def lasting(wanted: SheetFilter) -> SheetFilter:
    """What a saved view keeps of a filter: it is for every campaign, and for everybody's size of the frames."""
    return replace(wanted, shot=PLAIN.shot, density=PLAIN.density, queue=PLAIN.queue)


def read_filter(query: Mapping[str, str]) -> SheetFilter:
    """The filter that a query string names."""
    return SheetFilter(
        shot=_whole(query.get("shot", "")),
        assigned=_whole(query.get("assigned", "")),
        state=_one_of(query.get("state", ""), STATES),
        decision=_one_of(query.get("decision", ""), DECISIONS),
        model=query.get("model", "")[:120].replace("\x00", ""),
        weakest=_one_of(query.get("weakest", ""), LABELS),
        score_from=_score(query.get("score_from", "")),
        score_to=_score(query.get("score_to", "")),
        unreviewed=query.get("unreviewed") == "1",
        below=query.get("below") == "1",
        escalated=query.get("escalated") == "1",
        mine=query.get("mine") == "1",
        sort=_one_of(query.get("sort", ""), SORTS) or "newest",
        density=_one_of(query.get("density", ""), DENSITIES) or "medium",
        stack=query.get("stack") == "1",
        queue=_one_of(query.get("queue", ""), QUEUES),
    )


@dataclass(frozen=True, slots=True)
class Term:
    """One column of an order. Nulls stand last."""

    column: str
    descending: bool = False
    nullable: bool = False
    kind: type = int

    def order(self, *, backwards: bool) -> OrderBy:
        """The column as ORDER BY takes it."""
        nulls: dict[str, Any] = {}
        if self.nullable:
            nulls = {"nulls_first": True} if backwards else {"nulls_last": True}
        column = F(self.column)
        return column.desc(**nulls) if self.descending != backwards else column.asc(**nulls)


ORDERS: dict[str, tuple[Term, ...]] = {
    "newest": (Term("pk", descending=True, kind=str),),
    "best": (Term("average", descending=True, nullable=True, kind=Decimal), Term("pk", descending=True, kind=str)),
    "worst": (Term("average", nullable=True, kind=Decimal), Term("pk", kind=str)),
    "shot": (Term("shot__position"), Term("shot_id"), Term("version", descending=True)),
}


Stretch = tuple[Q, list[OrderBy]]


def stretches(
    terms: tuple[Term, ...], *, values: tuple[Any, ...] | None = None, backwards: bool = False
) -> list[Stretch]:
    """What comes after (or, backwards, before) the row with these values: one stretch of an index after the other.

    Without values: everything. Rows without a value in a nullable first column are a stretch of their own behind the
    others, so that no part of the database's work grows with the distance from the first row.
    """
    first, rest = terms[0], terms[1:]
    if not first.nullable:
        return [(_beyond(terms, values, backwards), _order(terms, backwards))]
    have, lack = Q(**{f"{first.column}__isnull": False}), Q(**{f"{first.column}__isnull": True})
    without_value = values is not None and values[0] is None
    found: list[Stretch] = []
    if not without_value or backwards:
        bounds = None if without_value else values
        found.append((have & _beyond(terms, bounds, backwards), _order(terms, backwards)))
    if without_value or not backwards:
        bounds = values[1:] if without_value and values else None
        found.append((lack & _beyond(rest, bounds, backwards), _order(rest, backwards)))
    return found[::-1] if backwards else found


def _order(terms: tuple[Term, ...], backwards: bool) -> list[OrderBy]:
    return [F(term.column).desc() if term.descending != backwards else F(term.column).asc() for term in terms]


def _beyond(terms: tuple[Term, ...], values: tuple[Any, ...] | None, backwards: bool) -> Q:
    """The rows of this order after these values. One bound of an index first, then the exact comparison."""
    if values is None:
        return Q()
    lookups = ["lt" if term.descending != backwards else "gt" for term in terms]
    if len(terms) > 1 and len(set(lookups)) == 1:
        compare = TupleLessThan if lookups[0] == "lt" else TupleGreaterThan
        return Q(compare(Tuple(*(F(term.column) for term in terms)), values))
    found, same = Q(pk__in=[]), Q()
    for term, lookup, value in zip(terms, lookups, values, strict=True):
        found |= same & Q(**{f"{term.column}__{lookup}": value})
        same &= Q(**{term.column: value})
    return Q(**{f"{terms[0].column}__{lookups[0]}e": values[0]}) & found if len(terms) > 1 else found


def write_cursor(values: tuple[Any, ...]) -> str:
    """The place after a row, for an address."""
    return "~".join("" if value is None else str(value) for value in values)


def read_cursor(text: str, *, terms: tuple[Term, ...]) -> tuple[Any, ...] | None:
    """The values of a place; None where the text is no place in this order."""
    parts = text.split("~")
    if len(text) > 200 or len(parts) != len(terms) or "\x00" in text:
        return None
    values: list[Any] = []
    for part, term in zip(parts, terms, strict=True):
        if not part:
            if not term.nullable:
                return None
            values.append(None)
            continue
        value = _score(part) if term.kind is Decimal else _whole(part) if term.kind is int else part
        if value is None:
            return None
        values.append(value)
    return tuple(values)


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _score(text: str) -> Decimal | None:
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        return None
    return value if value.is_finite() and 0 <= value <= 10 and len(text) < 10 else None


def _one_of(text: str, allowed: Mapping[str, str]) -> str:
    return text if text in allowed else ""
