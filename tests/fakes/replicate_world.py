"""What happens inside the fake Replicate: predictions, their outcome, and the bill, kept by its own price list.

Where a prediction stands is computed from the clock when somebody asks, so that thousands in flight cost nothing.
"""

import itertools
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.script import Rule, Script

# The provider's own list, not the program's: that both come to the same cent is what tests compare.
IMAGE_PRICES = {
    "black-forest-labs/flux-1.1-pro": "0.04",
    "black-forest-labs/flux-1.1-pro-ultra": "0.06",
    "black-forest-labs/flux-schnell": "0.003",
    "black-forest-labs/flux-dev": "0.025",
    "black-forest-labs/flux-fill-pro": "0.05",
    "black-forest-labs/flux-kontext-pro": "0.04",
    "ideogram-ai/ideogram-v2": "0.08",
    "ideogram-ai/ideogram-v3-turbo": "0.03",
    "recraft-ai/recraft-v3": "0.04",
}
SECOND_PRICES = {
    "philz1337x/clarity-upscaler": "0.001400",
    "nightmareai/real-esrgan": "0.000225",
}
L40S_SECOND = "0.000975"
LIST_OUTPUT = ("flux-schnell", "flux-dev", "sdxl", "playground", "clarity")
SAFETY_STRINGS = {
    "flagged": (
        "The input or output was flagged as sensitive. Please try again with different inputs. (E005) (uIJ6l3ruRD)"
    ),
    "nsfw_flux": "All generated images contained NSFW content. Try running it again with a different prompt.",
    "nsfw_sdxl": "NSFW content detected. Try running it again, or try a different prompt.",
}
FAILURE_STRINGS = {
    "E001": "An error occurred while processing your request (E001)",
    "E002": "An error occurred while processing your request (E002)",
    "E003": "Service is currently unavailable due to high demand. Please try again later. (E003)",
    "E004": "Service is temporarily unavailable. Please try again later. (E004)",
    "interrupted": "Prediction interrupted; please retry (code: PA)",
    "director": "Director: unexpected error handling prediction (E9828)",
    "prediction_failed": "Prediction failed.",
    "E1000": "An unknown error occurred (E1000)",
    "E6716": "Timeout while starting the model (E6716)",
    "E1001": "CUDA out of memory. Tried to allocate 2.00 GiB (E1001)",
    "model": "Unsupported image mode: CMYK",
}


@dataclass(slots=True)
class Settings:
    """How the fake behaves when no rule says otherwise. Seconds."""

    latency: float = 0.3
    queue_seconds: float = 0.0
    forget_after: float = 3_600.0
    per_minute: float | None = None
    burst: float = 10.0
    list_shows_webhook: bool = False
    page_size: int = 100
    token: str = ""
    webhook_secret: str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    webhook_retries: int = 4


@dataclass(slots=True)
class Prediction:
    """One prediction. `outcome` is what it will come to; times are monotonic seconds."""

    id: str
    model: str
    version: str
    input: dict[str, Any]
    webhook: str
    events: list[str]
    began: float
    created_at: datetime
    latency: float
    queue_seconds: float
    deadline: float | None
    outcome: Rule | None
    cancelled: float | None = None
    output: bytes | None = None

    @property
    def key(self) -> str:
        """The caller's own id, from the webhook's address."""
        query = dict(parse_qsl(urlsplit(self.webhook).query))
        return query.get("attempt") or query.get("key", "")


@dataclass(slots=True)
class World:
    """Everything the fake remembers."""

    settings: Settings = field(default_factory=Settings)
    script: Script = field(default_factory=Script)
    predictions: dict[str, Prediction] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    webhooks_sent: int = 0
    webhooks_accepted: int = 0
    allowance: float = 0.0
    allowance_at: float = field(default_factory=time.monotonic)
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    # --- creating --------------------------------------------------------------------

    def throttle(self) -> float:
        """Seconds to wait before the next create is allowed; 0 takes one from the allowance."""
        rate = self.settings.per_minute
        if rate is None:
            return 0.0
        now = time.monotonic()
        grown = self.allowance + (now - self.allowance_at) * rate / 60
        self.allowance, self.allowance_at = min(self.settings.burst, grown), now
        if self.allowance >= 1:
            self.allowance -= 1
            return 0.0
        return (1 - self.allowance) * 60 / rate

    def create(self, *, model: str, version: str, body: dict[str, Any], deadline: float | None) -> Prediction:
        """Begin a prediction: from here on it costs."""
        content = body.get("input") or {}
        number = next(self.numbers)
        outcome = self.script.take("outcome", prompt=str(content.get("prompt", "")), model=model)
        latency = float(outcome.options.get("latency", self.settings.latency)) if outcome else self.settings.latency
        prediction = Prediction(
            id=f"fake{number:022d}",
            model=model,
            version=version,
            input=content,
            webhook=str(body.get("webhook") or ""),
            events=list(body.get("webhook_events_filter") or ["start", "completed"]),
            began=time.monotonic(),
            created_at=datetime.now(UTC),
            latency=latency,
            queue_seconds=self.settings.queue_seconds,
            deadline=deadline,
            outcome=outcome,
        )
        self.predictions[prediction.id] = prediction
        return prediction

    # --- asking ----------------------------------------------------------------------

    def status(self, prediction: Prediction) -> str:
        """Where it stands now."""
        age = time.monotonic() - prediction.began
        ended = prediction.cancelled
        if prediction.deadline is not None and (ended is None or prediction.deadline < ended):
            ended = prediction.deadline
        done = prediction.queue_seconds + prediction.latency
        fault = prediction.outcome.fault if prediction.outcome else ""
        if fault == "stuck":
            done = float("inf")
        if ended is not None and age >= ended and ended < done:
            return "aborted" if ended < prediction.queue_seconds else "canceled"
        if age < prediction.queue_seconds:
            return "starting"
        if age < done:
            return "processing"
        if fault in ("aborted", "canceled"):
            return fault
        return "failed" if fault in ("safety", "failed") else "succeeded"

    def is_forgotten(self, prediction: Prediction) -> bool:
        """Whether input and output are deleted by now."""
        fault = prediction.outcome.fault if prediction.outcome else ""
        done = prediction.queue_seconds + prediction.latency
        return time.monotonic() - prediction.began > done + (0 if fault == "removed" else self.settings.forget_after)

    def metrics(self, prediction: Prediction, status: str) -> dict[str, float]:
        """As the provider tells them once it has ended."""
        if status == "aborted":
            return {}
        ran = prediction.latency
        if status == "canceled" and not (prediction.outcome and prediction.outcome.fault == "canceled"):
            ended = [time for time in (prediction.cancelled, prediction.deadline) if time is not None]
            ran = max(0.0, min(ended) - prediction.queue_seconds) if ended else prediction.latency
        metrics = {"predict_time": round(ran, 9), "total_time": round(ran + prediction.queue_seconds, 9)}
        if status == "succeeded" and prediction.version == "hidden":
            metrics |= {"image_count": 1, "image_output_count": 1}
        return metrics

    # --- the bill --------------------------------------------------------------------

    def cost(self, prediction: Prediction) -> Decimal:
        """USD for one prediction as it stands now, six places."""
        status = self.status(prediction)
        metrics = self.metrics(prediction, status) if status in ("succeeded", "canceled") else {}
        fault = prediction.outcome.fault if prediction.outcome else ""
        if prediction.version == "hidden":
            paid = status == "succeeded" and fault != "empty"
            amount = Decimal(IMAGE_PRICES.get(prediction.model, "0.05")) if paid else Decimal(0)
        elif status in ("succeeded", "canceled") and fault != "empty":
            second = Decimal(SECOND_PRICES.get(prediction.model, L40S_SECOND))
            amount = second * Decimal(str(metrics.get("predict_time", 0)))
        else:
            amount = Decimal(0)
        return amount.quantize(Decimal("0.000001"), rounding=ROUND_HALF_UP)

    def report(self) -> dict[str, Any]:
        """What tests assert on: calls, creates, doubles, running, the bill; its own processor time in seconds."""
        statuses = Counter(self.status(prediction) for prediction in self.predictions.values())
        keys = Counter(prediction.key for prediction in self.predictions.values() if prediction.key)
        same = Counter(
            (prediction.model, str(prediction.input.get("seed")), str(prediction.input.get("prompt")))
            for prediction in self.predictions.values()
        )
        return {
            "creates": len(self.predictions),
            "calls": dict(self.calls),
            "statuses": dict(statuses),
            "bill": str(sum(map(self.cost, self.predictions.values()), Decimal(0))),
            "doubled_keys": sorted(key for key, count in keys.items() if count > 1),
            "doubled_inputs": sum(count - 1 for count in same.values()),
            "webhooks_sent": self.webhooks_sent,
            "webhooks_accepted": self.webhooks_accepted,
            "processor": time.process_time(),
        }
