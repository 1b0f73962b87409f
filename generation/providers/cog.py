"""A self-hosted model in a Cog container, behind the contract of `ImageProvider`.

Cog's HTTP API creates a prediction by `PUT /predictions/ID`: asked again for an ID that runs, it does not start
another. It has no way to ask for a finished one: the answer comes to the request that waits, or not at all. So a task
in the background waits for it and keeps the answer on disk; who looks after a crash, from whatever process, finds
the answer or puts the same ID again (same seed, same picture, nothing to pay).

Files in `state_dir`: ID.json (request and outcome, replaced whole; its time is the sign of life of the task that
waits) and ID-N.picture. They are deleted after a day: the picture has been copied long since.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import re
import time
from base64 import b64decode, b64encode
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from generation.catalogue import COG, CatalogueModel
from generation.providers.inputs import picture_input, plain_input
from generation.providers.replicate.answers import read_prediction
from generation.providers.safe_download import DEFAULT_PORTS, FetchRules, fetch_output, tls_context
from generation.rules.values import (
    ImageInput,
    OutputUnusable,
    ProviderBusy,
    ProviderError,
    ProviderRefused,
    RenderProgress,
    RenderRequest,
    RenderStatus,
    Submission,
)

EXTERNAL_ID = re.compile(r"loupe-[0-9a-f]{32}")
KEPT_OUTPUT = re.compile(r"cog:(loupe-[0-9a-f]{32})/(\d{1,2})")
# How long `submit` waits for a refusal before it calls the request accepted.
REFUSAL_SECONDS = 0.4
# A task that waits touches its file this often; one that has not for three times as long is gone.
SIGN_OF_LIFE_SECONDS = 5.0
LONGEST_RENDER_SECONDS = 1_800.0
MOST_STARTS = 4
KEPT_SECONDS = 86_400.0
SCHEMA_SECONDS = 300.0
CHUNK_BYTES = 64 * 1024
# What containers call the same input, in the order of preference; the first is the catalogue's name.
OTHER_NAMES = {
    "num_inference_steps": ("steps", "num_steps"),
    "guidance_scale": ("guidance", "cfg_scale"),
    "image": ("input_image", "init_image"),
    "mask": ("mask_image",),
    "scale": ("upscale_factor", "scale_factor", "upscale"),
}


class CogProvider:
    """`ImageProvider` for one Cog container at `base_url`, which is the catalogue's `model`. Costs nothing.

    `output_hosts` as for Replicate.
    """

    name = "cog"

    def __init__(
        self, *, base_url: str, state_dir: Path, output_hosts: Iterable[str] = (), model: CatalogueModel = COG
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._state_dir = Path(state_dir)
        self._model = model
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._schema: tuple[float, frozenset[str]] | None = None
        parts = urlsplit(self._base_url)
        place = f"{parts.hostname}:{parts.port or DEFAULT_PORTS.get(parts.scheme, 80)}"
        self._rules = FetchRules.build(hosts=(), named=(place, *output_hosts))

    # --- the contract --------------------------------------------------------------------

    async def submit(self, request: RenderRequest) -> Submission:
        """Hand the request to the container. Raises ProviderBusy where it is at work, starting or away."""
        model = self._model
        if request.model != model.key:
            raise ProviderRefused("The self-hosted model is not called so. Nothing was sent.", kind="not_found")
        external_id = id_of(request)
        state = self._read(external_id)
        # sent again after an interruption it begins anew; what runs or has succeeded is not sent twice
        if state is None or (state["outcome"] and state["outcome"]["status"] != RenderStatus.SUCCEEDED):
            content = await self._content(model, request)
            await self._check_health()
            seedless = request.seed is not None and model.fields.seed not in content
            self._write(external_id, {"input": content, "seedless": seedless, "starts": 0, "outcome": None})
            self._start(external_id)
            await self._hear_refusal(external_id)
            self._forget_old()
        return Submission(external_id=external_id, estimated_seconds=model.typical_seconds)

    async def poll(self, external_id: str) -> RenderProgress:
        """The kept answer; where nobody waits for it any more, the same prediction is put again."""
        state = self._read(external_id)
        if state is None:
            return RenderProgress(
                RenderStatus.GONE, error_kind="gone", error_text="This render is not known here any more."
            )
        if state["outcome"] is not None:
            return replace(_progress(state["outcome"]), seedless=state.get("seedless", False))
        if not self._is_awaited(external_id):
            if state["starts"] >= MOST_STARTS:
                return RenderProgress(
                    RenderStatus.INTERRUPTED,
                    error_kind="infrastructure",
                    error_text="The container was asked several times and never finished.",
                )
            self._start(external_id)
        return RenderProgress(RenderStatus.RUNNING)

    async def cancel(self, external_id: str) -> None:
        """Ask the container to stop, and wait no more."""
        state = self._read(external_id)
        if state is None or state["outcome"] is not None:
            return
        if task := self._tasks.pop(external_id, None):
            task.cancel()
            await asyncio.wait({task}, timeout=2)
        with contextlib.suppress(ProviderBusy):
            await self._ask("POST", f"/predictions/{external_id}/cancel")
        self._keep(external_id, RenderProgress(RenderStatus.CANCELLED, error_text="It was cancelled."))

    async def find(self, *, request: RenderRequest, sent_at: datetime, exclude: Collection[str] = ()) -> str | None:
        """The id is made of our key: a request that was written down here is found, any other never left."""
        external_id = id_of(request)
        return external_id if self._read(external_id) is not None and external_id not in exclude else None

    def fetch(self, output_url: str, *, max_bytes: int) -> Iterator[bytes]:
        """A kept picture ("cog:ID/0"), or an address that the container gave, by our own rules."""
        kept = KEPT_OUTPUT.fullmatch(output_url)
        if kept is None:
            return fetch_output(output_url, max_bytes=max_bytes, rules=self._rules)
        return _read_kept(self._picture(kept[1], int(kept[2])), max_bytes=max_bytes)

    async def aclose(self) -> None:
        """Stop waiting (of the running event loop). What was not finished is put again at the next look."""
        loop = asyncio.get_running_loop()
        mine = [task for task in self._tasks.values() if task.get_loop() is loop and not task.done()]
        for task in mine:
            task.cancel()
        if mine:
            await asyncio.wait(mine, timeout=2)

    # --- what the container takes ----------------------------------------------------------

    async def _content(self, model: CatalogueModel, request: RenderRequest) -> dict[str, Any]:
        """The input in the container's own names; what it has no input for is left out, unless it was the point."""
        pictures = await picture_input(model, request, hand_over=_as_data_uri)
        known = await self._known_inputs()
        if known and model.fields.negative_prompt not in known:
            # what must not be in the picture is said in the prompt then
            model = replace(model, fields=replace(model.fields, negative_prompt=None))
        given = {**plain_input(model, request), **pictures}
        if not known:
            return given
        content = {}
        for name, value in given.items():
            found = next((other for other in (name, *OTHER_NAMES.get(name, ())) if other in known), None)
            if found is not None:
                content[found] = value
            elif name in (model.fields.image, model.fields.mask):
                what = "masks" if name == model.fields.mask else "pictures"
                raise ProviderRefused(
                    f"The self-hosted model takes no {what}. Nothing was sent: choose another model.",
                    kind="invalid_input",
                )
        return content

    async def _known_inputs(self) -> frozenset[str]:
        """The input names of the container's own description, asked for every few minutes; empty if it has none."""
        if self._schema is None or self._schema[0] < time.monotonic():
            answer = await self._ask("GET", "/openapi.json")
            try:
                names = frozenset(answer.json()["components"]["schemas"]["Input"]["properties"])
            except (ValueError, KeyError, TypeError):
                names = frozenset()
            self._schema = (time.monotonic() + SCHEMA_SECONDS, names)
        return self._schema[1]

    async def _check_health(self) -> None:
        answer = await self._ask("GET", "/health-check")
        try:
            status = str(answer.json().get("status", ""))
        except (ValueError, AttributeError):
            status = ""
        if status in ("BUSY", "STARTING"):
            raise ProviderBusy("The self-hosted model is at work or still starting.", kind="busy", retry_after=2.0)
        if status in ("SETUP_FAILED", "DEFUNCT", "UNHEALTHY"):
            raise ProviderBusy("The self-hosted model did not start: see its log.", kind="unavailable", retry_after=30)

    async def _ask(self, method: str, path: str) -> httpx.Response:
        try:
            async with _connect(seconds=10.0) as client:
                return await client.request(method, f"{self._base_url}{path}")
        except httpx.TransportError as error:
            raise ProviderBusy("The self-hosted model cannot be reached just now.", kind="unreachable") from error

    # --- waiting for the answer --------------------------------------------------------------

    def _start(self, external_id: str) -> None:
        state = self._read(external_id)
        assert state is not None
        self._write(external_id, {**state, "starts": state["starts"] + 1})
        task = asyncio.get_running_loop().create_task(self._wait(external_id, state["input"]))
        self._tasks[external_id] = task
        task.add_done_callback(lambda done: self._tasks.pop(external_id, None) if not done.cancelled() else None)

    async def _wait(self, external_id: str, content: dict[str, Any]) -> None:
        """Put the prediction and keep what it comes to."""
        pulse = asyncio.get_running_loop().create_task(self._give_signs_of_life(external_id))
        try:
            progress = await self._put(external_id, content)
        except ProviderError as error:
            status = RenderStatus.FAILED if isinstance(error, ProviderRefused) else RenderStatus.INTERRUPTED
            progress = RenderProgress(status, error_kind=error.kind, error_text=str(error))
        finally:
            pulse.cancel()
        await asyncio.to_thread(self._keep, external_id, progress)

    async def _give_signs_of_life(self, external_id: str) -> None:
        while True:
            await asyncio.sleep(SIGN_OF_LIFE_SECONDS)
            with contextlib.suppress(OSError):
                os.utime(self._file(external_id))

    async def _put(self, external_id: str, content: dict[str, Any]) -> RenderProgress:
        """Raises ProviderRefused or ProviderBusy. 202: it runs already, so wait and put again."""
        ends = time.monotonic() + LONGEST_RENDER_SECONDS
        async with _connect(seconds=LONGEST_RENDER_SECONDS) as client:
            while time.monotonic() < ends:
                try:
                    answer = await client.put(f"{self._base_url}/predictions/{external_id}", json={"input": content})
                except httpx.TransportError as error:
                    raise ProviderBusy("The container's answer was lost.", kind="infrastructure") from error
                if answer.status_code != 202:
                    return _read_answer(answer)
                await asyncio.sleep(1.0)
        raise ProviderBusy("The container did not finish in half an hour.", kind="infrastructure")

    async def _hear_refusal(self, external_id: str) -> None:
        """A container refuses at once or not at all: wait a moment for it, and take the request back if it does."""
        task = self._tasks.get(external_id)
        if task is not None:
            await asyncio.wait({task}, timeout=REFUSAL_SECONDS)
        state = self._read(external_id)
        outcome = state["outcome"] if state else None
        if outcome is None or outcome["error_kind"] not in ("invalid_input", "busy", "not_found", "unavailable"):
            return
        self._file(external_id).unlink(missing_ok=True)
        if outcome["error_kind"] in ("busy", "unavailable"):
            raise ProviderBusy(outcome["error_text"], kind=outcome["error_kind"], retry_after=2.0)
        raise ProviderRefused(outcome["error_text"], kind=outcome["error_kind"])

    def _is_awaited(self, external_id: str) -> bool:
        """Whether a task waits for it, here or in another process."""
        task = self._tasks.get(external_id)
        if task is not None and not task.done() and not task.get_loop().is_closed():
            return True
        try:
            return time.time() - self._file(external_id).stat().st_mtime < 3 * SIGN_OF_LIFE_SECONDS
        except OSError:
            return False

    # --- on disk -------------------------------------------------------------------------------

    def _file(self, external_id: str) -> Path:
        return self._state_dir / f"{external_id}.json"

    def _picture(self, external_id: str, number: int) -> Path:
        return self._state_dir / f"{external_id}-{number}.picture"

    def _read(self, external_id: str) -> dict[str, Any] | None:
        if not EXTERNAL_ID.fullmatch(external_id):
            return None
        try:
            state: dict[str, Any] = json.loads(self._file(external_id).read_bytes())
        except (OSError, ValueError):
            return None
        return state

    def _write(self, external_id: str, state: dict[str, Any]) -> None:
        _replace_file(self._file(external_id), json.dumps(state).encode())

    def _keep(self, external_id: str, progress: RenderProgress) -> None:
        """Pictures first, then the outcome: whoever sees the outcome finds the pictures."""
        links = []
        for number, link in enumerate(progress.output_urls):
            picture = _decode(link)
            if picture is None:
                links.append(link)
            else:
                _replace_file(self._picture(external_id, number), picture)
                links.append(f"cog:{external_id}/{number}")
        state = self._read(external_id)
        if state is not None and state["outcome"] is None:
            self._write(external_id, {**state, "outcome": {**asdict(progress), "output_urls": links}})

    def _forget_old(self) -> None:
        oldest = time.time() - KEPT_SECONDS
        for file in self._state_dir.glob("loupe-*"):
            with contextlib.suppress(OSError):
                if file.stat().st_mtime < oldest:
                    file.unlink()


def id_of(request: RenderRequest) -> str:
    """The prediction's id, made of our key: the same request always has the same."""
    return f"loupe-{hashlib.sha256(request.key.encode()).hexdigest()[:32]}"


def _connect(*, seconds: float) -> httpx.AsyncClient:
    return httpx.AsyncClient(verify=tls_context(), timeout=httpx.Timeout(seconds, connect=10.0), trust_env=False)


async def _as_data_uri(picture: ImageInput) -> str:
    return f"data:{picture.media_type};base64,{b64encode(picture.content).decode()}"


def _read_answer(answer: httpx.Response) -> RenderProgress:
    """A finished prediction has the same shape as Replicate's. Raises ProviderRefused or ProviderBusy."""
    status = answer.status_code
    if status == 409:
        raise ProviderBusy("The self-hosted model is at work on another picture.", kind="busy")
    if status == 422:
        raise ProviderRefused(f"The model did not accept the request: {_invalid_fields(answer)}.", kind="invalid_input")
    if status == 404:
        raise ProviderRefused("This address is not a Cog container: check COG_URL.", kind="not_found")
    if status >= 400:
        raise ProviderBusy(f"The self-hosted model failed ({status}).", kind="infrastructure")
    try:
        content = answer.json()
    except ValueError as error:
        raise ProviderBusy("The container's answer could not be read.", kind="infrastructure") from error
    if not isinstance(content, dict):
        raise ProviderBusy("The container's answer could not be read.", kind="infrastructure")
    return read_prediction(content)


def _invalid_fields(answer: httpx.Response) -> str:
    """The fields of a 422, named: "width: Input should be less than or equal to 2048"."""
    try:
        entries = answer.json()["detail"]
        return "; ".join(f"{entry['loc'][-1]}: {entry['msg']}" for entry in entries) or "no reason given"
    except (ValueError, KeyError, TypeError, IndexError):
        return "no reason given"


def _progress(outcome: dict[str, Any]) -> RenderProgress:
    values = {**outcome, "status": RenderStatus(outcome["status"]), "output_urls": tuple(outcome["output_urls"])}
    return RenderProgress(**values)


def _decode(link: str) -> bytes | None:
    """The content of a data URI; None for any other address."""
    head, found, data = link.partition(";base64,")
    if not (found and head.startswith("data:")):
        return None
    try:
        return b64decode(data)
    except ValueError:
        return b""


def _read_kept(picture: Path, *, max_bytes: int) -> Iterator[bytes]:
    try:
        with picture.open("rb") as content:
            if os.fstat(content.fileno()).st_size > max_bytes:
                raise OutputUnusable("The picture is larger than allowed.", kind="too_large")
            while chunk := content.read(CHUNK_BYTES):
                yield chunk
    except FileNotFoundError:
        raise OutputUnusable("This picture is not kept here any more.", kind="gone") from None


def _replace_file(file: Path, content: bytes) -> None:
    """Write a file so that others see the old or the new one, never a part."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_suffix(f".{os.getpid()}-{time.monotonic_ns()}")
    temporary.write_bytes(content)
    temporary.replace(file)
