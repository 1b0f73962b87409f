"""A Cog container that runs here: its HTTP prediction API, one prediction at a time, faults on demand.

`python -m tests.fakes.cog_server --port 8703` serves it; set COG_URL to it. Control as for the fake Replicate.
Calls and faults: predict (a status, drop, hang, garbage, failed with text=…, safety, empty, drop_late), health (BUSY,
STARTING, SETUP_FAILED). A synchronous prediction whose caller hangs up is cancelled, as Cog does.
"""

import asyncio
import itertools
import time
from dataclasses import dataclass, field
from typing import Any

from tests.fakes import pictures
from tests.fakes.script import Rule, Script
from tests.fakes.wire import Answer, Request, json_answer, serve_for_ever

SCHEMA: dict[str, Any] = {
    "prompt": {"type": "string"},
    "negative_prompt": {"type": "string"},
    "width": {"type": "integer", "minimum": 64, "maximum": 2048},
    "height": {"type": "integer", "minimum": 64, "maximum": 2048},
    "seed": {"type": "integer"},
    "num_inference_steps": {"type": "integer"},
    "guidance_scale": {"type": "number"},
    "image": {"type": "string", "format": "uri"},
    "mask": {"type": "string", "format": "uri"},
    "upscale_factor": {"type": "number", "maximum": 4},
}


@dataclass(slots=True)
class CogState:
    """What the container remembers: Cog itself forgets a prediction when it has answered."""

    latency: float = 0.2
    capacity: int = 4
    fields: dict[str, Any] = field(default_factory=lambda: dict(SCHEMA))
    script: Script = field(default_factory=Script)
    running: dict[str, float] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)
    entries: list[dict[str, Any]] = field(default_factory=list)


class FakeCog:
    """Answers requests over one `CogState`."""

    def __init__(self) -> None:
        self.state = CogState()
        self.numbers = itertools.count(1)

    def handle(self, request: Request) -> Answer:
        """The answer to one request."""
        if request.path.startswith("/_"):
            return self._control(request)
        if request.path == "/health-check":
            rule = self.state.script.take("health")
            busy = len(self._still_running()) >= self.state.capacity
            return json_answer({"status": rule.fault if rule else "BUSY" if busy else "READY", "setup": {}})
        if request.path == "/openapi.json":
            return json_answer({"components": {"schemas": {"Input": {"properties": self.state.fields}}}})
        if request.path.endswith("/cancel"):
            return self._cancel(request.path.split("/")[2])
        if request.path == "/predictions" and request.method == "POST":
            return self._predict(request, f"cog{next(self.numbers)}")
        if request.path.startswith("/predictions/") and request.method == "PUT":
            return self._predict(request, request.path.split("/")[2])
        return json_answer({"detail": "Not Found"}, status=404)

    def _control(self, request: Request) -> Answer:
        if request.path == "/_script":
            content = request.json() or {}
            self.state.script.rules += [Rule.read(entry) for entry in content.get("rules", [])]
            for name, value in content.get("settings", {}).items():
                setattr(self.state, name, value)
        elif request.path == "/_reset":
            self.state = CogState()
        elif request.path == "/_predictions":
            return json_answer(self.state.entries)
        return json_answer({"creates": len(self.state.entries), "running": len(self._still_running()), "bill": "0"})

    def _still_running(self) -> dict[str, float]:
        now = time.monotonic()
        self.state.running = {name: ends for name, ends in self.state.running.items() if ends > now}
        return self.state.running

    def _predict(self, request: Request, external_id: str) -> Answer:
        body = request.json()
        content = body.get("input") if isinstance(body, dict) else None
        if not isinstance(content, dict):
            return _invalid("input", "field required")
        rule = self.state.script.take("predict", prompt=str(content.get("prompt", "")))
        fault = rule.fault if rule else ""
        if fault in ("drop", "hang"):
            return Answer(fault=fault)
        if fault.isdigit():
            return json_answer(
                {"detail": "Already running a prediction" if fault == "409" else "No"}, status=int(fault)
            )
        if external_id in self._still_running():
            return json_answer({"id": external_id, "status": "processing", "input": content}, status=202)
        if len(self.state.running) >= self.state.capacity:
            return json_answer({"detail": "Already running a prediction"}, status=409)
        for name, value in content.items():
            if refused := self._check(name, value):
                return refused
        self.state.entries.append({"id": external_id, "input": content})
        self.state.running[external_id] = time.monotonic() + self.state.latency
        answer = json_answer(self._finish(external_id, content, rule))
        if fault == "garbage":
            answer.body = b'{"status":'
        if fault == "drop_late":
            answer.fault = "drop"
        answer.delay = self.state.latency
        return answer

    def _check(self, name: str, value: Any) -> Answer | None:
        rule = self.state.fields.get(name)
        if rule is None:
            return _invalid(name, "Extra inputs are not permitted")
        if "maximum" in rule and value > rule["maximum"]:
            return _invalid(name, f"Input should be less than or equal to {rule['maximum']}")
        return None

    def _finish(self, external_id: str, content: dict[str, Any], rule: Rule | None) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "id": external_id,
            "input": content,
            "status": "succeeded",
            "output": None,
            "error": None,
            "logs": "",
            "metrics": {"predict_time": self.state.latency},
        }
        if rule and rule.fault in ("failed", "safety"):
            text = "NSFW content detected. Try running it again, or try a different prompt."
            return shown | {
                "status": "failed",
                "error": text if rule.fault == "safety" else rule.options.get("text", ""),
            }
        if rule and rule.fault == "empty":
            return shown | {"output": []}
        seed = int(content.get("seed") or 1)
        picture = pictures.draw_picture(int(content.get("width", 512)), int(content.get("height", 512)), seed)
        parent = pictures.read_data_uri(str(content.get("image", "")))
        mask = pictures.read_data_uri(str(content.get("mask", "")))
        if parent and mask:
            picture = pictures.paint_region(parent, mask, seed, white_changes=True)
        elif parent and "upscale_factor" in content:
            picture = pictures.enlarge(parent, float(content["upscale_factor"]))
        return shown | {"output": [pictures.as_data_uri(picture)]}

    def _cancel(self, external_id: str) -> Answer:
        if external_id not in self._still_running():
            return json_answer({}, status=404)
        self.state.cancelled.add(external_id)
        self.state.running.pop(external_id)
        return json_answer({})


def _invalid(name: str, message: str) -> Answer:
    content = {"detail": [{"loc": ["body", "input", name], "msg": message, "type": "value_error"}]}
    return json_answer(content, status=422)


if __name__ == "__main__":
    asyncio.run(serve_for_ever(FakeCog().handle))
