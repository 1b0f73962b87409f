"""What the pages of this room read. Each page takes a fixed number of queries."""

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, Exists, OuterRef, Q

from campaigns.models import Campaign, Reference, Shot
from generation import catalogue
from generation.forms import ShotForm, model_choices
from generation.models import Generation
from generation.pictures.files import file_url
from generation.planning.estimates import ShotEstimate, estimate_shot

CARDS = 50


@dataclass(frozen=True, slots=True)
class ModelOption:
    """One line of a card's chooser."""

    key: str
    label: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class ModelGroup:
    """The models of one provider."""

    name: str
    options: tuple[ModelOption, ...]


@dataclass(frozen=True, slots=True)
class ShotCard:
    """One editable card. `estimate` is None while no model is chosen; `started` once a render exists."""

    shot: Shot
    number: int
    form: ShotForm
    estimate: ShotEstimate | None
    groups: tuple[ModelGroup, ...]
    started: bool
    problem: str = ""

    @property
    def aspect(self) -> str:
        """Width by height, for the little frame."""
        return f"{self.shot.width / self.shot.height:.4f}"


@dataclass(frozen=True, slots=True)
class PlanProgress:
    """How far the reading is."""

    shots: int
    written: int

    @property
    def said(self) -> str:
        """In words."""
        return f"{self.written:,} of {self.shots:,}"


@dataclass(frozen=True, slots=True)
class CardsPage:
    """Up to 50 cards; `after` is the place from which the next page goes on, "" at the end."""

    cards: tuple[ShotCard, ...]
    after: str


def plan_progress(campaign: Campaign) -> PlanProgress:
    """Shots and written prompts, in one query."""
    counted = campaign.shots.filter(removed_at__isnull=True).aggregate(
        shots=Count("pk"), written=Count("pk", filter=~Q(prompt=""))
    )
    return PlanProgress(**counted)


def cards_page(campaign: Campaign, *, after: str = "") -> CardsPage:
    """One page of cards by position; a place that makes no sense is the beginning. One query for the shots,
    one for the number of those before."""
    shots = _with_started(campaign)
    before = 0
    place = _read_place(after)
    if place:
        position, pk = place
        earlier = Q(position__lt=position) | Q(position=position, pk__lte=pk)
        before = shots.filter(earlier).count()
        shots = shots.exclude(earlier)
    found = list(shots.order_by("position", "pk")[: CARDS + 1])
    page = found[:CARDS]
    cards = tuple(build_card(shot, number=before + place) for place, shot in enumerate(page, start=1))
    more = len(found) > CARDS
    return CardsPage(cards=cards, after=f"{page[-1].position}-{page[-1].pk}" if more else "")


def card_of(shot: Shot, *, form: ShotForm | None = None, problem: str = "") -> ShotCard:
    """One card by itself, with its number in the campaign."""
    number = shot.campaign.shots.filter(
        Q(position__lt=shot.position) | Q(position=shot.position, pk__lte=shot.pk), removed_at__isnull=True
    ).count()
    shot.started = Generation.objects.filter(shot=shot).exists()  # type: ignore[attr-defined]
    return build_card(shot, number=number, form=form, problem=problem)


def build_card(shot: Shot, *, number: int, form: ShotForm | None = None, problem: str = "") -> ShotCard:
    """From a shot that carries `started`; no query."""
    try:
        estimate = estimate_shot(model_key=shot.model, width=shot.width, height=shot.height) if shot.model else None
    except catalogue.UnknownModel:
        estimate = None
    return ShotCard(
        shot=shot,
        number=number,
        form=form or ShotForm(instance=shot, prefix=f"shot-{shot.pk}"),
        estimate=estimate,
        groups=model_groups(width=shot.width, height=shot.height, keep=shot.model),
        started=shot.started,  # type: ignore[attr-defined]
        problem=problem,
    )


def model_groups(*, width: int, height: int, keep: str) -> tuple[ModelGroup, ...]:
    """The chooser of a card, with what one render in this size costs."""
    return tuple(
        ModelGroup(
            name=name,
            options=tuple(
                ModelOption(
                    key=model.key,
                    label=model.label,
                    price=estimate_shot(model_key=model.key, width=width, height=height).price,
                )
                for model in models
            ),
        )
        for name, models in model_choices(keep=keep)
    )


def references_of(campaign: Campaign) -> list[tuple[Reference, str]]:
    """The pictures handed in, each with the address of its file."""
    rows = Reference.objects.filter(campaign=campaign).order_by("pk")
    return [(reference, file_url(str(reference.image.name))) for reference in rows]


def _with_started(campaign: Campaign):  # type: ignore[no-untyped-def]
    renders = Generation.objects.filter(shot=OuterRef("pk"))
    return Shot.objects.filter(campaign=campaign, removed_at__isnull=True).annotate(started=Exists(renders))


def _read_place(text: str) -> tuple[int, int] | None:
    position, _, pk = text.partition("-")
    if not (position.isdecimal() and pk.isdecimal()) or len(text) > 30:
        return None
    return int(position), int(pk)
