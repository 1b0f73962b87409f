"""What the loupe reads about one image and its neighbours, in a fixed number of queries."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from campaigns.models import Campaign, User
from generation.models import OPEN, Generation, GenerationState, Score
from generation.money.ledger import cost_of
from generation.pictures.files import file_url, rendition_url
from generation.pictures.placeholders import placeholder_data_uri
from generation.rules.gate import LABELS, show_average
from review.models import Verdict
from review.queries.activity import Step, read_activity
from review.queries.assigned import Assignee, read_assigned
from review.queries.counts import Counts, read_counts
from review.queries.filmstrip import Film, read_film
from review.queries.marks import Mark, Words, read_comments, read_marks
from review.queries.sheet import (
    STATE_WORDS,
    Verdicts,
    filtered,
    loupe_address,
    model_label,
    values_of,
    verdicts_of,
)
from review.queries.sheet_filter import ORDERS, SheetFilter, Stretch, stretches

PURPOSE_WORDS = {
    "create": "First attempt",
    "retry": "Directed retry",
    "refine": "Edit",
    "inpaint": "Edit of the marked region",
    "variation": "Variation",
    "upscale": "Upscale",
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """The score as the page draws it; `dimensions` for components/score.html."""

    average: str
    bar: Decimal
    passed: bool
    dimensions: list[dict[str, Any]]
    weakest: str
    reason: str
    critic: str


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Addresses of the images around this one in the sheet's order, "" where there is none."""

    previous: str
    next: str
    unreviewed: str


@dataclass(frozen=True, slots=True)
class Picture:
    """The large picture: what to load for a look at the whole, and what for a look at the pixels."""

    src: str
    full: str
    placeholder: str
    width: int
    height: int
    aspect: float


@dataclass(frozen=True, slots=True)
class LoupePage:
    """Everything the loupe shows of one image to one person."""

    picture: Picture
    standing: Verdicts
    own: Verdict | None
    reviewable: bool
    film: Film
    judgement: Judgement | None
    assigned: list[Assignee]
    marks: list[Mark]
    comments: list[Words]
    steps: list[Step]
    neighbours: Neighbours
    counts: Counts
    model: str
    purpose: str
    cost: Decimal
    exact_cost: bool
    ended: str


def read_loupe(generation: Generation, wanted: SheetFilter, *, viewer: User) -> LoupePage:
    """The page of one image. `generation` is fetched with shot, campaign and standing."""
    campaign = generation.campaign
    cost = cost_of(generation)
    verdicts = list(Verdict.objects.filter(generation=generation).select_related("by").order_by("pk"))
    own = next((row for row in verdicts if row.standing and row.by_id == viewer.pk), None)
    generation.own_decision = own.decision if own else None  # type: ignore[attr-defined]
    standing = verdicts_of(generation, blind=campaign.independent_first_look)
    visible = [row for row in verdicts if row.by_id == viewer.pk or not standing.hidden]
    marks = read_marks(generation, viewer=viewer)
    film = read_film(generation, wanted, viewer=viewer)
    return LoupePage(
        picture=picture_of(generation),
        standing=standing,
        own=own,
        reviewable=generation.state == GenerationState.READY and film.signed is None,
        film=film,
        judgement=None if standing.hidden else _judgement(generation),
        assigned=read_assigned([generation.pk]).get(generation.pk, []),
        marks=marks,
        comments=read_comments(generation),
        steps=read_activity(generation, verdicts=visible, numbers={mark.id: mark.number for mark in marks}),
        neighbours=read_neighbours(generation, wanted, viewer=viewer),
        counts=read_counts(campaign, viewer=viewer),
        model=model_label(generation.model),
        purpose=PURPOSE_WORDS.get(generation.purpose, "Attempt"),
        cost=cost,
        exact_cost=Decimal(0) < cost < Decimal("0.01"),
        ended=_ended(generation),
    )


def _ended(generation: Generation) -> str:
    """Why no picture came of it, in words; "" where there is one or it is still being made."""
    if generation.state in OPEN or generation.state == GenerationState.READY:
        return ""
    said = STATE_WORDS[GenerationState(generation.state)]
    technical = "Traceback" in generation.error_text or generation.error_kind == "parked"
    return said if technical or not generation.error_text else f"{said}. {generation.error_text}"


def picture_of(generation: Generation) -> Picture:
    """The large picture of an image; its addresses are "" before it has arrived."""
    width = generation.image_width or generation.width
    height = generation.image_height or generation.height
    return Picture(
        src=rendition_url(generation, width=1280),
        full=file_url(generation.image.name or ""),
        placeholder=placeholder_data_uri(generation.thumbhash),
        width=width,
        height=height,
        aspect=round(width / height, 4),
    )


def _judgement(generation: Generation) -> Judgement | None:
    score = Score.objects.filter(generation=generation).order_by("-pk").first()
    if score is None:
        return None
    return Judgement(
        average=show_average(score.average, passed=score.passed),
        bar=score.bar,
        passed=score.passed,
        dimensions=[
            {
                "label": label,
                "value": score.dimensions[name]["score"],
                "reason": score.dimensions[name].get("reason", ""),
                "weakest": name == score.weakest,
            }
            for name, label in LABELS.items()
            if name in score.dimensions
        ],
        weakest=LABELS.get(score.weakest, ""),
        reason=score.reason,
        critic=score.critic,
    )


def read_neighbours(generation: Generation, wanted: SheetFilter, *, viewer: User) -> Neighbours:
    """The images before and after this one in the filtered order, and the next one that waits for a decision.

    In a review queue there are none: what comes next is handed out.
    """
    if wanted.queue:
        return Neighbours("", "", "")
    campaign: Campaign = generation.campaign
    query = wanted.query()
    unreviewed = replace(wanted, unreviewed=True, decision="")
    following = _step(campaign, unreviewed, generation, viewer) or _first(campaign, unreviewed, generation, viewer)

    def address(pk: str | None) -> str:
        return loupe_address(pk, query) if pk else ""

    return Neighbours(
        previous=address(_step(campaign, wanted, generation, viewer, backwards=True)),
        next=address(_step(campaign, wanted, generation, viewer)),
        unreviewed=address(following),
    )


def _step(
    campaign: Campaign, wanted: SheetFilter, generation: Generation, viewer: User, *, backwards: bool = False
) -> str | None:
    rows = filtered(campaign, wanted, viewer=viewer)
    return _first_of(rows, stretches(ORDERS[wanted.sort], values=values_of(generation, wanted), backwards=backwards))


def _first(campaign: Campaign, wanted: SheetFilter, generation: Generation, viewer: User) -> str | None:
    rows = filtered(campaign, wanted, viewer=viewer).exclude(pk=generation.pk)
    return _first_of(rows, stretches(ORDERS[wanted.sort]))


def _first_of(rows: QuerySet[Generation], parts: list[Stretch]) -> str | None:
    for condition, order in parts:
        pk: str | None = rows.filter(condition).order_by(*order).values_list("pk", flat=True).first()
        if pk:
            return pk
    return None
