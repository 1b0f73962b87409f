"""What rules, engine and providers hand to one another. Plain data and errors.

Three errors say what happens next:

- `ProviderRefused`: final for this wording (safety, invalid input): the rules of retries decide.
- `ProviderBusy`: try again later, no strike, honours `retry_after`.
- `OutcomeUnknown`: the answer was lost; ask (`find`) before anything is sent again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any


class RenderStatus(StrEnum):
    """Where a submitted render stands at the provider."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    REFUSED = "refused"  # safety
    FAILED = "failed"  # for good
    INTERRUPTED = "interrupted"  # infrastructure: may be sent again, no strike
    CANCELLED = "cancelled"
    GONE = "gone"  # the provider no longer knows it, or has removed its data


@dataclass(frozen=True, slots=True)
class Usage:
    """What a call consumed, for the ledger. Units: input_token, output_token, cache_read_token, cache_write_token.

    `requests`: the units of each request, where an answer took several; each is billed, and rounded, by itself.
    """

    provider: str
    model: str
    units: dict[str, int] = field(default_factory=dict)
    requests: tuple[Mapping[str, int], ...] = ()

    def billed(self, unit: str) -> tuple[int, ...]:
        """How much of a unit is on each bill."""
        return tuple(request[unit] for request in self.requests if unit in request) or (self.units.get(unit, 0),)


@dataclass(frozen=True, slots=True)
class DimensionScore:
    """1 to 10 with one line of reason."""

    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class UnitPrice:
    """A price in force: USD for one `unit` (image, second, megapixel, input_token ...)."""

    provider: str
    model: str
    unit: str
    amount: Decimal
    valid_from: datetime


class ProviderError(Exception):
    """A provider failed. `kind` is a short machine word, the message is for people.

    `usage`: what was consumed before it failed (a malformed answer is paid as well), for the ledger.
    """

    def __init__(self, message: str, *, kind: str = "provider_error", usage: Usage | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.usage = usage


class ProviderRefused(ProviderError):
    """Final for this request. `kind`: safety, invalid_input (names the field), no_credit, unauthorised, not_found."""


class ProviderBusy(ProviderError):
    """Later. `retry_after` in seconds, where the provider said so."""

    def __init__(self, message: str, *, kind: str = "busy", retry_after: float | None = None) -> None:
        super().__init__(message, kind=kind)
        self.retry_after = retry_after


class OutcomeUnknown(ProviderError):
    """The request may or may not have been accepted (timeout, connection cut after sending)."""


class OutputUnusable(ProviderError):
    """The output cannot be fetched or is not an image we accept.

    `kind`: gone, not_an_image, too_large, forbidden_address are final; truncated may be tried again a few times.
    """


@dataclass(frozen=True, slots=True)
class ImageInput:
    """A reference, parent or mask handed to a provider: bytes and media type (image/png, image/jpeg, image/webp)."""

    content: bytes
    media_type: str
    role: str  # "product", "style", "parent", "mask"


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """One render. Sizes in pixels. `key` is our own id of this attempt: echoed by webhooks, never sent as content."""

    key: str
    model: str
    prompt: str
    negative_prompt: str
    width: int
    height: int
    seed: int | None
    guidance: float | None = None
    steps: int | None = None
    purpose: str = "create"
    parameters: dict[str, Any] = field(default_factory=dict)
    # Masks are white where the picture shall change, whatever the model wants: the adapter inverts.
    inputs: tuple[ImageInput, ...] = ()
    webhook_url: str | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """The provider took the request."""

    external_id: str
    estimated_seconds: float


@dataclass(frozen=True, slots=True)
class RenderProgress:
    """What one look told. `metrics` feed the bill (image_count, predict_time, image_output_megapixel_count).

    `seedless`: the seed could not be handed over, so the picture cannot be repeated.
    """

    status: RenderStatus
    output_urls: tuple[str, ...] = ()
    error_kind: str = ""
    error_text: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    seed: int | None = None
    seedless: bool = False


@dataclass(frozen=True, slots=True)
class BrandGuide:
    """The brand kit as the writer and the critic see it. Colours as #rrggbb."""

    name: str = ""
    palette: tuple[str, ...] = ()
    mood: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    negatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StructuredPrompt:
    """A prompt in parts: concrete scene, light direction, 3 to 4 colours, composition; under 120 words together."""

    scene: str
    lighting: str
    palette: tuple[str, ...]
    composition: str
    aspect_ratio: str
    negatives: tuple[str, ...]
    text: str  # the whole, as sent to the model


@dataclass(frozen=True, slots=True)
class ShotIdea:
    """One proposed shot. `kind`: hero, lifestyle, detail, social, illustration, other."""

    slug: str
    title: str
    description: str
    mood: str
    kind: str
    aspect_ratio: str
    wants_text: bool = False


@dataclass(frozen=True, slots=True)
class BriefReading:
    """What a brief says: key points for people to check, and the proposed shot list (1 to 12)."""

    title: str
    key_points: tuple[str, ...]
    mood: str
    shots: tuple[ShotIdea, ...]
    sensitive: bool  # named persons, regulated goods, children, health claims: a person must pick
    usage: Usage


@dataclass(frozen=True, slots=True)
class WrittenPrompt:
    """The writer's answer with what it consumed."""

    prompt: StructuredPrompt
    usage: Usage


@dataclass(frozen=True, slots=True)
class RewrittenPrompt:
    """A softened or corrected wording."""

    text: str
    usage: Usage


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """One image to be scored against what was asked. `image` is the stored file's bytes.

    `mask`: of an edit, what was to change (white), as a PNG of the same shape.
    """

    image: bytes
    media_type: str
    title: str
    description: str
    mood: str
    prompt: str
    palette: tuple[str, ...]
    width: int
    height: int
    brand: BrandGuide | None = None
    mask: bytes | None = None


@dataclass(frozen=True, slots=True)
class CriticAnswer:
    """Scores by dimension (composition, relevance, coherence, mood_match and brand_fit where a brand is given).

    There is no average and no pass here: `generation.rules.gate` computes them.
    """

    dimensions: dict[str, DimensionScore]
    usage: Usage
    critic: str  # model or method with its version, for calibration
