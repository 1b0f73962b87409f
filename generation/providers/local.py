"""`LocalImageProvider`: the local studio behind the same contract as the paid providers.

A submitted request is written to disk before anything is answered, so that it survives any crash: whoever looks at it
next starts the render again. Renders are deterministic and files appear by rename, therefore two processes that
render the same request do no harm.
"""

import asyncio
import base64
import hashlib
import io
import json
import logging
import multiprocessing
import os
import re
import signal
import tempfile
import threading
import time
from collections.abc import Collection, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import datetime
from pathlib import Path
from typing import Any

from generation.rules.values import (
    ImageInput,
    OutputUnusable,
    ProviderBusy,
    ProviderRefused,
    RenderProgress,
    RenderRequest,
    RenderStatus,
    Submission,
)
from generation.studio.renderer import render

logger = logging.getLogger(__name__)

EXTERNAL_ID = re.compile(r"studio_[0-9a-f]{32}")
# Measured on one core: a fifth of a second around it, about a second for the first megapixel, and only the
# enlargement for what lies above.
SECONDS_AROUND = 0.2
SECONDS_FIRST_MEGAPIXEL = 1.1
SECONDS_FURTHER_MEGAPIXEL = 0.25
LARGEST_SIDE = 8192
CHUNK = 64 * 1024
# A request whose process ended this often is not started again: it would take the studio down with it for ever.
MOST_STARTS = 4


class LocalImageProvider:
    """Renders comps in a small pool of processes of its own. Costs nothing, needs no key and no network.

    `workers` (else LOUPE_STUDIO_WORKERS, else up to two) is the number of processes. The pool starts with the first
    render. `close()` ends it; its processes also end by themselves when this one dies.
    """

    name = "local"

    def __init__(self, studio_dir: Path, *, workers: int | None = None) -> None:
        self.studio_dir = Path(studio_dir)
        self.workers = workers or _workers_from_environment()
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None
        self._renders: dict[str, Future[None]] = {}
        self._starts: dict[str, int] = {}

    async def submit(self, request: RenderRequest) -> Submission:
        """Keep the request and start its render. Raises ProviderRefused (`invalid_input`) for an impossible size."""
        _check(request)
        external_id = await asyncio.to_thread(self._accept, request)
        return Submission(external_id, estimate_seconds(request))

    async def poll(self, external_id: str) -> RenderProgress:
        """Where a render stands; one that nobody is working on is started again."""
        return await asyncio.to_thread(self._look, external_id)

    async def cancel(self, external_id: str) -> None:
        """Take a render out of the queue. One that already runs finishes and is forgotten."""
        await asyncio.to_thread(self._cancel, external_id)

    async def find(self, *, request: RenderRequest, sent_at: datetime, exclude: Collection[str] = ()) -> str | None:
        """The id of this very request where it arrived, else None. `sent_at` is not needed: the key is in the id."""
        external_id = id_of(request)
        return external_id if await asyncio.to_thread(self._request_file(external_id).exists) else None

    def fetch(self, output_url: str, *, max_bytes: int) -> Iterator[bytes]:
        """Stream a finished PNG ("studio:<external id>"). Raises OutputUnusable: gone, too_large."""
        external_id = output_url.removeprefix("studio:")
        if not output_url.startswith("studio:") or not EXTERNAL_ID.fullmatch(external_id):
            raise OutputUnusable("This is not an address of the local studio.", kind="forbidden_address")
        try:
            with self._picture_file(external_id).open("rb") as picture:
                if os.fstat(picture.fileno()).st_size > max_bytes:
                    raise OutputUnusable("The picture is larger than allowed.", kind="too_large")
                while chunk := picture.read(CHUNK):
                    yield chunk
        except FileNotFoundError:
            raise OutputUnusable("The local studio no longer has this picture.", kind="gone") from None

    def forget_old(self, *, seconds: float) -> int:
        """Delete requests and pictures that nobody has touched for so long; returns how many files went.

        The mirror keeps its own copy of every picture, and a render has its deadline after half an hour.
        """
        before = time.time() - seconds
        old = [path for path in self.studio_dir.glob("studio_*") if path.stat().st_mtime < before]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def close(self) -> None:
        """End the pool. What was not finished is started again by the next look, here or in another process."""
        with self._lock:
            pool, self._pool = self._pool, None
            self._renders.clear()
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)

    # --- on disk --------------------------------------------------------------------

    def _request_file(self, external_id: str) -> Path:
        return self.studio_dir / f"{external_id}.json"

    def _picture_file(self, external_id: str) -> Path:
        return self.studio_dir / f"{external_id}.png"

    def _error_file(self, external_id: str) -> Path:
        return self.studio_dir / f"{external_id}.error"

    def _cancelled_file(self, external_id: str) -> Path:
        return self.studio_dir / f"{external_id}.cancelled"

    def _accept(self, request: RenderRequest) -> str:
        external_id = id_of(request)
        self.studio_dir.mkdir(parents=True, exist_ok=True)
        if not self._request_file(external_id).exists():
            write_atomically(self._request_file(external_id), json.dumps(pack(request)).encode())
        if self._error_file(external_id).exists():
            # sent again after it failed: a person wants another try
            self._error_file(external_id).unlink(missing_ok=True)
            self._starts.pop(external_id, None)
        if not self._picture_file(external_id).exists():
            self._start(external_id)
        return external_id

    def _look(self, external_id: str) -> RenderProgress:
        if not EXTERNAL_ID.fullmatch(external_id):
            return RenderProgress(
                RenderStatus.GONE, error_kind="not_found", error_text="The local studio does not know this render."
            )
        if self._picture_file(external_id).exists():
            self._renders.pop(external_id, None)
            self._starts.pop(external_id, None)
            return RenderProgress(
                RenderStatus.SUCCEEDED,
                (f"studio:{external_id}",),
                metrics={"image_count": 1.0},
                seed=self._seed_of(external_id),
            )
        if self._cancelled_file(external_id).exists():
            return RenderProgress(RenderStatus.CANCELLED)
        if not self._request_file(external_id).exists():
            return RenderProgress(
                RenderStatus.GONE, error_kind="not_found", error_text="The local studio does not know this render."
            )
        if self._error_file(external_id).exists():
            text = self._error_file(external_id).read_text(encoding="utf-8", errors="replace")
            return RenderProgress(RenderStatus.FAILED, error_kind="render_failed", error_text=text)
        self._start(external_id)
        return RenderProgress(RenderStatus.RUNNING)

    def _seed_of(self, external_id: str) -> int | None:
        try:
            seed = json.loads(self._request_file(external_id).read_bytes()).get("seed")
        except (OSError, ValueError):
            return None
        return int(seed) if seed is not None else None

    def _cancel(self, external_id: str) -> None:
        if not EXTERNAL_ID.fullmatch(external_id) or not self._request_file(external_id).exists():
            return
        if self._picture_file(external_id).exists():
            return
        future = self._renders.pop(external_id, None)
        if future is not None:
            future.cancel()
        self._cancelled_file(external_id).touch()

    # --- the pool -------------------------------------------------------------------

    def _start(self, external_id: str) -> None:
        """Render unless this process already does. A pool that lost a process is replaced."""
        with self._lock:
            running = self._renders.get(external_id)
            if running is not None and not running.done():
                return
            self._starts[external_id] = self._starts.get(external_id, 0) + 1
            if self._starts[external_id] > MOST_STARTS:
                text = (
                    f"The studio's process ended {MOST_STARTS} times while rendering this request. Nothing was charged."
                )
                write_atomically(self._error_file(external_id), text.encode())
                return
            arguments = (str(self.studio_dir), external_id)
            try:
                self._renders[external_id] = self._open_pool().submit(render_to_disk, *arguments)
            except (BrokenProcessPool, RuntimeError):
                self._pool = None
                try:
                    self._renders[external_id] = self._open_pool().submit(render_to_disk, *arguments)
                except (BrokenProcessPool, RuntimeError, OSError) as error:
                    raise ProviderBusy("The local studio cannot start a render right now.", retry_after=2.0) from error
            self._renders = {key: future for key, future in self._renders.items() if not future.done()}

    def _open_pool(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # Spawned, not forked: the parent may hold threads, sockets and an event loop.
            self._pool = ProcessPoolExecutor(
                max_workers=self.workers,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_settle_in,
                initargs=(os.getpid(),),
            )
        return self._pool


def estimate_seconds(request: RenderRequest) -> float:
    """Seconds a render takes on one core, from its size."""
    megapixels = request.width * request.height / 1e6
    drawn = SECONDS_FIRST_MEGAPIXEL * min(1.0, megapixels)
    return round(SECONDS_AROUND + drawn + SECONDS_FURTHER_MEGAPIXEL * max(0.0, megapixels - 1), 2)


def id_of(request: RenderRequest) -> str:
    """External id: a hash of everything in the request, its key included."""
    packed = json.dumps(pack(request), sort_keys=True, separators=(",", ":"))
    return "studio_" + hashlib.sha256(packed.encode()).hexdigest()[:32]


def pack(request: RenderRequest) -> dict[str, Any]:
    """A request as JSON values."""
    return {
        "key": request.key,
        "model": request.model,
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "width": request.width,
        "height": request.height,
        "seed": request.seed,
        "purpose": request.purpose,
        "parameters": json.loads(json.dumps(request.parameters, default=str)),
        "inputs": [
            {"role": given.role, "media_type": given.media_type, "content": base64.b64encode(given.content).decode()}
            for given in request.inputs
        ],
    }


def unpack(packed: dict[str, Any]) -> RenderRequest:
    """The request again."""
    inputs = tuple(
        ImageInput(base64.b64decode(given["content"]), given["media_type"], given["role"]) for given in packed["inputs"]
    )
    fields = {name: value for name, value in packed.items() if name != "inputs"}
    return RenderRequest(**fields, inputs=inputs)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file that is either whole or absent, whatever happens to this process."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def render_to_disk(studio_dir: str, external_id: str) -> None:
    """Runs in a pool process: read the request, render, write the PNG; a failure is written down for `look`."""
    folder = Path(studio_dir)
    if (folder / f"{external_id}.png").exists() or (folder / f"{external_id}.cancelled").exists():
        return
    try:
        request = unpack(json.loads((folder / f"{external_id}.json").read_bytes()))
        stream = io.BytesIO()
        render(request).save(stream, "PNG", compress_level=3)
        write_atomically(folder / f"{external_id}.png", stream.getvalue())
    except FileNotFoundError:
        return
    except Exception as error:
        text = (
            str(error)
            if isinstance(error, ValueError)
            else f"The studio could not render this request ({type(error).__name__})."
        )
        logger.exception("The studio could not render %s", external_id)
        write_atomically(folder / f"{external_id}.error", text.encode())


def _check(request: RenderRequest) -> None:
    if not (1 <= request.width <= LARGEST_SIDE and 1 <= request.height <= LARGEST_SIDE):
        raise ProviderRefused(
            f"The studio draws from 1 to {LARGEST_SIDE} pixels a side, not {request.width} x {request.height}.",
            kind="invalid_input",
        )


def _workers_from_environment() -> int:
    given = os.environ.get("LOUPE_STUDIO_WORKERS", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    return max(1, min(2, os.cpu_count() or 1))


def _settle_in(parent: int) -> None:
    """First act of a pool process: leave Ctrl-C to the parent, one thread for arithmetic, and die with the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        os.environ[name] = "1"
    threading.Thread(target=_watch_parent, args=(parent,), daemon=True).start()


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)
