"""What Replicate's answers mean: HTTP failures, error strings, statuses. Pure: JSON in, our dataclasses and errors out.

Sources: Replicate's OpenAPI description, its error code page, and messages seen in public issue threads (2026-11).
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from generation.providers.safe_download import read_retry_after
from generation.rules.values import (
    OutcomeUnknown,
    ProviderBusy,
    ProviderError,
    ProviderRefused,
    RenderProgress,
    RenderStatus,
)

_SAFETY = re.compile(
    r"nsfw|flagged as sensitive|\(E005\)|safety (?:filter|system)|content polic|moderat", re.IGNORECASE
)
_TOO_LARGE = re.compile(r"\bE1001\b|out of memory", re.IGNORECASE)
_INTERRUPTED = re.compile(
    r"\(E00[1-4]\)|\bE(?:1000|6716|9828)\b|interrupted|please retry|high demand|temporarily unavailable"
    r"|unexpected error handling|^prediction failed\.?$",
    re.IGNORECASE,
)
_WAIT = re.compile(r"resets in ~?(\d+(?:\.\d+)?)\s*s", re.IGNORECASE)
_SEED_IN_LOGS = re.compile(r"(?:using )?seed:?\s*(\d+)", re.IGNORECASE)

KEPT = "Nothing was paid."


def error_content(body: bytes) -> dict[str, Any]:
    """The JSON object of an error answer, {} where it is not one."""
    try:
        content = json.loads(body)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def create_failure(*, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """The error behind a failed create. 500, 502 and 504 leave open whether it was accepted: ask first."""
    content = error_content(body)
    detail = str(content.get("detail") or "")
    if status == 422:
        return _refused_input(content, detail)
    if status in (429, 503, 409):
        return busy(status=status, headers=headers, body=body)
    if status >= 500:
        return OutcomeUnknown("Replicate failed while it took the request: it may have begun.", kind="server_error")
    return _refusal(status, detail)


def _refusal(status: int, detail: str) -> ProviderRefused:
    if status in (401, 403):
        return ProviderRefused(
            f"Replicate does not accept the token. {KEPT} Check REPLICATE_API_TOKEN.", kind="unauthorised"
        )
    if status == 402:
        return ProviderRefused(
            f"The Replicate account has no credit left or met its spend limit. {KEPT} Add credit at "
            "https://replicate.com/account/billing, wait a few minutes and try again.",
            kind="no_credit",
        )
    if status == 404:
        return ProviderRefused(f"Replicate does not know this model. {KEPT} Choose another one.", kind="not_found")
    if status == 413:
        return ProviderRefused(f"A picture is too large for Replicate. {KEPT} Use a smaller one.", kind="invalid_input")
    return ProviderRefused(f"Replicate did not take the request ({status}). {detail} {KEPT}", kind="invalid_input")


def _refused_input(content: dict[str, Any], detail: str) -> ProviderRefused:
    """A 422, with the fields named to people."""
    if _SAFETY.search(detail):
        return ProviderRefused(f"Replicate's safety filter refused the wording. {KEPT}", kind="safety")
    if "version" in str(content.get("title", "")).lower():
        return ProviderRefused(
            f"Replicate does not offer this version of the model to us any more. {KEPT} Choose another one.",
            kind="not_found",
        )
    fields = content.get("invalid_fields")
    said = []
    for entry in fields if isinstance(fields, list) else []:
        if isinstance(entry, dict):
            name = str(entry.get("field", "")).removeprefix("input.")
            words = str(entry.get("description") or entry.get("type") or "not accepted")
            said.append(words if words.startswith(name) else f"{name}: {words}")
    reason = "; ".join(said) or detail.strip().lstrip("- ") or "the input was not accepted"
    return ProviderRefused(f"The model did not accept the request: {reason}. {KEPT}", kind="invalid_input")


def busy(*, status: int, headers: Mapping[str, str], body: bytes) -> ProviderBusy:
    """A "later", with the wait that Replicate named in the body, the header or the text."""
    content = error_content(body)
    if status == 429:
        return ProviderBusy(
            "Replicate asks us to slow down.", kind="throttled", retry_after=_named_wait(content, headers)
        )
    if status in (401, 403):
        return ProviderBusy("Replicate does not accept the token: check REPLICATE_API_TOKEN.", kind="unauthorised")
    return ProviderBusy(
        f"Replicate cannot answer just now ({status}).", kind="unavailable", retry_after=_named_wait(content, headers)
    )


def _named_wait(content: dict[str, Any], headers: Mapping[str, str]) -> float | None:
    named = content.get("retry_after")
    if isinstance(named, int | float) and not isinstance(named, bool) and 0 <= named <= 86_400:
        return float(named)
    waits = [read_retry_after(headers)]
    if found := _WAIT.search(str(content.get("detail", ""))):
        waits.append(float(found[1]))
    return next((wait for wait in waits if wait is not None), None)


# --- predictions ---------------------------------------------------------------------------


def read_prediction(content: dict[str, Any]) -> RenderProgress:
    """Where a prediction stands, from its JSON. Raises ProviderBusy(kind="garbled") for a status we cannot read."""
    status = content.get("status")
    metrics = _metrics(content)
    if status in ("starting", "processing"):
        return RenderProgress(RenderStatus.RUNNING, metrics=metrics)
    if status == "succeeded":
        return _read_output(content, metrics)
    if status == "failed":
        return _read_failure(str(content.get("error") or ""), metrics)
    if status in ("canceled", "aborted"):
        return _read_end(content, metrics, status)
    raise _garbled()


def _read_end(content: dict[str, Any], metrics: dict[str, float], status: str) -> RenderProgress:
    """Cancelled by us, or ended by the deadline that we set: then it may be sent again."""
    deadline = read_time(content.get("deadline"))
    ended = read_time(content.get("completed_at")) or datetime.now(UTC)
    if deadline is not None and ended >= deadline:
        return RenderProgress(
            RenderStatus.INTERRUPTED,
            error_kind="deadline",
            error_text="It did not finish in the time we gave it.",
            metrics=metrics,
        )
    kind = "aborted" if status == "aborted" else "cancelled"
    return RenderProgress(RenderStatus.CANCELLED, error_kind=kind, error_text="It was cancelled.", metrics=metrics)


def _read_output(content: dict[str, Any], metrics: dict[str, float]) -> RenderProgress:
    output = content.get("output")
    if output is None and content.get("data_removed"):
        return RenderProgress(
            RenderStatus.GONE,
            error_kind="gone",
            error_text="Replicate has deleted the picture: it keeps outputs for one hour.",
            metrics=metrics,
        )
    if output in ([], ""):
        # flagged pictures are left out of the list without a word
        return RenderProgress(
            RenderStatus.REFUSED,
            error_kind="safety",
            error_text="Every picture was withheld by the model's safety filter.",
            metrics=metrics,
        )
    links = [entry for entry in (output if isinstance(output, list) else [output]) if isinstance(entry, str) and entry]
    if not links:
        return RenderProgress(
            RenderStatus.FAILED, error_kind="no_output", error_text="The model gave no picture.", metrics=metrics
        )
    return RenderProgress(RenderStatus.SUCCEEDED, output_urls=tuple(links), metrics=metrics, seed=_seed(content))


def _read_failure(error: str, metrics: dict[str, float]) -> RenderProgress:
    """The class of an error string: safety, for good, or infrastructure (may be sent again, no strike)."""
    error = error.strip()
    if _SAFETY.search(error):
        return RenderProgress(RenderStatus.REFUSED, error_kind="safety", error_text=error, metrics=metrics)
    if _TOO_LARGE.search(error):
        text = f"The model ran out of memory. Nothing was paid. Ask for a smaller size. Its words: {error[:500]}"
        return RenderProgress(RenderStatus.FAILED, error_kind="out_of_memory", error_text=text, metrics=metrics)
    if not error or _INTERRUPTED.search(error):
        text = error or "The prediction failed without a reason."
        return RenderProgress(RenderStatus.INTERRUPTED, error_kind="infrastructure", error_text=text, metrics=metrics)
    text = f"The model failed. Nothing was paid. Change the shot or choose another model. Its words: {error[:1_500]}"
    return RenderProgress(RenderStatus.FAILED, error_kind="model_error", error_text=text, metrics=metrics)


def _metrics(content: dict[str, Any]) -> dict[str, float]:
    given = content.get("metrics")
    if not isinstance(given, dict):
        return {}
    return {
        str(name): float(value)
        for name, value in given.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _seed(content: dict[str, Any]) -> int | None:
    given = content.get("input")
    if isinstance(given, dict) and isinstance(given.get("seed"), int):
        return int(given["seed"])
    found = _SEED_IN_LOGS.search(str(content.get("logs") or ""))
    return int(found[1]) if found else None


def read_time(value: Any) -> datetime | None:
    """A time as the API writes it, with its zone; None where it cannot be read."""
    try:
        at = datetime.fromisoformat(str(value)) if value else None
        return at.replace(tzinfo=UTC) if at and at.tzinfo is None else at
    except ValueError:
        return None


def _garbled() -> ProviderBusy:
    return ProviderBusy("Replicate's answer could not be read.", kind="garbled")


def read_object(body: bytes) -> dict[str, Any]:
    """A JSON object, or ProviderBusy(kind="garbled")."""
    try:
        content = json.loads(body)
    except ValueError as error:
        raise _garbled() from error
    if not isinstance(content, dict):
        raise _garbled()
    return content
