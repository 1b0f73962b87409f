"""Claude as prompt writer and critic. Answers come in a JSON form and are checked again by us."""

import json
from base64 import b64encode
from dataclasses import replace
from typing import Any

from generation.providers.anthropic import prompts
from generation.providers.anthropic.answers import (
    BRIEF_SCHEMA,
    MOST_WORDS,
    PROMPT_SCHEMA,
    REVISION_SCHEMA,
    REWRITE_SCHEMA,
    SCORED_EDGE,
    read_brief,
    read_prompt,
    read_revision,
    read_rewrite,
    read_scores,
    score_schema,
)
from generation.providers.anthropic.client import BRIEF_TOKENS, TIMEOUT_SECONDS, Block, Claude
from generation.rules.revisions import Revision, in_order
from generation.rules.values import (
    BrandGuide,
    BriefReading,
    CriticAnswer,
    ProviderError,
    RewrittenPrompt,
    ScoreRequest,
    ShotIdea,
    Usage,
    WrittenPrompt,
)


def _material(**parts: Any) -> Block:
    """Strangers' words, fenced: JSON in which no tag can be closed."""
    content = json.dumps(parts, ensure_ascii=False, indent=1).replace("<", "\\u003c").replace(">", "\\u003e")
    return {"type": "text", "text": f"<material>\n{content}\n</material>"}


def _brand(brand: BrandGuide | None) -> dict[str, Any] | None:
    if brand is None:
        return None
    return {
        "name": brand.name,
        "palette": list(brand.palette),
        "mood": list(brand.mood),
        "rules": list(brand.rules),
        "never": list(brand.negatives),
    }


class AnthropicWriter:
    """`PromptWriter` by Claude. `base_url` None: the client's own ANTHROPIC_BASE_URL. `timeout` in seconds."""

    name = "anthropic"

    def __init__(
        self, *, api_key: str, model: str, base_url: str | None = None, timeout: float = TIMEOUT_SECONDS
    ) -> None:
        self._claude = Claude(api_key=api_key, model=model, base_url=base_url, timeout=timeout)

    @property
    def model(self) -> str:
        """The model that writes."""
        return self._claude.model

    def close(self) -> None:
        """Close the connections."""
        self._claude.close()

    def read_brief(self, *, brief: str, brand: BrandGuide | None) -> BriefReading:
        """See `PromptWriter.read_brief`."""
        reading, usage = self._claude.ask(
            system=prompts.WRITER,
            content=[{"type": "text", "text": prompts.READ_BRIEF}, _material(brief=brief, brand=_brand(brand))],
            schema=BRIEF_SCHEMA,
            read=read_brief,
            most_tokens=BRIEF_TOKENS,
        )
        return replace(reading, usage=usage)

    def write_prompt(self, *, idea: ShotIdea, campaign_mood: str, brand: BrandGuide | None) -> WrittenPrompt:
        """See `PromptWriter.write_prompt`."""
        shot = {
            "title": idea.title,
            "description": idea.description,
            "mood": idea.mood or campaign_mood,
            "campaign_mood": campaign_mood,
            "kind": idea.kind,
            "aspect_ratio": idea.aspect_ratio,
            "wants_text": idea.wants_text,
        }
        written, usage = self._claude.ask(
            system=prompts.WRITER,
            content=[{"type": "text", "text": prompts.WRITE_PROMPT}, _material(shot=shot, brand=_brand(brand))],
            schema=PROMPT_SCHEMA,
            read=lambda content: read_prompt(content, idea=idea),
        )
        return replace(written, usage=usage)

    def soften(self, *, prompt: str, refusal: str) -> RewrittenPrompt:
        """See `PromptWriter.soften`."""
        return self._rewrite(prompts.SOFTEN, prompt=prompt, refusal=refusal)

    def direct(self, *, prompt: str, weakest: str, reason: str) -> RewrittenPrompt:
        """See `PromptWriter.direct`."""
        return self._rewrite(prompts.DIRECT, prompt=prompt, weakest=weakest, reason=reason)

    def compile_revision(self, revision: Revision) -> RewrittenPrompt:
        """See `PromptWriter.compile_revision`. Claude words the instructions; places, kinds and frame are ours."""
        regions = [{"where": note.where, "kind": note.kind, "said": note.words} for note in in_order(revision.regions)]
        material = _material(prompt=revision.prompt, regions=regions, remarks=list(revision.remarks))
        rewritten, usage = self._claude.ask(
            system=prompts.WRITER,
            content=[{"type": "text", "text": prompts.REVISE}, material],
            schema=REVISION_SCHEMA,
            read=lambda content: read_revision(content, revision=revision),
        )
        return replace(rewritten, usage=usage)

    def _rewrite(self, task: str, *, prompt: str, **material: str) -> RewrittenPrompt:
        """A long prompt (a revision of many marks) may stay as long as it is."""
        most_words = max(MOST_WORDS, len(prompt.split()))
        rewritten, usage = self._claude.ask(
            system=prompts.WRITER,
            content=[{"type": "text", "text": task}, _material(prompt=prompt, **material)],
            schema=REWRITE_SCHEMA,
            read=lambda content: read_rewrite(content, most_words=most_words),
        )
        return replace(rewritten, usage=usage)


class AnthropicCritic:
    """`Critic` by Claude: the rubric in a cached system block, the picture as it is handed in (downscaled before)."""

    name = "anthropic"
    max_edge = SCORED_EDGE

    def __init__(
        self, *, api_key: str, model: str, base_url: str | None = None, timeout: float = TIMEOUT_SECONDS
    ) -> None:
        self._claude = Claude(api_key=api_key, model=model, base_url=base_url, timeout=timeout)

    @property
    def model(self) -> str:
        """The model that scores."""
        return self._claude.model

    def close(self) -> None:
        """Close the connections."""
        self._claude.close()

    def score(self, request: ScoreRequest) -> CriticAnswer:
        """See `Critic.score`. What cannot be scored, a refusal included, is ProviderError(kind="unscored")."""
        try:
            scores, usage = self._claude.ask(
                system=prompts.RUBRIC,
                content=score_content(request),
                schema=score_schema(with_brand=request.brand is not None),
                read=lambda content: read_scores(content, with_brand=request.brand is not None),
            )
        except ProviderError as error:
            if error.kind in ("malformed", "safety"):
                raise unscored(error.usage) from error
            raise
        return CriticAnswer(dimensions=scores, usage=usage, critic=self.version)

    @property
    def version(self) -> str:
        """Model and rubric, for calibration."""
        return f"{self.model}, {prompts.RUBRIC_VERSION}"

    @property
    def claude(self) -> Claude:
        """The model with its connections, for batches."""
        return self._claude


def unscored(usage: Usage | None) -> ProviderError:
    """The honest end of a scoring that gave nothing usable."""
    return ProviderError(
        "The critic gave no usable score: a person has to look at this picture.", kind="unscored", usage=usage
    )


def score_content(request: ScoreRequest) -> list[Block]:
    """The picture and what was asked for."""
    source = {"type": "base64", "media_type": request.media_type, "data": b64encode(request.image).decode()}
    picture = {"type": "image", "source": source}
    asked = {
        "title": request.title,
        "description": request.description,
        "mood": request.mood,
        "prompt": request.prompt,
        "palette": list(request.palette),
        "size": f"{request.width} x {request.height}",
    }
    return [picture, _material(asked=asked, brand=_brand(request.brand))]
