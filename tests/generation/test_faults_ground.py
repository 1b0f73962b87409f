"""What stands around the engine goes away: Redis with everything queued, the conductor with everything in flight."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.db.models import Count
from redis import Redis

from config import embedded
from generation.models import Generation, GenerationEvent
from tests.fakes.pictures import draw_picture
from tests.generation.engine_fixtures import balanced, engine_room, make_campaign, reckon, start
from tests.services.process_forker import ALL
from tests.services.service_process import accepts

pytestmark = pytest.mark.slow
# The target is for a machine of its own; a busy one (the suite runs in parallel) gets twice the time.
MACHINE = 2


class OwnRedis:
    """A Redis with the snapshots that it has by default, to be killed and wiped."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = embedded.free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self.folder.mkdir()
        self.process = subprocess.Popen(
            [embedded.redis_executable(), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)],
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 20
        while not accepts(self.port):
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def kill_and_wipe(self) -> None:
        self.end()
        shutil.rmtree(self.folder)


def bring_to_scoring(rows: list[Generation]) -> None:
    """As if every picture had come home: what is left is the critic's work and the ladder's."""
    picture = Path(settings.MEDIA_ROOT, "generations/one.png")
    picture.parent.mkdir(parents=True)
    picture.write_bytes(draw_picture(64, 64, 1))
    Generation.objects.filter(pk__in=[row.pk for row in rows]).update(
        state="scoring", image="generations/one.png", sha256="0" * 64, media_type="image/png"
    )


def wipe_redis(environment: dict[str, str], *, folder: Path, count: int, seconds: float) -> float:
    """Kill and wipe Redis with `count` steps queued; the seconds from its return until all are done."""
    bring_to_scoring(start(make_campaign(shots=count)))
    redis = OwnRedis(folder / "redis")
    redis.start()
    try:
        with engine_room(environment, folder=folder, redis_url=redis.url, pace=1) as room:
            room.forker.start("conductor")
            queue = Redis.from_url(redis.url)
            room.wait_for(lambda: queue.llen("io") >= count)
            queue.close()
            room.forker.start("worker-io")
            room.wait_for(lambda: Generation.objects.filter(state="ready").count() >= 10)
            redis.kill_and_wipe()
            time.sleep(3)
            assert len(room.unfinished()) > count / 2
            redis.start()
            took = room.drain(seconds=seconds)
    finally:
        redis.end()
    assert set(Generation.objects.values_list("state", "followed_up")) == {("ready", True)}
    assert GenerationEvent.objects.filter(to="ready").count() == count
    balanced()
    return took


@pytest.mark.timeout(150)
def test_redis_killed_and_wiped_with_everything_queued(process_environment: dict[str, str], tmp_path: Path) -> None:
    """R6 in small (`make soak`: 1,000): the table is the queue, Redis carries nudges only. Real waits."""
    wipe_redis(process_environment, folder=tmp_path, count=300, seconds=30 * MACHINE)


def kill_in_flight(
    environment: dict[str, str], *, folder: Path, redis_url: str, count: int, latency: float, pace: float
) -> float:
    """Kill the conductor with `count` renders of `latency` s in flight; the seconds from its return to their ends."""
    start(make_campaign(shots=count))
    room_for = engine_room(
        environment, folder=folder, redis_url=redis_url, pace=pace, fake_settings={"latency": latency}
    )
    with room_for as room:
        room.forker.start("worker-cpu", "worker-io")
        room.forker.start("conductor", again=False)
        room.wait_for(lambda: room.fake.state()["creates"] == count, seconds=60)
        assert room.forker.kill("conductor")
        room.wait_for(lambda: "conductor" not in room.forker.pids)
        room.forker.start("conductor")
        began = time.monotonic()
        over = Generation.objects.filter(state__in=["submitting", "rendering", "in_doubt", "queued"])
        room.wait_for(lambda: not over.all().exists(), seconds=(latency + 30) / pace * MACHINE)
        took = time.monotonic() - began
        room.drain(seconds=60)
        reckon(room.fake)
    return took


def test_the_conductor_killed_with_everything_in_flight(
    process_environment: dict[str, str], redis_url: str, tmp_path: Path
) -> None:
    """All finish within latency + 30 s of its return (`make soak`: 1,000). The engine's waits are quartered here."""
    kill_in_flight(process_environment, folder=tmp_path, redis_url=redis_url, count=120, latency=1.0, pace=4)


def test_two_conductors_do_nothing_twice(process_environment: dict[str, str], redis_url: str, tmp_path: Path) -> None:
    """One leads; when it is stopped without dying (SIGSTOP) and comes back late, its answers change nothing."""
    start(make_campaign(shots=60))
    room_for = engine_room(
        process_environment, folder=tmp_path, redis_url=redis_url, pace=8, REPLICATE_CREATES_PER_MINUTE="600"
    )
    with room_for as room:
        room.forker.start("conductor", "conductor-2", *ALL[1:])
        for _ in range(2):
            for role in ("conductor", "conductor-2"):
                time.sleep(0.5)
                with room.forker.held(role, seconds=2.5):
                    pass
        room.drain(seconds=60)
        reckon(room.fake)
    sent = GenerationEvent.objects.filter(to="rendering").values("generation").annotate(times=Count("pk"))
    assert {entry["times"] for entry in sent} == {1}


def workers_connections() -> set[int]:
    """The database's processes that serve somebody else's connections to it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        return {pid for (pid,) in cursor.fetchall()}


def test_a_connection_is_kept_from_step_to_step_and_replaced_when_the_database_ended_it(
    process_environment: dict[str, str], redis_url: str, tmp_path: Path
) -> None:
    with engine_room(process_environment, folder=tmp_path, redis_url=redis_url, pace=5) as room:
        room.forker.start(*ALL)
        mirrored = Generation.objects.exclude(sha256="")
        start(make_campaign(shots=4))
        room.drain(seconds=60)
        before = workers_connections()
        start(make_campaign(shots=4))
        room.drain(seconds=60)
        # a worker for pixels, a worker for words, the conductor: nobody has called the database anew
        assert len(before & workers_connections()) >= 3
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s) AS pid", [sorted(before)])
        start(make_campaign(shots=4))
        room.drain(seconds=60)
        assert mirrored.count() == 12
        reckon(room.fake)
        # no step was lost to the broken connection and tried again
        assert set(mirrored.values_list("tries", flat=True)) == {0}
