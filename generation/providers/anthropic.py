"""Claude as prompt writer and critic, through Anthropic's official client.

Answers come in a JSON form and are checked again by us; a malformed one is repaired once, then said to be so. The
client does not retry (`max_retries=0`): when to come back is decided where the work is kept. Every token is counted,
those of answers that could not be used as well (`ProviderError.usage`).
"""

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar, cast

import anthropic
from anthropic.types import Message

from generation.providers import anthropic_texts as texts
from generation.providers.anthropic_answers import (
    BRIEF_SCHEMA,
    PROMPT_SCHEMA,
    REVISION_SCHEMA,
    REWRITE_SCHEMA,
    SCORED_EDGE,
    Malformed,
    read_brief,
    read_json,
    read_prompt,
    read_revision,
    read_rewrite,
    read_scores,
    score_schema,
)
from generation.providers.base import (
    BrandGuide,
    BriefReading,
    CriticAnswer,
    ProviderBusy,
    ProviderError,
    ProviderRefused,
    Revision,
    RewrittenPrompt,
    ScoreRequest,
    ShotIdea,
    Usage,
    WrittenPrompt,
)
from generation.providers.fetching import read_retry_after
from generation.providers.revisions import in_order

T = TypeVar("T")
Block = dict[str, Any]

TIMEOUT_SECONDS = 120.0
# Thinking counts against it: an answer itself is a few hundred tokens, a brief's shot list up to three thousand.
ANSWER_TOKENS, BRIEF_TOKENS = 4_000, 12_000
REPAIR_TOKENS_FACTOR = 2
UNITS = {
    "input_token": "input_tokens",
    "output_token": "output_tokens",
    "cache_write_token": "cache_creation_input_tokens",
    "cache_read_token": "cache_read_input_tokens",
}


class Claude:
    """One model, asked for answers in a form."""

    def __init__(self, *, api_key: str, model: str, base_url: str | None, timeout: float) -> None:
        self.model = model
        self.client = anthropic.Anthropic(api_key=api_key, base_url=base_url, timeout=timeout, max_retries=0)

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    def ask(
        self,
        *,
        system: str,
        content: list[Block],
        schema: dict[str, Any],
        read: Callable[[dict[str, Any]], T],
        most_tokens: int = ANSWER_TOKENS,
    ) -> tuple[T, Usage]:
        """The answer, read, and what it consumed. Raises ProviderError(kind="malformed") after one repair attempt."""
        usage = Usage(provider="anthropic", model=self.model)
        messages: list[Block] = [{"role": "user", "content": content}]
        problem = ""
        for attempt in range(2):
            try:
                message = self._send(system, messages, schema, most_tokens * (REPAIR_TOKENS_FACTOR if attempt else 1))
                usage = add_usage(usage, message)
                return read(read_json(text_of(message))), usage
            except Malformed as malformed:
                problem = str(malformed)
            except ProviderError as error:
                error.usage = usage if usage.units else None
                raise
            messages = [*messages[:1], *_ask_again(message, problem)]
        raise ProviderError(f"Claude's answer could not be used, twice: {problem}", kind="malformed", usage=usage)

    def request_body(
        self, *, system: str, messages: list[Block], schema: dict[str, Any], most_tokens: int = ANSWER_TOKENS
    ) -> dict[str, Any]:
        """One request as the Messages API takes it, alone or in a batch."""
        return {
            "model": self.model,
            "max_tokens": min(most_tokens, 20_000),  # the client refuses more without streaming
            "system": [{"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}],
            "messages": messages,
            "output_config": {"format": {"type": "json_schema", "schema": schema}},
        }

    def _send(self, system: str, messages: list[Block], schema: dict[str, Any], most_tokens: int) -> Message:
        body = self.request_body(system=system, messages=messages, schema=schema, most_tokens=most_tokens)
        try:
            message = cast(Any, self.client.messages.create)(**body)
        except anthropic.APITimeoutError as error:
            raise ProviderBusy("Claude did not answer in time.", kind="timeout") from error
        except anthropic.APIConnectionError as error:
            raise ProviderBusy("Claude cannot be reached just now.", kind="unreachable") from error
        except anthropic.APIStatusError as error:
            raise translate(error) from error
        except anthropic.APIError as error:
            raise ProviderBusy("Claude's answer could not be read.", kind="garbled") from error
        if not isinstance(message, Message) or not isinstance(message.content, list):
            raise ProviderBusy("Claude's answer could not be read.", kind="garbled")
        return message


def text_of(message: Message) -> str:
    """The words of an answer, thinking left aside. Raises Malformed where it was cut; ProviderRefused where refused."""
    if message.stop_reason == "refusal":
        raise _refusal(message)
    if message.stop_reason in ("max_tokens", "model_context_window_exceeded"):
        raise Malformed("it was cut off before its end: be shorter.")
    return "".join(block.text for block in message.content if block.type == "text")


def _refusal(message: Message) -> ProviderRefused:
    details = getattr(message, "stop_details", None)
    said = getattr(details, "explanation", None) or "no reason given"
    return ProviderRefused(f"Claude declined to answer ({said}). A person has to look at it.", kind="safety")


def _ask_again(message: Message, problem: str) -> list[Block]:
    """The answer that could not be used, and the request to mend it."""
    answer = "".join(block.text for block in message.content if block.type == "text")
    repair = {"role": "user", "content": texts.REPAIR.format(problem=problem)}
    return [{"role": "assistant", "content": answer}, repair] if answer.strip() else [repair]


def add_usage(usage: Usage, message: Message) -> Usage:
    """What was consumed before, and by this answer."""
    units = dict(usage.units)
    for unit, name in UNITS.items():
        count = getattr(message.usage, name, None) or 0
        if count:
            units[unit] = units.get(unit, 0) + int(count)
    return replace(usage, units=units)


def translate(error: anthropic.APIStatusError) -> ProviderError:
    """What an HTTP failure means. 429, 408, 409 and everything from 500 on is later; the rest is final."""
    status, said = error.status_code, str(error.message)
    if status in (408, 409, 429) or status >= 500:
        kind = "throttled" if status == 429 else "overloaded"
        wait = read_retry_after(error.response.headers)
        return ProviderBusy(f"Claude is busy ({status}).", kind=kind, retry_after=wait)
    if status in (401, 403):
        return ProviderRefused("Anthropic does not accept the key: check ANTHROPIC_API_KEY.", kind="unauthorised")
    if status == 402 or "credit balance" in said.lower():
        return ProviderRefused("The Anthropic account has no credit left: add some and try again.", kind="no_credit")
    if status == 404:
        return ProviderRefused("Anthropic does not know this model: choose another in the settings.", kind="not_found")
    if status == 413:
        return ProviderRefused("The picture or text is too large for Claude.", kind="invalid_input")
    return ProviderRefused(f"Claude did not take the request ({status}).", kind="invalid_input")


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
            system=texts.WRITER,
            content=[{"type": "text", "text": texts.READ_BRIEF}, _material(brief=brief, brand=_brand(brand))],
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
            system=texts.WRITER,
            content=[{"type": "text", "text": texts.WRITE_PROMPT}, _material(shot=shot, brand=_brand(brand))],
            schema=PROMPT_SCHEMA,
            read=lambda content: read_prompt(content, idea=idea),
        )
        return replace(written, usage=usage)

    def soften(self, *, prompt: str, refusal: str) -> RewrittenPrompt:
        """See `PromptWriter.soften`."""
        return self._rewrite(texts.SOFTEN, prompt=prompt, refusal=refusal)

    def direct(self, *, prompt: str, weakest: str, reason: str) -> RewrittenPrompt:
        """See `PromptWriter.direct`."""
        return self._rewrite(texts.DIRECT, prompt=prompt, weakest=weakest, reason=reason)

    def compile_revision(self, revision: Revision) -> RewrittenPrompt:
        """See `PromptWriter.compile_revision`. Claude words the instructions; places, kinds and frame are ours."""
        regions = [{"where": note.where, "kind": note.kind, "said": note.words} for note in in_order(revision.regions)]
        material = _material(prompt=revision.prompt, regions=regions, remarks=list(revision.remarks))
        rewritten, usage = self._claude.ask(
            system=texts.WRITER,
            content=[{"type": "text", "text": texts.REVISE}, material],
            schema=REVISION_SCHEMA,
            read=lambda content: read_revision(content, revision=revision),
        )
        return replace(rewritten, usage=usage)

    def _rewrite(self, task: str, **material: str) -> RewrittenPrompt:
        rewritten, usage = self._claude.ask(
            system=texts.WRITER,
            content=[{"type": "text", "text": task}, _material(**material)],
            schema=REWRITE_SCHEMA,
            read=read_rewrite,
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
                system=texts.RUBRIC,
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
        return f"{self.model}, {texts.RUBRIC_VERSION}"

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
