"""How the fake Replicate refuses and breaks: error answers word for word, input checks, spoilt downloads."""

import json
from pathlib import Path
from typing import Any

from tests.fakes import pictures
from tests.fakes.script import Rule
from tests.fakes.wire import Answer, Request, json_answer

PUBLISHED = json.loads((Path(__file__).parent / "published_inputs.json").read_text())
BY_VERSION = {entry["version"]: name for name, entry in PUBLISHED.items() if not entry["official"]}
# pinned by us, its inputs are not among the published ones
BY_VERSION["42fed1c4974146d4d2414e2be2c5277c7fcf05fcc3a73abf41610695738c1d7b"] = "nightmareai/real-esrgan"
TOP_LEVEL = {"version", "input", "webhook", "webhook_events_filter", "stream"}
THROTTLED = "Request was throttled. Your rate limit resets in ~{wait}s."
NO_CREDIT = (
    "You have insufficient credit to run this model. Go to https://replicate.com/account/billing#billing to purchase "
    "credit. Once you purchase credit, please wait a few minutes before trying again."
)


def fail(rule: Rule) -> Answer:
    """The answer of a call that a rule spoils."""
    if rule.fault in ("hang", "drop"):
        return Answer(fault=rule.fault)
    if rule.fault == "html":
        return Answer(200, pictures.HTML, {"content-type": "text/html"})
    if rule.fault == "garbage":
        return Answer(200, b'{"status": ', {"content-type": "application/json"})
    status = int(rule.fault)
    if status == 429:
        return throttled(float(rule.options.get("retry_after", 1)), header_only=bool(rule.options.get("header_only")))
    if status == 402:
        return json_answer({"title": "Insufficient credit", "detail": NO_CREDIT, "status": 402}, status=402)
    if status == 401:
        return json_answer(
            {"title": "Unauthenticated", "detail": "Invalid or expired API token.", "status": 401}, status=401
        )
    if status == 422:
        return _invalid("output_format", 'output_format must be one of the following: "jpg", "png"', "enum")
    return json_answer({"detail": rule.options.get("detail", "Something went wrong.")}, status=status)


def throttled(wait: float, *, header_only: bool = False) -> Answer:
    """As seen in public: the wait in the body, in the header and in the words."""
    whole = max(1, round(wait + 0.499))
    if header_only:
        return json_answer({"detail": "Request was throttled."}, status=429, retry_after=str(whole))
    content = {"detail": THROTTLED.format(wait=whole), "status": 429, "retry_after": whole}
    return json_answer(content, status=429, retry_after=str(whole))


def _invalid(name: str, description: str, kind: str) -> Answer:
    return json_answer(
        {
            "title": "Input validation failed",
            "detail": f"- input.{name}: {description}\n",
            "status": 422,
            "invalid_fields": [{"type": kind, "field": f"input.{name}", "description": description}],
        },
        status=422,
    )


def check_create(request: Request, body: dict[str, Any], *, model: str) -> Answer | None:
    """The provider's own checks: unknown members of the body, the version, the model's input schema."""
    extra = sorted(set(body) - (TOP_LEVEL if request.path == "/v1/predictions" else TOP_LEVEL - {"version"}))
    if extra:
        detail = "".join(f"- Additional property {name} is not allowed\n" for name in extra)
        return json_answer({"title": "Input validation failed", "detail": detail, "status": 422}, status=422)
    if request.path == "/v1/predictions" and not body.get("version"):
        return json_answer({"title": "Input validation failed", "detail": "- version is required\n"}, status=422)
    if not model:
        detail = "The specified version does not exist (or perhaps you don't have permission to use it?)"
        return json_answer({"title": "Invalid version or not permitted", "detail": detail, "status": 422}, status=422)
    if "/models/" in request.path and model in PUBLISHED and not PUBLISHED[model]["official"]:
        return json_answer({"detail": "Not found."}, status=404)
    for name, value in (body.get("input") or {}).items():
        if refused := _check_field(PUBLISHED.get(model, {}).get("inputs"), name, value):
            return refused
    return None


def _check_field(schema: dict[str, Any] | None, name: str, value: Any) -> Answer | None:
    if schema is None:
        return None
    if name not in schema:
        return _invalid(name, f"Additional property {name} is not allowed", "additional_property_not_allowed")
    rule = schema[name]
    allowed = rule.get("enum")
    if isinstance(allowed, list) and str(value) not in allowed:
        quoted = ", ".join(f'"{entry}"' for entry in allowed)
        return _invalid(name, f"{name} must be one of the following: {quoted}", "enum")
    kind = rule["type"].rstrip("?")
    if kind in ("int", "float") and (isinstance(value, bool) or not isinstance(value, int | float)):
        return _invalid(name, f"Invalid type. Expected: {kind}", "invalid_type")
    if kind == "list" and not isinstance(value, list):
        return _invalid(name, "Invalid type. Expected: array", "invalid_type")
    if "le" in rule and value > rule["le"]:
        return _invalid(name, f"Must be less than or equal to {rule['le']}", "number_lte")
    if "ge" in rule and value < rule["ge"]:
        return _invalid(name, f"Must be greater than or equal to {rule['ge']}", "number_gte")
    if "multiple_of" in rule and value % rule["multiple_of"]:
        return _invalid(name, f"Must be a multiple of {rule['multiple_of']}", "multiple_of")
    return None


def spoil(answer: Answer, rule: Rule) -> Answer:
    """The delivery as the rule wants it."""
    fault = rule.fault
    if fault in ("gone", "expired", "500"):
        return Answer({"gone": 404, "expired": 403, "500": 500}[fault], b"no", {"content-type": "text/plain"})
    if fault == "redirect":
        return Answer(302, b"", {"location": str(rule.options.get("to", ""))})
    if fault in ("truncated", "drip", "huge"):
        answer.fault = {"truncated": "truncate", "drip": "drip", "huge": "endless"}[fault]
    if fault in ("html", "svg"):
        body, kind = (pictures.HTML, "text/html") if fault == "html" else (pictures.SVG, "image/svg+xml")
        # a liar says that it is a picture
        return Answer(200, body, {"content-type": "image/png" if rule.options.get("lie") else kind})
    if fault == "bomb":
        answer.body = pictures.pixel_bomb()
    if fault == "empty":
        answer.body = b""
    return answer
