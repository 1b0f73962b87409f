"""Rows for tests, with traits in words: `GenerationFactory(ready=True, scored=7.5)`.

A finished generation has a real small picture in the storage, with renditions and ThumbHash as the mirror makes them.
"""

from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from io import BytesIO
from typing import Any

import factory
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone
from factory.django import DjangoModelFactory
from PIL import Image

from campaigns.models import BrandKit, Campaign, Membership, Role, Shot, User, Workspace
from generation.models import Generation, GenerationState, LedgerEntry, Purpose, Score
from generation.money import ledger
from generation.money.bills import Charge
from generation.pictures import images
from review.models import Decision, SignOff, Standing, Verdict
from review.services.decision_status import ensure_standing, set_standing

STUDIO = "studio/comp"
PASSWORD = "a long enough password"
DIMENSIONS = ("composition", "relevance", "coherence", "mood_match")


@lru_cache(maxsize=64)
def picture(*, width: int = 96, height: int = 64, tint: int = 0) -> bytes:
    """A small real PNG; another `tint`, other bytes."""
    image = Image.new("RGB", (width, height), (40 + tint % 180, 60, 120))
    image.paste((230, 200, 40 + tint % 200), (width // 3, height // 4, width // 3 * 2, height // 4 * 3))
    target = BytesIO()
    image.save(target, "PNG")
    return target.getvalue()


@lru_cache(maxsize=64)
def _prepared(content: bytes) -> images.Prepared:
    return images.prepare(content, max_pixels=1_000_000)


def store_picture(generation: Generation, *, content: bytes | None = None) -> Generation:
    """Give a generation its file, renditions and ThumbHash through the default storage. Not saved."""
    content = content or picture(tint=sum(generation.pk.encode()) % 60)
    prepared = _prepared(content)
    folder = f"generations/{generation.workspace_id}/{generation.campaign_id}"
    generation.image.name = _store(f"{folder}/{generation.pk}.png", content)
    generation.renditions = {
        str(width): _store(f"{folder}/{generation.pk}-{width}.webp", rendition)
        for width, rendition in prepared.renditions.items()
    }
    facts = prepared.facts
    generation.media_type, generation.sha256, generation.thumbhash = facts.media_type, facts.sha256, prepared.thumbhash
    generation.image_width, generation.image_height, generation.image_bytes = facts.width, facts.height, facts.bytes
    return generation


def _store(name: str, content: bytes) -> str:
    if default_storage.exists(name):
        default_storage.delete(name)
    stored: str = default_storage.save(name, ContentFile(content))
    return stored


class UserFactory(DjangoModelFactory):
    """A person whose password is `PASSWORD`."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda number: f"person{number}@example.com")
    name = factory.Sequence(lambda number: f"Person {number}")

    @classmethod
    def _create(cls, model_class: type[User], *args: Any, **fields: Any) -> User:
        return User.objects.create_user(**{"password": PASSWORD, **fields})


class WorkspaceFactory(DjangoModelFactory):
    """A team's house."""

    class Meta:
        model = Workspace

    name = factory.Sequence(lambda number: f"House {number}")
    slug = factory.Sequence(lambda number: f"house-{number}")


class MembershipFactory(DjangoModelFactory):
    """A reviewer, or `approver=True`, or `admin=True`."""

    class Meta:
        model = Membership

    class Params:
        approver = factory.Trait(role=Role.APPROVER)
        admin = factory.Trait(role=Role.ADMIN)

    workspace = factory.SubFactory(WorkspaceFactory)
    user = factory.SubFactory(UserFactory)
    role = Role.REVIEWER


class BrandKitFactory(DjangoModelFactory):
    """A brand with two colours."""

    class Meta:
        model = BrandKit

    workspace = factory.SubFactory(WorkspaceFactory)
    name = factory.Sequence(lambda number: f"Brand {number}")
    palette = factory.LazyFunction(lambda: ["#0b1f3a", "#e8b04b"])
    mood = factory.LazyFunction(lambda: ["calm", "precise"])


class CampaignFactory(DjangoModelFactory):
    """A planned campaign; `waiting=True` while its brief is being read, `started=True`, `paused=True`."""

    class Meta:
        model = Campaign

    class Params:
        waiting = factory.Trait(planning=Campaign.Planning.WAITING)
        started = factory.Trait(started_at=factory.LazyFunction(timezone.now))
        paused = factory.Trait(paused_at=factory.LazyFunction(timezone.now))

    workspace = factory.SubFactory(WorkspaceFactory)
    title = factory.Sequence(lambda number: f"Campaign {number}")
    ticket = factory.Sequence(lambda number: f"MKT-{1000 + number}")
    brief = "Four launch shots for the Aurora headphones."
    base_seed = 2241
    planning = Campaign.Planning.PLANNED
    created_by = factory.SubFactory(UserFactory)


class ShotFactory(DjangoModelFactory):
    """A shot with its prompt and the local studio as its model."""

    class Meta:
        model = Shot

    class Params:
        removed = factory.Trait(removed_at=factory.LazyFunction(timezone.now))
        unwritten = factory.Trait(prompt="", model="", model_reason="")

    campaign = factory.SubFactory(CampaignFactory)
    slug = factory.Sequence(lambda number: f"shot-{number}")
    title = factory.Sequence(lambda number: f"Shot {number}")
    description = "The headphones on a stone plinth."
    kind = Shot.Kind.HERO
    position = factory.Sequence(lambda number: number)
    width = 1344
    height = 768
    prompt = "Headphones on a stone plinth, light from the left, navy and amber."
    negative_prompt = "text, watermark"
    model = STUDIO
    model_reason = "The local studio draws a comp."


class GenerationFactory(DjangoModelFactory):
    """A queued render; traits `queued`, `rendering`, `fetching`, `scoring`, `ready`, `failed`, `refused`, `cancelled`.

    `scored=7.5` gives an average with a Score (passed from 7.0 on); `ready=True` stores a real picture.
    """

    class Meta:
        model = Generation
        skip_postgeneration_save = True

    class Params:
        queued = factory.Trait(state=GenerationState.QUEUED)
        rendering = factory.Trait(
            state=GenerationState.RENDERING,
            external_id=factory.Sequence(lambda number: f"external-{number}"),
            submitted_at=factory.LazyFunction(timezone.now),
        )
        fetching = factory.Trait(
            state=GenerationState.FETCHING,
            external_id=factory.Sequence(lambda number: f"external-{number}"),
            provider_url="https://provider.example/out.png",
        )
        scoring = factory.Trait(state=GenerationState.SCORING, pictured=True)
        ready = factory.Trait(
            state=GenerationState.READY,
            completed_at=factory.LazyFunction(timezone.now),
            submitted_at=factory.LazyFunction(lambda: timezone.now() - timedelta(seconds=7)),
            followed_up=True,
            pictured=True,
        )
        failed = factory.Trait(
            state=GenerationState.FAILED,
            error_kind="parked",
            error_text="Traceback (most recent call last): the disk was full",
            completed_at=factory.LazyFunction(timezone.now),
            followed_up=True,
            escalated=True,
        )
        refused = factory.Trait(
            state=GenerationState.REFUSED,
            error_kind="nsfw",
            error_text="The provider's safety filter refused this wording.",
            completed_at=factory.LazyFunction(timezone.now),
            followed_up=True,
        )
        cancelled = factory.Trait(
            state=GenerationState.CANCELLED, completed_at=factory.LazyFunction(timezone.now), followed_up=True
        )

    # not columns: taken out in `_create`
    pictured = False
    scored = None
    shot = factory.SubFactory(ShotFactory)
    campaign = factory.SelfAttribute("shot.campaign")
    workspace = factory.SelfAttribute("shot.campaign.workspace")
    purpose = Purpose.CREATE
    key = factory.Sequence(lambda number: f"test:{number}")
    ticket = factory.SelfAttribute("shot.campaign.ticket")
    version = factory.LazyAttribute(
        lambda row: (
            1
            + (
                Generation.objects.filter(shot=row.shot).order_by("-version").values_list("version", flat=True).first()
                or 0
            )
        )
    )
    provider = "local"
    model = STUDIO
    prompt = factory.SelfAttribute("shot.prompt")
    negative_prompt = factory.SelfAttribute("shot.negative_prompt")
    seed = factory.Sequence(lambda number: 1000 + number)
    width = 96
    height = 64
    estimated_seconds = 1.0

    @classmethod
    def _create(cls, model_class: type[Generation], *args: Any, **fields: Any) -> Generation:
        pictured, scored = fields.pop("pictured", False), fields.pop("scored", None)
        generation = Generation(**fields)
        if pictured:
            store_picture(generation)
        if scored is not None:
            average = Decimal(str(scored))
            generation.average, generation.weakest = average, "mood_match"
            generation.passed = average >= generation.campaign.bar
        generation.save(force_insert=True)
        if scored is not None:
            ScoreFactory(generation=generation, average=generation.average)
        return generation


class ScoreFactory(DjangoModelFactory):
    """A score whose every dimension equals the average."""

    class Meta:
        model = Score

    generation = factory.SubFactory(GenerationFactory, ready=True)
    critic = "studio/critic"
    average = Decimal("7.50")
    bar = Decimal("7.0")
    passed = factory.LazyAttribute(lambda score: score.average >= score.bar)
    weakest = "mood_match"
    reason = "Cooler than the words ask for."
    dimensions = factory.LazyAttribute(
        lambda score: {name: {"score": float(score.average), "reason": f"A reason for {name}."} for name in DIMENSIONS}
    )


def show_standing(generation: Generation, **fields: Any) -> None:
    """Bring an image's Standing, and what lists filter by, up to this."""
    ensure_standing(generation)
    set_standing(Standing.objects.all(), generation_id=generation.pk, decided_at=timezone.now(), **fields)
    generation.decision = fields["decision"]


class VerdictFactory(DjangoModelFactory):
    """A standing verdict with the image's Standing brought up to it."""

    class Meta:
        model = Verdict
        skip_postgeneration_save = True

    generation = factory.SubFactory(GenerationFactory, ready=True)
    by = factory.SubFactory(UserFactory)
    decision = Decision.APPROVED

    @factory.post_generation
    def standing_row(self: Any, create: bool, extracted: Any, **fields: Any) -> None:
        """The row that lists read."""
        if create and self.standing:
            show_standing(
                self.generation,
                decision=self.decision,
                version=self.generation.verdicts.count(),
                verdict=self,
                decided_by=self.by,
            )


class SignOffFactory(DjangoModelFactory):
    """A signature under a ready image, with its Standing as signed."""

    class Meta:
        model = SignOff
        skip_postgeneration_save = True

    generation = factory.SubFactory(GenerationFactory, ready=True, scored=8.2)
    shot = factory.SelfAttribute("generation.shot")
    workspace = factory.SelfAttribute("generation.workspace")
    by = factory.SubFactory(UserFactory)
    sha256 = factory.SelfAttribute("generation.sha256")
    alt_text = "Headphones on a stone plinth."
    disclosure = "caption"
    synthetic_performer = False
    brand_checked = True

    @factory.post_generation
    def standing_row(self: Any, create: bool, extracted: Any, **fields: Any) -> None:
        """The row that lists read."""
        if create:
            show_standing(self.generation, decision="signed", version=2, decided_by=self.by)


def book(
    campaign: Campaign,
    generation: Generation | None,
    *,
    key: str,
    model: str,
    unit: str = "image",
    quantity: Decimal = Decimal(1),
    purpose: str = "render",
) -> LedgerEntry:
    """Charge one line to Replicate, as a step of the engine does."""
    by_id = generation.requested_by_id if generation else campaign.created_by_id
    ledger.charge(
        [
            Charge(
                key=key,
                unit=unit,
                quantity=quantity,
                provider="replicate",
                model=model,
                purpose=purpose,
                workspace_id=campaign.workspace_id,
                campaign_id=campaign.pk,
                shot_id=generation.shot_id if generation else None,
                generation_id=generation.pk if generation else None,
                ticket=campaign.ticket,
                by_id=by_id,
            )
        ]
    )
    return LedgerEntry.objects.get(key=key)
