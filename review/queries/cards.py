"""The cards of a contact sheet: one query for a page of them, in which nothing grows with the campaign."""

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, NamedTuple

from django.db.models import CharField, Exists, OuterRef, Subquery, TextField, Value
from django.db.models.functions import Cast
from django.urls import reverse

from campaigns.database.prepared import Given, Statement
from campaigns.models import Campaign, Shot, User
from generation.models import WORKING, Generation, GenerationState
from generation.pictures.files import addresses_of, choose_width, join_widths
from generation.pictures.placeholders import average_colour
from generation.rules.gate import show_average
from review.models import Assignment, Stack
from review.queries.assigned import Assignee, read_assigned
from review.queries.sheet import (
    SIGNED,
    STATE_WORDS,
    filtered,
    own_decision,
    show_standing,
)
from review.queries.sheet_filter import ORDERS, PLAIN, SheetFilter, read_cursor, stretches, write_cursor
from review.queries.waiting import current_signature

PAGE = 60
EAGER = 8
# What a card is drawn from; prompts and parameters stay in the table.
COLUMNS = (
    "pk", "shot_id", "version", "state", "width", "height", "image_width", "image_height", "thumbhash",
    "average", "passed", "escalated", "decision", "shot__title", "shot__position", "standing__version",
    "standing__decided_by__name", "standing__decided_by__email",
)  # fmt: skip
SHOT = COLUMNS.index("shot_id")
_field: Any = Generation._meta.get_field
# Places for the values of a look.
CAMPAIGN, VIEWER = Given("campaign", Campaign._meta.pk), Given("viewer", User._meta.pk)
FREE = {
    "shot": Given("shot", Shot._meta.pk),
    "assigned": Given("assigned", User._meta.pk),
    "model": Given("model", _field("model")),
    "score_from": Given("score_from", _field("average")),
    "score_to": Given("score_to", _field("average")),
}
ORDERED = {
    "pk": Given("pk", _field("id")),
    "average": Given("average", _field("average")),
    "version": Given("version", _field("version")),
    "shot_id": Given("shot_id", Shot._meta.pk),
    "shot__position": Given("shot__position", Shot._meta.get_field("position")),
}
# Cards that a process remembers, of about a kilobyte each: the sheets that a team is at work on.
CARDS = 8192
# Campaigns whose numbering a process remembers: shots by id, as of when.
REMEMBERED = 64
_numbers: dict[int, tuple[Any, dict[int, int]]] = {}
# Stands for an id in an address that is looked up once.
PLACE = "GENERATION"


class Card(NamedTuple):
    """One frame of the sheet, ready to be drawn: texts, and what decides how it looks."""

    id: str
    url: str
    verdict_url: str
    number: int
    shot: str
    shot_id: int
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
    pile: bool
    piled: bool
    high: bool
    starts_shot: bool
    reviewable: bool
    locked: bool
    flagged: bool
    decision: str
    below: bool
    waiting: bool
    state_words: str
    eager: bool
    assigned: tuple[Assignee, ...]


@dataclass(frozen=True, slots=True)
class SheetPage:
    """A page of cards; `next` is the cursor of the following one, "" at the end."""

    cards: list[Card]
    next: str


def read_page(campaign: Campaign, wanted: SheetFilter, *, viewer: User, cursor: str) -> SheetPage:
    """The page that begins after `cursor` ("" for the first). One query, one more where the scored ones end, and one
    where somebody is asked to look.
    """
    terms = ORDERS[wanted.sort]
    values = read_cursor(cursor, terms=terms) if cursor else None
    shape, given = _shape_of(wanted)
    given |= {"campaign": campaign.pk, "viewer": viewer.pk}
    known = None
    if values is not None:
        known = tuple(value is not None for value in values)
        given |= {term.column: value for term, value in zip(terms, values, strict=True)}
    found: list[tuple[Any, ...]] = []
    for statement in _statements(shape, blind=campaign.independent_first_look, known=known, limit=PAGE + 1):
        if len(found) <= PAGE:
            found += statement.run(**given)
    shown = found[:PAGE]
    place = ""
    if len(found) > PAGE:
        last = dict(zip(COLUMNS, shown[-1], strict=False))
        place = write_cursor(tuple(last[term.column] for term in terms))
    return SheetPage(_cards(shown, campaign, wanted, first_page=values is None), place)


def _shape_of(wanted: SheetFilter) -> tuple[SheetFilter, dict[str, Any]]:
    """The filter with places for what can be anything, and what is to be put there."""
    given = {name: value for name in FREE if (value := getattr(wanted, name)) not in (None, "")}
    places: dict[str, Any] = {name: FREE[name] for name in given}
    return replace(wanted, density=PLAIN.density, queue=PLAIN.queue, **places), given


@lru_cache(maxsize=512)
def _statements(
    shape: SheetFilter, *, blind: bool, known: tuple[bool, ...] | None, limit: int
) -> tuple[Statement, ...]:
    """The query of a page, in its stretches. `known`: which values of the cursor are no nulls; None: no cursor."""
    terms = ORDERS[shape.sort]
    values = None
    if known is not None:
        values = tuple(ORDERED[term.column] if has else None for term, has in zip(terms, known, strict=True))
    campaign: Any = SimpleNamespace(pk=CAMPAIGN, independent_first_look=blind)
    viewer: Any = SimpleNamespace(pk=VIEWER)
    rows = filtered(campaign, shape, viewer=viewer)
    own: Any = own_decision(viewer) if blind else Value(None, output_field=CharField())
    more: dict[str, Any] = {
        # as it is written: a card that is known needs no reading of it
        "rendition_paths": Cast("renditions", TextField()),
        "stack": Subquery(Stack.objects.filter(pk=OuterRef("shot")).values("versions")),
        "own": own,
        "settled": Exists(current_signature()),
        "asked": Exists(Assignment.objects.filter(generation=OuterRef("pk"))),
    }
    found = []
    for condition, order in stretches(terms, values=values):
        # first the page by its index alone, then what is shown of it: no join before that looks at more rows
        page = rows.filter(condition).order_by(*order).values("pk")[:limit]
        shown = Generation.objects.filter(pk__in=page).annotate(**more).order_by(*order)
        found.append(Statement(shown.values_list(*COLUMNS, *more)))
    return tuple(found)


def _cards(rows: list[tuple[Any, ...]], campaign: Campaign, wanted: SheetFilter, *, first_page: bool) -> list[Card]:
    numbers, by_shot = read_numbers(campaign), wanted.sort == "shot"
    assigned = read_assigned([row[0] for row in rows if row[-1]])
    query = wanted.query()
    sheet = _Sheet(campaign.independent_first_look, f"?{query}" if query else "", wanted.stack)
    cards: list[Card] = []
    before: int | None = None
    for index, row in enumerate(rows):
        shot_id = row[SHOT]
        starts = by_shot and shot_id != before and (first_page or before is not None)
        people = tuple(assigned.get(row[0], ()))
        cards.append(card_of(row, numbers.get(shot_id, 0), starts, first_page and index < EAGER, people, sheet))
        before = shot_id
    return cards


class _Sheet(NamedTuple):
    """What the cards of one sheet have in common. `query` with its question mark."""

    blind: bool
    query: str
    stack: bool


@lru_cache(maxsize=CARDS)
def card_of(
    row: tuple[Any, ...],
    number: int,
    starts_shot: bool,  # an lru_cache knows arguments by their place alone
    eager: bool,
    assigned: tuple[Assignee, ...],
    sheet: _Sheet,
) -> Card:
    """The card of a row. A process remembers it by all that it is made of, so it is never an old one."""
    (
        pk, shot_id, version, state, width, height, image_width, image_height, thumbhash, average,
        passed, escalated, decision, title, _, seen_version, name, email, renditions, stack, own, settled, _,
    ) = row  # fmt: skip
    loupe, verdict = _addresses()
    hidden = sheet.blind and not own
    seen = show_standing(decision=decision, version=seen_version or 0, who=name or email or "", hidden=hidden)
    ready = state == GenerationState.READY
    addresses = addresses_of(json.loads(renditions)) if ready else []
    scored = ready and average is not None and not seen.hidden
    stack = stack or 0
    return Card(
        id=pk,
        url=loupe.replace(PLACE, pk) + sheet.query,
        verdict_url=verdict.replace(PLACE, pk),
        number=number,
        shot=title,
        shot_id=shot_id,
        version=version,
        stack=stack,
        versions=f"{stack} version{'' if stack == 1 else 's'}",
        seen=seen.seen,
        standing_words=seen.words,
        aspect=round((image_width or width) / (image_height or height), 4),
        src=choose_width(addresses, width=640),
        srcset=join_widths(addresses),
        thumbhash=thumbhash,
        colour=average_colour(thumbhash),
        score=show_average(average, passed=passed) if scored else "",
        stacked=stack > 1 and not sheet.stack,
        pile=sheet.stack,
        piled=sheet.stack and stack > 1,
        high=sheet.stack and stack > 2,
        starts_shot=starts_shot,
        reviewable=ready and not settled,
        locked=ready and settled and seen.decision != SIGNED,
        flagged=escalated and not seen.decision,
        decision=seen.decision,
        below=scored and passed is False,
        waiting=state in WORKING,
        state_words="" if ready else STATE_WORDS.get(state, "Being made"),
        eager=eager,
        assigned=assigned,
    )


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
