"""An Anthropic Messages API that runs here: wire format, token counts, prompt cache, every fault on demand.

`python -m tests.fakes.anthropic_server --port 8702` serves it; set ANTHROPIC_BASE_URL to it. Control as for the fake
Replicate; GET /_calls shows every request body. A rule is `on` "message" (or "batch": a status, drop) and limited by
`prompt` (a regular expression over the words sent) and `model`. Faults: a status (400 401 402 403 404 413 429 500 529),
credit, hang, drop, html, hang_after and drop_after (answered and billed, the answer lost), refusal, max_tokens (cut in
the middle), not_json, out_of_range, missing, wrong_average, thinking, answer (content=… is sent instead). Answers
without a rule fit the schema that was sent.
"""

import asyncio
import hashlib
import itertools
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tests.fakes import pictures
from tests.fakes.script import Rule, Script
from tests.fakes.wire import Answer, Request, json_answer, serve_for_ever

# USD for a million tokens: read, written, written to the cache, read from it. The provider's own list.
PRICES = {
    "claude-haiku-5-5": ("0.10", "0.50", "0.125", "0.01"),
    "claude-sonnet-5-5": ("2", "10", "2.5", "0.10"),
}
ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
NO_CREDIT = (
    "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase "
    "credits."
)
USAGE = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


@dataclass(slots=True)
class Account:
    """Everything the fake remembers. `score` is what pictures get where no rule says otherwise."""

    latency: float = 0.0
    score: float = 8.0
    script: Script = field(default_factory=Script)
    calls: list[dict[str, Any]] = field(default_factory=list)
    cached: set[str] = field(default_factory=set)
    bill: Decimal = Decimal(0)
    statuses: Counter[str] = field(default_factory=Counter)
    batches: dict[str, str] = field(default_factory=dict)
    batch_polls: int = 1
    share: Decimal = Decimal(1)


class FakeAnthropic:
    """Answers requests over one `Account`."""

    def __init__(self) -> None:
        self.account = Account()
        self.numbers = itertools.count(1)

    def handle(self, request: Request) -> Answer:
        """The answer to one request."""
        if request.path.startswith("/_"):
            return self._control(request)
        given = request.headers.get("authorization", "") or request.headers.get("x-api-key", "")
        if not given.removeprefix("Bearer ").strip():
            return self._error(401, "x-api-key header is required")
        if request.path.startswith("/v1/messages/batches"):
            return self._batch(request)
        if request.path != "/v1/messages" or request.method != "POST":
            return self._error(404, "Not found")
        answer = self._message(request)
        self.account.statuses[str(answer.status)] += 1
        return answer

    def _control(self, request: Request) -> Answer:
        if request.path == "/_script":
            content = request.json() or {}
            self.account.script.rules += [Rule.read(entry) for entry in content.get("rules", [])]
            for name, value in content.get("settings", {}).items():
                setattr(self.account, name, value)
        elif request.path == "/_reset":
            self.account = Account()
        elif request.path == "/_calls":
            return json_answer(self.account.calls)
        report = {"calls": len(self.account.calls), "bill": str(self.account.bill)}
        return json_answer({**report, "statuses": dict(self.account.statuses)})

    def _batch(self, request: Request) -> Answer:
        """Message batches: answered when handed in, shown as running for `batch_polls` looks, at half the price."""
        account = self.account
        if request.method == "POST":
            rule = account.script.take("batch")
            if rule:
                return Answer(fault="drop") if rule.fault == "drop" else self._error(int(rule.fault), "No")
            account.share = Decimal("0.5")
            lines = []
            for entry in request.json()["requests"]:
                answer = self._message(Request("POST", "/v1/messages", {}, {}, json.dumps(entry["params"]).encode()))
                content = json.loads(answer.body)
                result = (
                    {"type": "succeeded", "message": content}
                    if answer.status == 200
                    else {"type": "errored", "error": content}
                )
                lines.append(json.dumps({"custom_id": entry["custom_id"], "result": result}))
            account.share = Decimal(1)
            name = f"msgbatch_fake{len(account.batches) + 1:04d}"
            account.batches[name] = "\n".join(reversed(lines))
            return json_answer(self._show_batch(request, name, ended=False))
        name, _, results = request.path.removeprefix("/v1/messages/batches/").partition("/")
        if name not in account.batches:
            return self._error(404, "Not found")
        if results:
            return Answer(200, account.batches[name].encode(), {"content-type": "application/x-jsonl"})
        account.batch_polls -= 1
        return json_answer(self._show_batch(request, name, ended=account.batch_polls < 0))

    def _show_batch(self, request: Request, name: str, *, ended: bool) -> dict[str, Any]:
        counts = {"processing": 0, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0}
        link = f"http://{request.headers.get('host', '')}/v1/messages/batches/{name}/results"
        return {
            "id": name,
            "type": "message_batch",
            "processing_status": "ended" if ended else "in_progress",
            "request_counts": counts,
            "created_at": "2026-11-20T10:00:00Z",
            "expires_at": "2026-11-21T10:00:00Z",
            "ended_at": None,
            "cancel_initiated_at": None,
            "archived_at": None,
            "results_url": link if ended else None,
        }

    def _message(self, request: Request) -> Answer:
        body = request.json()
        if not isinstance(body, dict) or not {"model", "max_tokens", "messages"} <= set(body):
            return self._error(400, "messages: Field required")
        if extra := {"temperature", "top_p", "top_k", "output_format"} & set(body):
            return self._error(400, f"{sorted(extra)[0]}: Extra inputs are not permitted")
        self.account.calls.append(body)
        words = _words(body)
        rule = self.account.script.take("message", prompt=words, model=str(body["model"]))
        fault = rule.fault if rule else ""
        if fault in ("hang", "drop"):
            return Answer(fault=fault)
        if fault == "html":
            return Answer(200, pictures.HTML, {"content-type": "text/html"})
        if fault == "credit":
            return self._error(400, NO_CREDIT)
        if rule and fault.isdigit():
            return self._error(int(fault), "Something is wrong", retry_after=rule.options.get("retry_after"))
        answer = self._compose(body, words, rule)
        if fault in ("hang_after", "drop_after"):
            answer.fault = fault.removesuffix("_after")
        return answer

    def _compose(self, body: dict[str, Any], words: str, rule: Rule | None) -> Answer:
        fault = rule.fault if rule else ""
        schema = (body.get("output_config") or {}).get("format", {}).get("schema")
        content = _sample(schema, words, self.account.score) if schema else "Understood."
        if rule and fault == "answer":
            content = rule.options["content"]
        text = content if isinstance(content, str) else json.dumps(_spoil(content, fault))
        stop = "end_turn"
        if fault == "not_json":
            text = "Here is what I think of the picture: it is lovely."
        if fault == "max_tokens":
            text, stop = text[: len(text) // 2], "max_tokens"
        blocks: list[dict[str, Any]] = [{"type": "text", "text": text}]
        if fault == "refusal":
            blocks, stop = [], "refusal"
        if fault == "thinking":
            blocks.insert(0, {"type": "thinking", "thinking": "The light comes from the left.", "signature": "c2ln"})
        usage = self._count(body, text)
        number = next(self.numbers)
        message = {
            "id": f"msg_fake{number:08d}",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": blocks,
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": usage,
        }
        return json_answer(message, delay=self.account.latency, request_id=f"req_fake{number:08d}")

    def _count(self, body: dict[str, Any], text: str) -> dict[str, Any]:
        """Tokens: four characters of text make one, a picture its patches; the cached part of the system apart."""
        cached, plain = 0, 0
        system = body.get("system") or []
        for block in [{"type": "text", "text": system}] if isinstance(system, str) else system:
            tokens = len(block["text"]) // 4
            if block.get("cache_control") and tokens >= 512:
                cached += tokens
            else:
                plain += tokens
        place = hashlib.sha256(json.dumps([body["model"], system]).encode()).hexdigest()
        known = place in self.account.cached
        self.account.cached.add(place)
        for message in body["messages"]:
            content = message["content"]
            for block in [{"type": "text", "text": content}] if isinstance(content, str) else content:
                plain += _picture_tokens(block) if block["type"] == "image" else len(block["text"]) // 4
        counts = (plain, max(1, len(text) // 4), 0 if known else cached, cached if known else 0)
        read, written, write, hit = (Decimal(price) for price in PRICES.get(body["model"], ("10", "50", "12.5", "1")))
        for count, price in zip(counts, (read, written, write, hit), strict=True):
            amount = count * price / 1_000_000 * self.account.share
            self.account.bill += amount.quantize(Decimal("0.000001"), rounding=ROUND_HALF_UP)
        return {**dict(zip(USAGE, counts, strict=True)), "service_tier": "standard"}

    def _error(self, status: int, message: str, *, retry_after: Any = None) -> Answer:
        content = {"type": "error", "error": {"type": ERROR_TYPES.get(status, "api_error"), "message": message}}
        headers = {} if retry_after is None else {"retry_after": str(retry_after)}
        return json_answer({**content, "request_id": "req_fake"}, status=status, **headers)


def _words(body: dict[str, Any]) -> str:
    """All text that was sent by the user."""
    parts = []
    for message in body["messages"]:
        content = message["content"]
        parts += [content] if isinstance(content, str) else [block.get("text", "") for block in content]
    return "\n".join(parts)


def _picture_tokens(block: dict[str, Any]) -> int:
    content = pictures.read_data_uri(f"data:x;base64,{block['source']['data']}")
    assert content is not None
    width, height = pictures.size_of(content)
    return -(-width // 28) * -(-height // 28)


def _sample(schema: dict[str, Any], words: str, score: float, name: str = "") -> Any:
    """A value that fits a JSON schema; words are taken from what was asked, scores from the account."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        return {key: _sample(entry, words, score, key) for key, entry in schema.get("properties", {}).items()}
    if kind == "array":
        count = {"palette": 3, "negatives": 3, "shots": 4}.get(name, 2)
        return [_sample(schema["items"], words, score, f"{name} {number + 1}") for number in range(count)]
    if kind in ("number", "integer"):
        return score
    if kind == "boolean":
        return False
    return _sentence(name, words)


def _sentence(name: str, words: str) -> str:
    """A plausible text for a field of this name."""
    titles = re.findall(r'"title": "([^"]{1,80})"', words)
    subject = titles[0] if titles else "Aurora headphones"
    fixed = {
        "scene": f"{subject} on a slate plinth",
        "lighting": "Soft key light from the left",
        "composition": "Centred, a third of the frame left empty above",
        "aspect_ratio": "16:9",
        "text": f"{subject}, calm expression, backlit golden hour, head and shoulders only",
        "reason": "Balanced and clear",
        "mood": "calm, confident",
    }
    first = name.split(" ")[0]
    series = {"palette": "warm grey {n}", "negatives": "logo {n}", "key_points": "Key point {n}", "slug": "shot-{n}"}
    if first in series:
        return series[first].format(n=name.rpartition(" ")[2] or "1")
    return fixed.get(name, f"{subject}: {name or 'text'}")


def _spoil(content: Any, fault: str) -> Any:
    if not isinstance(content, dict) or not content:
        return content
    first = next(iter(content))
    if fault == "missing":
        return {name: value for name, value in content.items() if name != first}
    if fault == "out_of_range":
        return {**content, first: {"score": 42, "reason": "x"} if isinstance(content[first], dict) else 42}
    if fault == "wrong_average":
        return {**content, "average": 10, "pass": True}
    return content


if __name__ == "__main__":
    asyncio.run(serve_for_ever(FakeAnthropic().handle))
