"""The cards of a contact sheet: one query for a page of them, in which nothing grows with the campaign."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.urls import reverse

from campaigns.models import Campaign, User
from generation.files import addresses_of, choose_width, join_widths
from generation.models import Generation
from generation.placeholders import average_colour
from generation.states import UNFINISHED, GenerationState
from review.queries.sheet import (
    SIGNED,
    STATE_WORDS,
    filtered,
    own_decision,
    show_standing,
)
from review.queries.sheet_filter import ORDERS, SheetFilter, read_cursor, stretches, write_cursor

PAGE = 60
EAGER = 8
# What a card is drawn from; prompts and parameters stay in the table.
COLUMNS = (
    "pk", "shot_id", "version", "state", "width", "height", "image_width", "image_height", "renditions", "thumbhash",
    "average", "passed", "escalated", "decision", "shot__title", "shot__position", "standing__version",
    "standing__decided_by__name", "standing__decided_by__email",
)  # fmt: skip
# Campaigns whose numbering a process remembers: shots by id, as of when.
REMEMBERED = 64
_numbers: dict[int, tuple[Any, dict[int, int]]] = {}
# Stands for an id in an address that is looked up once.
PLACE = "GENERATION"


@dataclass(frozen=True, slots=True)
class Card:
    """One frame of the sheet, ready to be drawn: texts, and what decides how it looks."""

    id: str
    url: str
    verdict_url: str
    number: int
    shot: str
    version: int
    stack: int
    versions: str
    seen: int
    standing_words: str
    aspect: float
    src: str
    srcset: str
    thumbhash: str
    colour: str
    score: str
    # what decides how it looks
    stacked: bool
    starts_shot: bool
    reviewable: bool
    flagged: bool
    decision: str
    below: bool
    waiting: bool
    state_words: str
    eager: bool


@dataclass(frozen=True, slots=True)
class SheetPage:
    """A page of cards; `next` is the cursor of the following one, "" at the end."""

    cards: list[Card]
    next: str


class _Row:
    """One row of the query, by names."""

    __slots__ = (*COLUMNS, "stack", "own")

    def __init__(self, values: tuple[Any, ...]) -> None:
        self.own = None
        for name, value in zip(self.__slots__, values, strict=False):
            setattr(self, name, value)


def read_page(campaign: Campaign, wanted: SheetFilter, *, viewer: User, cursor: str) -> SheetPage:
    """The page that begins after `cursor` ("" for the first). One query, two where the scored ones end."""
    terms = ORDERS[wanted.sort]
    values = read_cursor(cursor, terms=terms) if cursor else None
    rows = _columns(filtered(campaign, wanted, viewer=viewer), campaign, viewer)
    found: list[tuple[Any, ...]] = []
    for condition, order in stretches(terms, values=values):
        if len(found) <= PAGE:
            found += rows.filter(condition).order_by(*order)[: PAGE + 1 - len(found)]
    shown = [_Row(each) for each in found[:PAGE]]
    place = write_cursor(tuple(getattr(shown[-1], term.column) for term in terms)) if len(found) > PAGE else ""
    return SheetPage(_cards(shown, campaign, wanted, first_page=values is None), place)


def _columns(rows: QuerySet[Generation], campaign: Campaign, viewer: User) -> QuerySet[Any, tuple[Any, ...]]:
    stack = Generation.objects.filter(shot=OuterRef("shot"), state=GenerationState.READY).order_by().values("shot")
    more: dict[str, Any] = {"stack": Subquery(stack.annotate(_all=Count("pk")).values("_all"))}
    if campaign.independent_first_look:
        more["own"] = own_decision(viewer)
    return rows.annotate(**more).values_list(*COLUMNS, *more)


def _cards(rows: list[Any], campaign: Campaign, wanted: SheetFilter, *, first_page: bool) -> list[Card]:
    blind, query = campaign.independent_first_look, wanted.query()
    numbers = read_numbers(campaign)
    loupe, verdict = _addresses()
    query = f"?{query}" if query else ""
    cards = []
    before: int | None = None
    for index, row in enumerate(rows):
        seen = show_standing(
            decision=row.decision,
            version=row.standing__version or 0,
            who=row.standing__decided_by__name or row.standing__decided_by__email or "",
            hidden=blind and not row.own,
        )
        ready = row.state == GenerationState.READY
        addresses = addresses_of(row.renditions) if ready else []
        scored = ready and row.average is not None and not seen.hidden
        stack = row.stack or 0
        cards.append(
            Card(
                id=row.pk,
                url=loupe.replace(PLACE, row.pk) + query,
                verdict_url=verdict.replace(PLACE, row.pk),
                number=numbers.get(row.shot_id, 0),
                shot=row.shot__title,
                version=row.version,
                versions=f"{stack} version{'' if stack == 1 else 's'}",
                stack=stack,
                seen=seen.seen,
                standing_words=seen.words,
                aspect=round((row.image_width or row.width) / (row.image_height or row.height), 4),
                src=choose_width(addresses, width=640),
                srcset=join_widths(addresses),
                thumbhash=row.thumbhash,
                colour=average_colour(row.thumbhash),
                score=f"{row.average:.1f}" if scored else "",
                stacked=stack > 1,
                starts_shot=wanted.sort == "shot" and row.shot_id != before and (first_page or before is not None),
                reviewable=ready and seen.decision != SIGNED,
                flagged=row.escalated and not seen.decision,
                decision=seen.decision,
                below=scored and row.passed is False,
                waiting=row.state in UNFINISHED,
                state_words="" if ready else STATE_WORDS.get(row.state, "Being made"),
                eager=first_page and index < EAGER,
            )
        )
        before = row.shot_id
    return cards


@lru_cache(maxsize=1)
def _addresses() -> tuple[str, str]:
    """Loupe and verdict of an image whose id takes the place of PLACE: sixty look-ups take a millisecond."""
    return reverse("loupe", kwargs={"pk": PLACE}), reverse("verdict", kwargs={"pk": PLACE})


def read_numbers(campaign: Campaign) -> dict[int, int]:
    """The number of each wanted shot, by id. A process remembers them until a shot was added or taken out.

    `campaign` comes from `review.access.campaign_for_sheet`, which tells by `shots_as_of`. No query, or one.
    """
    as_of = campaign.shots_as_of  # type: ignore[attr-defined]
    known = _numbers.get(campaign.pk)
    if known is None or known[0] != as_of:
        shots = campaign.shots.filter(removed_at__isnull=True).order_by("position", "pk").values_list("pk", flat=True)
        known = as_of, {pk: number for number, pk in enumerate(shots.iterator(), start=1)}
        while len(_numbers) >= REMEMBERED:
            _numbers.pop(next(iter(_numbers)), None)
        _numbers[campaign.pk] = known
    return known[1]
