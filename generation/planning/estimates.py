"""The preflight: what a start would cost, for any number of shots. Counted in the database by model and size."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, Exists, OuterRef, QuerySet

from campaigns.models import Campaign, Shot
from generation import catalogue
from generation.models import Generation
from generation.money import ledger
from generation.money.pricing import estimate_score_cost, estimate_words_cost, head_room_asked, megapixels_handed_in
from generation.planning.references import campaign_references
from generation.providers import registry


@dataclass(frozen=True, slots=True)
class ShotEstimate:
    """One shot before the click. Money in USD; `notice` where the model draws another size."""

    model: catalogue.CatalogueModel
    width: int
    height: int
    notice: str
    price: Decimal
    scoring: Decimal
    seconds: float
    repeatable: bool


@dataclass(frozen=True, slots=True)
class EstimateLine:
    """All shots of one model in one size."""

    model: catalogue.CatalogueModel
    width: int
    height: int
    shots: int
    price: Decimal
    notice: str
    repeatable: bool


@dataclass(frozen=True, slots=True)
class StartEstimate:
    """The panel before the click. `unwritten` shots have no prompt yet and would not start."""

    lines: tuple[EstimateLine, ...]
    shots: int
    unwritten: int
    renders: Decimal
    words_and_scores: Decimal
    total: Decimal
    asked: Decimal
    balance: ledger.Balance
    seconds: float

    @property
    def buffer(self) -> Decimal:
        """USD asked for beyond the total: the 10 % and the rounding up to a quarter dollar."""
        return self.asked - self.total

    @property
    def enough(self) -> bool:
        """Whether the head-room reaches; what costs nothing always may start."""
        return self.asked == 0 or self.balance.head_room is None or self.balance.head_room >= self.asked

    @property
    def missing(self) -> Decimal:
        """USD by which the head-room falls short."""
        if self.enough or self.balance.head_room is None:
            return Decimal(0)
        return self.asked - self.balance.head_room


def estimate_shot(*, model_key: str, width: int, height: int, references: Sequence[int] = ()) -> ShotEstimate:
    """Price, seconds and drawn size of one render; `references` are ids of the pictures that go along.

    Raises catalogue.UnknownModel.
    """
    model = registry.get_model(model_key)
    size = catalogue.snap_size(model, width, height)
    return ShotEstimate(
        model=model,
        width=size.width,
        height=size.height,
        notice=size.notice,
        price=catalogue.estimate_cost(
            model,
            size.width,
            size.height,
            input_megapixels=megapixels_handed_in(model, references=references),
        ),
        scoring=estimate_score_cost(width=size.width, height=size.height),
        seconds=model.typical_seconds,
        repeatable=model.supports_seed,
    )


def never_rendered(campaign: Campaign) -> QuerySet[Shot]:
    """Shots that are wanted and have no render yet."""
    renders = Generation.objects.filter(shot=OuterRef("pk"))
    return campaign.shots.filter(~Exists(renders), removed_at__isnull=True).order_by()


def estimate_start(campaign: Campaign, *, shots: Sequence[Shot] | None = None) -> StartEstimate:
    """Add up a start of `shots`, by default of every shot that was never rendered. Few queries however many shots."""
    waiting = never_rendered(campaign)
    if shots is not None:
        waiting = waiting.filter(pk__in=[shot.pk for shot in shots])
    groups = (
        waiting.exclude(prompt="")
        .values("model", "width", "height")
        .annotate(shots=Count("pk"))
        .order_by("model", "width", "height")
    )
    lines, renders, scores, seconds = [], Decimal(0), Decimal(0), 0.0
    references = campaign_references(campaign)
    for group in groups:
        one = estimate_shot(
            model_key=group["model"], width=group["width"], height=group["height"], references=references
        )
        number = group["shots"]
        renders += one.price * number
        scores += one.scoring * number
        seconds = max(seconds, one.seconds)
        lines.append(
            EstimateLine(
                model=one.model,
                width=one.width,
                height=one.height,
                shots=number,
                price=one.price * number,
                notice=one.notice,
                repeatable=one.repeatable,
            )
        )
    count = sum(line.shots for line in lines)
    words = estimate_words_cost(prompts=count) + scores
    return StartEstimate(
        lines=tuple(lines),
        shots=count,
        unwritten=waiting.filter(prompt="").count(),
        renders=renders,
        words_and_scores=words,
        total=renders + words,
        asked=head_room_asked(renders + words),
        balance=ledger.balance(workspace=campaign.workspace, campaign=campaign),
        seconds=seconds,
    )
