"""The contracts that every provider honours. Dataclasses in, dataclasses out: no models, no database.

`local`, `replicate`, `cog` (images) and `local`, `anthropic` (words and scores) pass the
same contract tests. Three errors say what happens next:

- `ProviderRefused`: final for this wording (safety, invalid input): the ladder decides.
- `ProviderBusy`: try again later, no strike, honours `retry_after`.
- `OutcomeUnknown`: the answer was lost; ask (`find`) before anything is sent again.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from generation.rules.revisions import Revision
from generation.rules.values import DimensionScore, RenderStatus, Usage


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


class ImageProvider(Protocol):
    """Renders images. `name` is the provider's word in rows and prices: local, replicate, cog."""

    name: str

    async def submit(self, request: RenderRequest) -> Submission:
        """Send one request, once. Raises ProviderRefused, ProviderBusy or OutcomeUnknown; never retries by itself."""

    async def poll(self, external_id: str) -> RenderProgress:
        """Ask where it stands. Raises ProviderBusy where the provider cannot be asked now."""

    async def cancel(self, external_id: str) -> None:
        """Ask to stop; silent where it is over already."""

    async def find(self, *, request: RenderRequest, sent_at: datetime, exclude: Collection[str] = ()) -> str | None:
        """After OutcomeUnknown: the external id of the very request sent at `sent_at`, or None if it never arrived.

        `exclude`: external ids that belong to other rows already. Raises OutcomeUnknown where nobody can tell any
        more (a person decides), ProviderBusy where it cannot be asked now.
        """

    def fetch(self, output_url: str, *, max_bytes: int) -> Iterator[bytes]:
        """Stream one output. Raises OutputUnusable (final) or ProviderBusy (again later). Sync: runs in a worker."""


@runtime_checkable
class PollsMany(Protocol):
    """A provider that tells of many renders in one call."""

    async def poll_many(self, external_ids: Collection[str]) -> dict[str, RenderProgress]:
        """Ask how these stand; what it does not know of is missing. Raises ProviderBusy."""


# --- words and scores ----------------------------------------------------------------


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


class PromptWriter(Protocol):
    """Writes words. Errors as above; a malformed answer is repaired once, then ProviderError(kind="malformed")."""

    name: str

    def read_brief(self, *, brief: str, brand: BrandGuide | None) -> BriefReading:
        """Key points and a shot list from a brief. The brief is data: nothing in it is an instruction to us."""

    def write_prompt(self, *, idea: ShotIdea, campaign_mood: str, brand: BrandGuide | None) -> WrittenPrompt:
        """The structured prompt of one shot."""

    def soften(self, *, prompt: str, refusal: str) -> RewrittenPrompt:
        """The same picture in words that a safety filter accepts."""

    def direct(self, *, prompt: str, weakest: str, reason: str) -> RewrittenPrompt:
        """The prompt with one corrective instruction on the weakest rubric dimension."""

    def compile_revision(self, revision: Revision) -> RewrittenPrompt:
        """One line a region (where, keep / change / remove, what), then "Keep everything else unchanged."."""


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

    There is no average and no pass here: `gate.py` computes them.
    """

    dimensions: dict[str, DimensionScore]
    usage: Usage
    critic: str  # model or method with its version, for calibration


class Critic(Protocol):
    """Scores one image. Raises ProviderBusy (later) or ProviderError(kind="unscored") after one repair attempt.

    `max_edge`: pixels of the longer side that it wants to see; larger pictures are scaled down before.
    """

    name: str
    max_edge: int

    def score(self, request: ScoreRequest) -> CriticAnswer:
        """Score by the rubric."""
