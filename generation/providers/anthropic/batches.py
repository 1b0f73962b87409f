"""Many scorings at half the price: Anthropic's message batches. An answer may take up to a day; nothing is repaired.

A batch lives at Anthropic for weeks: its id is all that is needed to read the answers again after a crash.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import anthropic

from generation.providers.anthropic import prompts
from generation.providers.anthropic.adapter import AnthropicCritic, score_content, unscored
from generation.providers.anthropic.answers import Malformed, read_json, read_scores, score_schema
from generation.providers.anthropic.client import add_units, add_usage, most_of, text_of, translate, was_never_sent
from generation.rules.values import CriticAnswer, OutcomeUnknown, ProviderBusy, ProviderError, ScoreRequest, Usage

# The provider's own limits are 100,000 requests or 256 MB; pictures of 1,024 pixels are about 150 kB each.
MOST_REQUESTS = 1_000
POLL_SECONDS = 20.0
BATCH = "batch_"

Scored = tuple[str, CriticAnswer | ProviderError]


def batch_entries(critic: AnthropicCritic, requests: Mapping[str, ScoreRequest]) -> list[dict[str, Any]]:
    """Up to MOST_REQUESTS scorings as a batch takes them, under keys of letters, digits and "_"."""
    if len(requests) > MOST_REQUESTS:
        raise ValueError(f"A batch holds at most {MOST_REQUESTS} requests.")
    return [
        {
            "custom_id": key,
            "params": critic.claude.request_body(
                system=prompts.RUBRIC,
                messages=[{"role": "user", "content": score_content(request)}],
                schema=score_schema(with_brand=request.brand is not None),
            ),
        }
        for key, request in requests.items()
    ]


def most_of_batch(critic: AnthropicCritic, entries: Sequence[Mapping[str, Any]]) -> Usage:
    """The most that a batch can consume."""
    usage = Usage(provider="anthropic", model=critic.model)
    for entry in entries:
        usage = add_units(usage, most_of(entry["params"]))
    return _at_half_price(usage)


def send_batch(critic: AnthropicCritic, entries: Sequence[Mapping[str, Any]]) -> str:
    """Hand it in, once; the batch's id. Raises OutcomeUnknown where the answer was lost: it may have been taken."""
    try:
        return str(critic.claude.client.messages.batches.create(requests=cast(Any, entries)).id)
    except anthropic.APIConnectionError as error:
        if was_never_sent(error):
            raise ProviderBusy("Claude cannot be reached just now.", kind="unreachable") from error
        raise OutcomeUnknown("The answer to a batch was lost: it may have been taken.", kind="lost") from error
    except anthropic.APIStatusError as error:
        raise translate(error) from error


def wait_for_batch(critic: AnthropicCritic, batch_id: str, *, pause: Callable[[float], None]) -> None:
    """Until it has ended; `pause` sleeps. Raises ProviderBusy where it cannot be asked."""
    while _call(lambda: critic.claude.client.messages.batches.retrieve(batch_id)).processing_status != "ended":
        pause(POLL_SECONDS)


def read_batch(critic: AnthropicCritic, batch_id: str, *, with_brand: bool) -> Iterator[Scored]:
    """Every key with its answer, or with the error that says why there is none; what was consumed is in both."""
    for entry in _call(lambda: critic.claude.client.messages.batches.results(batch_id)):
        yield entry.custom_id, _read_result(critic, entry.result, with_brand=with_brand)


def _read_result(critic: AnthropicCritic, result: Any, *, with_brand: bool) -> CriticAnswer | ProviderError:
    if result.type != "succeeded":
        return ProviderError(f"The scoring in the batch came to nothing ({result.type}).", kind="unscored")
    usage = _at_half_price(add_usage(Usage(provider="anthropic", model=critic.model), result.message))
    try:
        scores = read_scores(read_json(text_of(result.message)), with_brand=with_brand)
    except (Malformed, ProviderError):
        return unscored(usage)
    return CriticAnswer(dimensions=scores, usage=usage, critic=critic.version)


def _at_half_price(usage: Usage) -> Usage:
    """Units of their own, which the price list has at half."""

    def named(units: Mapping[str, int]) -> dict[str, int]:
        return {f"{BATCH}{unit}": count for unit, count in units.items()}

    return replace(usage, units=named(usage.units), requests=tuple(map(named, usage.requests)))


def _call(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except anthropic.APIConnectionError as error:
        raise ProviderBusy("Claude cannot be reached just now.", kind="unreachable") from error
    except anthropic.APIStatusError as error:
        raise translate(error) from error
