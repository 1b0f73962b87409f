"""Claude through Anthropic's official client: one question, its answer in a form, every token counted.

A malformed answer is repaired once, then said to be so. The client does not retry (`max_retries=0`): when to come back
is decided where the work is kept. What was consumed by answers that could not be used, or that were lost, goes with
the error (`ProviderError.usage`).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar, cast

import anthropic
import httpx2
from anthropic.types import Message

from generation.providers import metering
from generation.providers.anthropic import prompts
from generation.providers.anthropic.answers import Malformed, read_json
from generation.providers.safe_download import read_retry_after
from generation.rules.values import ProviderBusy, ProviderError, ProviderRefused, Usage

T = TypeVar("T")
Block = dict[str, Any]

TIMEOUT_SECONDS = 120.0
# Thinking counts against it: an answer itself is a few hundred tokens, a brief's shot list up to three thousand.
ANSWER_TOKENS, BRIEF_TOKENS = 4_000, 12_000
REPAIR_TOKENS_FACTOR = 2
# Our pictures have 1,024 pixels a side at most; no model looks at more tokens of one than this.
MOST_PICTURE_TOKENS = 4_784
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
            tokens = most_tokens * (REPAIR_TOKENS_FACTOR if attempt else 1)
            body = self.request_body(system=system, messages=messages, schema=schema, most_tokens=tokens)
            try:
                message = self._send(body, so_far=usage)
                usage = add_usage(usage, message)
                return read(read_json(text_of(message))), usage
            except Malformed as malformed:
                problem = str(malformed)
            except ProviderError as error:
                consumed = error.usage or usage
                error.usage = consumed if consumed.units else None
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

    def _send(self, body: Block, *, so_far: Usage) -> Message:
        """One request. Where its answer is lost it may have been paid: the error carries the most that it cost."""
        at_most = add_units(so_far, most_of(body))
        metering.tell(at_most)
        try:
            message = cast(Any, self.client.messages.create)(**body)
        except anthropic.APIConnectionError as error:
            if was_never_sent(error):
                raise ProviderBusy("Claude cannot be reached just now.", kind="unreachable") from error
            timed_out = isinstance(error, anthropic.APITimeoutError)
            raise _lost("timeout" if timed_out else "lost", at_most) from error
        except anthropic.APIStatusError as error:
            raise translate(error) from error
        except anthropic.APIError as error:
            raise _lost("garbled", at_most) from error
        if not isinstance(message, Message) or not isinstance(message.content, list):
            raise _lost("garbled", at_most)
        return message


LOST = {
    "timeout": "Claude did not answer in time.",
    "lost": "Claude's answer was lost on its way.",
    "garbled": "Claude's answer could not be read.",
}


def _lost(kind: str, at_most: Usage) -> ProviderBusy:
    """To be asked again; what was asked is counted as spent."""
    error = ProviderBusy(LOST[kind], kind=kind)
    error.usage = at_most
    return error


def was_never_sent(error: anthropic.APIConnectionError) -> bool:
    """Whether no connection was made, so that nothing can have been paid."""
    return isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout)


def most_of(body: Mapping[str, Any]) -> dict[str, int]:
    """The most that a request can consume, by unit.

    Text has fewer tokens than half its bytes in any script that we know of, a picture as many as the longest that a
    model looks at; the answer is cut at `max_tokens`. A system block that may be cached is counted as written anew.
    """
    system = sum(_text_tokens(block["text"]) for block in body["system"])
    sent = _text_tokens(json.dumps(body["output_config"]))
    for message in body["messages"]:
        content = message["content"]
        for block in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            sent += MOST_PICTURE_TOKENS if block["type"] == "image" else _text_tokens(block["text"])
    return {"cache_write_token": system, "input_token": sent, "output_token": int(body["max_tokens"])}


def _text_tokens(text: str) -> int:
    return len(text.encode()) // 2 + 8


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
    repair = {"role": "user", "content": prompts.REPAIR.format(problem=problem)}
    return [{"role": "assistant", "content": answer}, repair] if answer.strip() else [repair]


def add_usage(usage: Usage, message: Message) -> Usage:
    """What was consumed before, and by this answer."""
    return add_units(usage, {unit: int(getattr(message.usage, name, None) or 0) for unit, name in UNITS.items()})


def add_units(usage: Usage, more: Mapping[str, int]) -> Usage:
    """Both together; `more` is one request."""
    units, request = dict(usage.units), {unit: count for unit, count in more.items() if count}
    for unit, count in request.items():
        units[unit] = units.get(unit, 0) + count
    return replace(usage, units=units, requests=(*usage.requests, request))


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
