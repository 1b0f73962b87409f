"""A Replicate that runs here: the exact wire format, every fault on demand, and an honest bill.

`python -m tests.fakes.replicate_server --port 8701` serves it; set REPLICATE_BASE_URL to it and name its host:port in
LOUPE_OUTPUT_HOSTS. Control: POST /_script {"rules": [...], "settings": {...}}, POST /_reset, GET /_state,
GET /_predictions. Calls a rule can be `on`, and their faults:

- create: 401 402 404 409 422 429 500 502 503 504, html, hang, drop (nothing created), hang_after, drop_after,
  garbage_after, 500_after (created, answer lost)
- outcome: safety (which=flagged nsfw_flux nsfw_sdxl), failed (which=E001 … or text=…), empty, removed, aborted,
  canceled, stuck, slow (latency=…)
- get, list, cancel, upload: a status, html, garbage, hang, drop
- delivery: gone expired 500 truncated html svg bomb huge empty drip redirect (to=…)
- webhook: lost, twice (count=…), late (seconds=…), reordered (a "starting" after the end), forged, old, altered
"""

import asyncio
import hashlib
import re
import time
from bisect import bisect_left
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from tests.fakes import pictures
from tests.fakes.replicate_faults import BY_VERSION, check_create, fail, spoil, throttled
from tests.fakes.replicate_webhooks import schedule_webhook
from tests.fakes.replicate_world import FAILURE_STRINGS, LIST_OUTPUT, SAFETY_STRINGS, Prediction, World
from tests.fakes.script import Rule
from tests.fakes.wire import Answer, Request, json_answer, serve_for_ever


class FakeReplicate:
    """Answers requests over one `World`."""

    def __init__(self) -> None:
        self.world = World()

    def handle(self, request: Request) -> Answer:
        """The answer to one request."""
        if request.path.startswith("/_"):
            return self._control(request)
        if request.path.startswith("/delivery/"):
            return self._deliver(request)
        given = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        if not given or (self.world.settings.token and given != self.world.settings.token):
            return json_answer(
                {"title": "Unauthenticated", "detail": "You did not pass an authentication token", "status": 401},
                status=401,
            )
        return self._route(request)

    def _route(self, request: Request) -> Answer:
        path = request.path.removeprefix("/v1")
        if request.method == "POST" and (
            found := re.fullmatch(r"/(models|deployments)/([^/]+/[^/]+)/predictions", path)
        ):
            return self._create(request, model=found[2])
        if path == "/predictions":
            return self._create(request, model="") if request.method == "POST" else self._list(request)
        if found := re.fullmatch(r"/predictions/([^/]+)(/cancel)?", path):
            return self._cancel(request, found[1]) if found[2] else self._get(request, found[1])
        if path == "/files" and request.method == "POST":
            return self._upload(request)
        if path == "/webhooks/default/secret":
            return json_answer({"key": self.world.settings.webhook_secret})
        if path == "/account":
            return json_answer({"type": "user", "username": "aurora", "name": "Aurora Audio", "github_url": ""})
        return json_answer({"detail": "Not found."}, status=404)

    # --- control -------------------------------------------------------------------------

    def _control(self, request: Request) -> Answer:
        if request.path == "/_script":
            content = request.json() or {}
            self.world.script.rules += [Rule.read(entry) for entry in content.get("rules", [])]
            for name, value in content.get("settings", {}).items():
                setattr(self.world.settings, name, value)
        elif request.path == "/_reset":
            self.world = World()
        elif request.path == "/_predictions":
            host = request.headers.get("host", "")
            shown = [
                {
                    **self._show(prediction, host),
                    "webhook": prediction.webhook,
                    "cost": str(self.world.cost(prediction)),
                }
                for prediction in self.world.predictions.values()
            ]
            return json_answer(shown)
        return json_answer(self.world.report())

    # --- predictions ---------------------------------------------------------------------

    def _create(self, request: Request, *, model: str) -> Answer:
        self.world.calls["create"] += 1
        body = request.json()
        if not isinstance(body, dict):
            return json_answer({"detail": "JSON parse error"}, status=400)
        version = str(body.get("version") or "")
        model = model or BY_VERSION.get(version.rpartition(":")[2], "")
        prompt = str((body.get("input") or {}).get("prompt", ""))
        rule = self.world.script.take("create", prompt=prompt, model=model)
        fault = rule.fault if rule else ""
        if rule and not fault.endswith("_after"):
            return fail(rule)
        wait = self.world.throttle()
        if wait > 0:
            return throttled(wait)
        if refused := check_create(request, body, model=model):
            return refused
        official = "/models/" in request.path
        prediction = self.world.create(
            model=model,
            version="hidden" if official else version.rpartition(":")[2] or "deployed",
            body=body,
            deadline=_read_duration(request.headers.get("cancel-after", "")),
        )
        self._draw(prediction)
        shown = self._show(prediction, request.headers.get("host", ""))
        if prediction.webhook:
            schedule_webhook(self.world, prediction, shown, self._show)
        if fault in ("hang_after", "drop_after"):
            return Answer(fault=fault.removesuffix("_after"))
        location = {"location": shown["urls"]["get"]}
        if fault == "garbage_after":
            return Answer(201, b'{"id": "fake', {"content-type": "application/json"})
        if fault == "500_after":
            return json_answer({"detail": "Internal server error"}, status=500)
        echo = {"webhook": prediction.webhook, "webhook_events_filter": prediction.events} if prediction.webhook else {}
        return json_answer({**shown, **echo}, status=201, **location)

    def _get(self, request: Request, external_id: str) -> Answer:
        self.world.calls["get"] += 1
        prediction = self.world.predictions.get(external_id)
        if rule := self.world.script.take("get", model=prediction.model if prediction else ""):
            return fail(rule)
        if prediction is None:
            return json_answer({"detail": "Not found."}, status=404)
        return json_answer(self._show(prediction, request.headers.get("host", "")))

    def _cancel(self, request: Request, external_id: str) -> Answer:
        self.world.calls["cancel"] += 1
        if rule := self.world.script.take("cancel"):
            return fail(rule)
        prediction = self.world.predictions.get(external_id)
        if prediction is None:
            return json_answer({"detail": "Not found."}, status=404)
        if self.world.status(prediction) in ("starting", "processing"):
            prediction.cancelled = time.monotonic() - prediction.began
        return json_answer(self._show(prediction, request.headers.get("host", "")))

    def _list(self, request: Request) -> Answer:
        self.world.calls["list"] += 1
        if rule := self.world.script.take("list"):
            return fail(rule)
        after, before = (_read_time(request.query.get(name, "")) for name in ("created_after", "created_before"))
        # in the order of their creation: a list of thousands must not cost the fake more than the account's own page
        every, created = list(self.world.predictions.values()), attrgetter("created_at")
        first = 0 if after is None else bisect_left(every, after, key=created)
        last = len(every) if before is None else bisect_left(every, before, key=created)
        newest_first = every[first:last][::-1]
        start, size = int(request.query.get("cursor", "0")), self.world.settings.page_size
        host = request.headers.get("host", "")
        results = []
        for prediction in newest_first[start : start + size]:
            shown = self._show(prediction, host)
            if self.world.settings.list_shows_webhook and prediction.webhook:
                shown["webhook"] = prediction.webhook
            results.append(shown)
        more = start + size < len(newest_first)
        query = "&".join(f"{name}={value}" for name, value in request.query.items() if name != "cursor")
        following = f"http://{host}/v1/predictions?{query}&cursor={start + size}" if more else None
        return json_answer({"next": following, "previous": None, "results": results})

    def _upload(self, request: Request) -> Answer:
        self.world.calls["upload"] += 1
        if rule := self.world.script.take("upload"):
            return fail(rule)
        boundary = re.search(r"boundary=([^;]+)", request.headers.get("content-type", ""))
        if boundary is None:
            return json_answer({"detail": "Multipart expected"}, status=400)
        part = request.body.split(b"--" + boundary[1].strip('"').encode())[1]
        content = part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
        if len(content) > 100_000_000:
            return json_answer({"detail": "Files must be less than 100MB in size"}, status=413)
        name = f"file{len(self.world.files) + 1}"
        self.world.files[name] = content
        link = f"http://{request.headers.get('host', '')}/v1/files/{name}"
        digest = hashlib.sha256(content).hexdigest()
        file = {
            "id": name,
            "name": name,
            "content_type": "image/png",
            "size": len(content),
            "etag": digest[:32],
            "checksums": {"sha256": digest},
            "metadata": {},
            "created_at": "2026-11-01T00:00:00Z",
            "expires_at": None,
            "urls": {"get": link},
        }
        return json_answer(file, status=201)

    def _show(self, prediction: Prediction, host: str) -> dict[str, Any]:
        """The prediction as JSON."""
        world, status = self.world, self.world.status(prediction)
        base = f"http://{host}/v1/predictions/{prediction.id}"
        over = status in ("succeeded", "failed", "canceled", "aborted")
        removed = over and world.is_forgotten(prediction)
        shown: dict[str, Any] = {
            "id": prediction.id,
            "model": prediction.model,
            "version": prediction.version,
            "input": {} if removed else prediction.input,
            "logs": "",
            "output": None if removed else _output(prediction, status, host),
            "data_removed": removed,
            "error": _error(prediction, status),
            "source": "api",
            "status": status,
            "created_at": _stamp(prediction.created_at),
            "urls": {"get": base, "cancel": f"{base}/cancel", "web": f"https://replicate.com/p/{prediction.id}"},
        }
        if prediction.deadline is not None:
            shown["deadline"] = _stamp(prediction.created_at + timedelta(seconds=prediction.deadline))
        if over:
            metrics = world.metrics(prediction, status)
            shown["metrics"] = metrics
            ran = timedelta(seconds=metrics.get("total_time", prediction.queue_seconds))
            shown["completed_at"] = _stamp(prediction.created_at + ran)
        return shown

    # --- pictures ------------------------------------------------------------------------

    def _draw(self, prediction: Prediction) -> None:
        """Keep what an edit starts from; a plain picture is drawn when it is fetched."""
        content = prediction.input
        source = content.get("image") or content.get("input_image") or content.get("input_images")
        parent = self._read_picture(source[0] if isinstance(source, list) and source else source)
        if parent is None:
            return
        mask = self._read_picture(content.get("mask"))
        seed = int(content.get("seed") or 1)
        if mask is not None:
            white = "ideogram" not in prediction.model
            prediction.output = pictures.paint_region(parent, mask, seed, white_changes=white)
        elif scale := content.get("scale_factor") or content.get("scale"):
            width, height = pictures.size_of(parent)
            prediction.output = pictures.draw_picture(int(width * scale), int(height * scale), seed)
        else:
            prediction.output = pictures.draw_picture(*pictures.size_of(parent), seed)

    def _read_picture(self, source: Any) -> bytes | None:
        if not isinstance(source, str):
            return None
        return pictures.read_data_uri(source) or self.world.files.get(source.rpartition("/")[2])

    def _deliver(self, request: Request) -> Answer:
        self.world.calls["delivery"] += 1
        prediction = self.world.predictions.get(request.path.split("/")[2])
        if prediction is None:
            return Answer(404, b"not found", {"content-type": "text/plain"})
        rule = self.world.script.take(
            "delivery", prompt=str(prediction.input.get("prompt", "")), model=prediction.model
        )
        if self.world.is_forgotten(prediction):
            return Answer(404, b"expired", {"content-type": "text/plain"})
        extension = request.path.rpartition(".")[2]
        body = prediction.output
        if body is None or body[:4] != b"\x89PNG":
            body = pictures.draw_picture(
                *_asked_size(prediction.input), int(prediction.input.get("seed") or 1), extension
            )
        media_type = {"jpg": "image/jpeg", "webp": "image/webp"}.get(extension, "image/png")
        answer = Answer(200, body, {"content-type": media_type, "cache-control": "public, max-age=3600"})
        return spoil(answer, rule) if rule else answer


def _output(prediction: Prediction, status: str, host: str) -> Any:
    fault = prediction.outcome.fault if prediction.outcome else ""
    if status != "succeeded":
        return None
    several = any(name in prediction.model for name in LIST_OUTPUT)
    if fault == "empty":
        return []
    extension = str(prediction.input.get("output_format", "png"))
    link = f"http://{host}/delivery/{prediction.id}/out-0.{extension}"
    return [link] if several else link


def _error(prediction: Prediction, status: str) -> str | None:
    rule = prediction.outcome
    if status != "failed" or rule is None:
        return None
    which = str(rule.options.get("which", ""))
    if rule.fault == "safety":
        return SAFETY_STRINGS.get(which, SAFETY_STRINGS["flagged"])
    return str(rule.options.get("text") or FAILURE_STRINGS.get(which, FAILURE_STRINGS["prediction_failed"]))


def _asked_size(content: dict[str, Any]) -> tuple[int, int]:
    if content.get("width") and content.get("height"):
        return int(content["width"]), int(content["height"])
    if "x" in str(content.get("size", "")):
        width, height = str(content["size"]).split("x")
        return int(width), int(height)
    ratio = str(content.get("aspect_ratio", "1:1"))
    across, down = (int(part) for part in ratio.split(":")) if ratio.count(":") == 1 else (1, 1)
    width = round((1024 * 1024 * across / down) ** 0.5 / 32) * 32
    return width, round(1024 * 1024 / width / 32) * 32


def _read_duration(text: str) -> float | None:
    """A Cancel-After header in seconds: "30s", "5m", "1h30m45s", "30"."""
    if not text:
        return None
    if text.isdigit():
        return float(text)
    parts = re.findall(r"(\d+)([hms])", text)
    return float(sum(int(number) * {"h": 3600, "m": 60, "s": 1}[unit] for number, unit in parts)) or None


def _read_time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


if __name__ == "__main__":
    asyncio.run(serve_for_ever(FakeReplicate().handle))
