"""The contracts that every provider honours, in terms of `generation.rules.values`: no models, no database.

`local`, `replicate`, `cog` (images) and `local`, `anthropic` (words and scores) pass the same contract tests.
"""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Protocol, runtime_checkable

from generation.rules.revisions import Revision
from generation.rules.values import (
    BrandGuide,
    BriefReading,
    CriticAnswer,
    RenderProgress,
    RenderRequest,
    RewrittenPrompt,
    ScoreRequest,
    ShotIdea,
    Submission,
    WrittenPrompt,
)


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


class Critic(Protocol):
    """Scores one image. Raises ProviderBusy (later) or ProviderError(kind="unscored") after one repair attempt.

    `max_edge`: pixels of the longer side that it wants to see; larger pictures are scaled down before.
    """

    name: str
    max_edge: int

    def score(self, request: ScoreRequest) -> CriticAnswer:
        """Score by the rubric."""
