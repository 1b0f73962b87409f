"""The local studio as a provider: durable, restartable, quiet when its parent is gone."""

import asyncio
import io
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from generation.providers.local import LocalImageProvider, id_of, pack, unpack
from generation.rules.values import ImageInput, OutputUnusable, ProviderRefused, RenderRequest, RenderStatus

ROOT = Path(__file__).resolve().parents[2]


def request_for(key: str = "gen_1", *, seed: int = 3, size: tuple[int, int] = (160, 96), **fields) -> RenderRequest:
    return RenderRequest(key, "local/comp", "A bottle on a plinth. Palette: sand, navy.", "", *size, seed, **fields)


@pytest.fixture
def studio(tmp_path):
    provider = LocalImageProvider(tmp_path / "studio", workers=1)
    yield provider
    provider.close()


async def look_until_over(provider: LocalImageProvider, external_id: str, *, seconds: float = 40):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        progress = await provider.poll(external_id)
        if progress.status is not RenderStatus.RUNNING:
            return progress
        await asyncio.sleep(0.05)
    raise AssertionError("the render did not end in time")


def test_a_submitted_render_succeeds_and_streams_a_png_of_the_right_size(studio):
    async def story():
        submission = await studio.submit(request_for())
        assert submission.external_id.startswith("studio_")
        assert submission.estimated_seconds > 0
        return submission, await look_until_over(studio, submission.external_id)

    submission, progress = asyncio.run(story())
    assert progress.status is RenderStatus.SUCCEEDED
    assert progress.output_urls == (f"studio:{submission.external_id}",)
    assert progress.metrics == {"image_count": 1.0}
    assert progress.seed == 3
    content = b"".join(studio.fetch(progress.output_urls[0], max_bytes=10_000_000))
    picture = Image.open(io.BytesIO(content))
    assert (picture.format, picture.size) == ("PNG", (160, 96))
    with pytest.raises(OutputUnusable) as caught:
        list(studio.fetch(progress.output_urls[0], max_bytes=100))
    assert caught.value.kind == "too_large"


def test_submitting_twice_is_one_render_and_another_key_is_another(studio):
    async def story():
        first, again, other = [
            (await studio.submit(request)).external_id
            for request in (request_for(), request_for(), request_for("gen_2"))
        ]
        return first, again, other

    first, again, other = asyncio.run(story())
    assert first == again != other
    assert len(list(studio.studio_dir.glob("*.json"))) == 2


def test_find_knows_what_arrived_and_nothing_else(studio):
    now = datetime.now(UTC)

    async def story():
        submission = await studio.submit(request_for())
        found = await studio.find(request=request_for(), sent_at=now)
        missing = await studio.find(request=request_for("gen_9"), sent_at=now)
        return submission.external_id, found, missing

    external_id, found, missing = asyncio.run(story())
    assert found == external_id
    assert missing is None


def test_the_loop_is_not_held_up_while_pictures_are_drawn(studio):
    async def story():
        pauses: list[float] = []

        async def heartbeat():
            while True:
                before = time.perf_counter()
                await asyncio.sleep(0.005)
                pauses.append(time.perf_counter() - before)

        beat = asyncio.create_task(heartbeat())
        ids = [(await studio.submit(request_for(f"gen_{number}", size=(320, 240)))).external_id for number in range(4)]
        for external_id in ids:
            await look_until_over(studio, external_id)
        beat.cancel()
        return sorted(pauses)

    pauses = asyncio.run(story())
    assert pauses[len(pauses) // 2] < 0.05


def test_a_killed_worker_is_replaced_and_the_render_done_again(studio):
    async def story():
        submission = await studio.submit(request_for(size=(900, 700)))
        for _ in range(200):
            if studio._pool is not None and studio._pool._processes:
                break
            await asyncio.sleep(0.02)
        for pid in list(studio._pool._processes):
            os.kill(pid, signal.SIGKILL)
        return await look_until_over(studio, submission.external_id)

    assert asyncio.run(story()).status is RenderStatus.SUCCEEDED


def test_another_process_finishes_what_a_dead_one_left(tmp_path):
    folder = tmp_path / "studio"
    left = LocalImageProvider(folder, workers=1)
    left._start = lambda external_id: None  # dies before it renders anything
    external_id = asyncio.run(left.submit(request_for())).external_id
    assert not (folder / f"{external_id}.png").exists()
    heir = LocalImageProvider(folder, workers=1)
    try:
        assert asyncio.run(look_until_over(heir, external_id)).status is RenderStatus.SUCCEEDED
    finally:
        heir.close()


def test_a_request_that_cannot_be_rendered_fails_with_words(studio):
    broken = ImageInput(b"not a picture", "image/png", "product")

    async def story():
        submission = await studio.submit(request_for(inputs=(broken,)))
        return await look_until_over(studio, submission.external_id)

    progress = asyncio.run(story())
    assert progress.status is RenderStatus.FAILED
    assert "product picture cannot be read" in progress.error_text


def test_a_request_that_is_sent_again_after_it_failed_is_rendered_anew(studio):
    async def story():
        studio.studio_dir.mkdir(parents=True)
        studio._error_file(id_of(request_for())).write_text("The process ended.")
        submission = await studio.submit(request_for())
        return await look_until_over(studio, submission.external_id)

    assert asyncio.run(story()).status is RenderStatus.SUCCEEDED


def test_unknown_ids_are_gone_and_paths_are_never_followed(studio):
    for external_id in ("studio_" + "0" * 32, "../../etc/passwd", "", "studio_x"):
        assert asyncio.run(studio.poll(external_id)).status is RenderStatus.GONE
        asyncio.run(studio.cancel(external_id))
    for address in ("studio:../../etc/passwd", "https://example.com/a.png", "studio:"):
        with pytest.raises(OutputUnusable) as caught:
            list(studio.fetch(address, max_bytes=1000))
        assert caught.value.kind == "forbidden_address"
    with pytest.raises(OutputUnusable) as caught:
        list(studio.fetch("studio:studio_" + "0" * 32, max_bytes=1000))
    assert caught.value.kind == "gone"


def test_a_cancelled_render_stays_cancelled(tmp_path):
    provider = LocalImageProvider(tmp_path, workers=1)
    provider._start = lambda external_id: None
    external_id = asyncio.run(provider.submit(request_for())).external_id
    asyncio.run(provider.cancel(external_id))
    assert asyncio.run(provider.poll(external_id)).status is RenderStatus.CANCELLED


def test_an_impossible_size_is_refused_at_once(studio):
    with pytest.raises(ProviderRefused) as caught:
        asyncio.run(studio.submit(request_for(size=(40_000, 40_000))))
    assert caught.value.kind == "invalid_input"


def test_a_request_survives_the_disk():
    request = request_for(
        inputs=(ImageInput(b"\x00\xff", "image/png", "mask"),), purpose="inpaint", parameters={"strength": 0.5}
    )
    again = unpack(pack(request))
    assert again.inputs == request.inputs
    assert (again.purpose, again.parameters, again.seed) == ("inpaint", {"strength": 0.5}, 3)
    assert id_of(again) == id_of(request)


CHILD = """
import asyncio, sys, time
from pathlib import Path
from generation.providers.base import RenderRequest
from generation.providers.local import LocalImageProvider

def main():
    provider = LocalImageProvider(Path(sys.argv[1]), workers=1)
    request = RenderRequest("k", "local/comp", "a bottle", "", 64, 64, 1)
    asyncio.run(provider.submit(request))
    while not provider._pool or not provider._pool._processes:
        time.sleep(0.02)
    print(*provider._pool._processes, flush=True)
    time.sleep(60)

if __name__ == "__main__":
    main()
"""


def test_no_process_outlives_its_parent(tmp_path):
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    parent = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path / "studio")], stdout=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert parent.stdout is not None
    workers = [int(pid) for pid in parent.stdout.readline().split()]
    assert workers
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and any(_alive(pid) for pid in workers):
        time.sleep(0.1)
    assert not any(_alive(pid) for pid in workers)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] == "Z")


def test_old_drawings_are_forgotten_and_fresh_ones_stay(tmp_path: Path) -> None:
    old, fresh = tmp_path / "studio_old.png", tmp_path / "studio_fresh.png"
    for path in (old, fresh):
        path.write_bytes(b"x")
    os.utime(old, (time.time() - 7200, time.time() - 7200))
    assert LocalImageProvider(tmp_path).forget_old(seconds=3600) == 1
    assert not old.exists()
    assert fresh.exists()
