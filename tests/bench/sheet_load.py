"""P2, P5, P11: the web server of the Procfile under load, on a PostgreSQL that keeps what it acknowledged.

Server, database and client share the machine; what the client took of it is said.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import dj_database_url
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from config import embedded
from tests.bench import sheet_data as ground
from tests.bench.measure import Measure, processor_of
from tests.bench.sheet_pages import cursors
from tests.services import postgres, redis
from tests.services.service_process import ServiceProcess, accepts

ROOT = Path(__file__).resolve().parents[2]
IMAGES, FULL = 100_000, 1_000_000
CLIENTS, GALLERIES = 8, 200
SECRET = "abcdefghijklmnopqrstuvwxyz012345"
# A sheet on which something is being made asks this often.
BUSY_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Load:
    """What the client is to do. `once`: each request one time; `pause`: seconds between two of one client."""

    port: int
    requests: Sequence[str]
    clients: int
    seconds: float
    once: bool = False
    pause: float = 0.0


def run(*, full: bool) -> Iterator[Measure]:
    """The reading side first, then verdicts."""
    with ExitStack() as closing:
        url, database = durable_database(closing)
        house = ground.fill(images=FULL if full else IMAGES)
        cookie = ground.sign_in(house.viewer)
        port, web = start_web(closing, url)
        meter = Meter(web.process.pid, database.process.pid)
        pages = [get(address, cookie) for address in cursors(ground.Door(cookie), house.large)]
        yield from reading(port, pages, meter)
        yield from galleries(port, pages, house, cookie)
        yield from deciding(port, house, cookie, meter)


def reading(port: int, pages: list[str], meter: "Meter") -> Iterator[Measure]:
    """P2: pages of 60 at 8 clients."""
    drive(Load(port, pages, CLIENTS, 2))
    told = meter.drive(Load(port, pages, CLIENTS, 8))
    yield Measure(
        f"P2 next 60 frames at {CLIENTS} clients",
        told["count"] / told["wall"],
        600,
        "a second",
        at_least=True,
        note=load_words(told),
    )


def galleries(port: int, pages: list[str], house: ground.House, cookie: str) -> Iterator[Measure]:
    """P11: one reader alone, and beside 200 open sheets that ask what is new; twice in turns."""
    address = f"/campaigns/{house.large.pk}/sheet/changes/?since=2026-01-01T00:00:00Z"
    poll = get(address, cookie, accept="application/json")
    alone, beside = [], []
    for _ in range(2):
        alone.append(drive(Load(port, pages, 1, 4))["p95"])
        crowd = start_client(Load(port, [poll], GALLERIES, 8, pause=BUSY_SECONDS))
        drive(Load(port, pages, 1, 2))
        beside.append(drive(Load(port, pages, 1, 4))["p95"])
        told = finish(crowd)
    yield Measure(
        f"P11 p95 of a page beside {GALLERIES} open sheets",
        min(beside) / min(alone),
        1.5,
        "ratio",
        note=f"alone {min(alone):.1f} ms; {told['count'] / told['wall']:.0f} questions/s, p50 {told['p50']:.1f} ms",
    )


def deciding(port: int, house: ground.House, cookie: str, meter: "Meter") -> Iterator[Measure]:
    """P5: verdicts on images that nobody decided on, alone and at 8 clients."""
    rows = house.large.generations.filter(state="ready", decision="").order_by("pk")
    ids = list(rows.values_list("pk", flat=True)[:6000])
    requests = [post(f"/images/{pk}/verdict/", "decision=approved&seen_version=0", cookie) for pk in ids]
    drive(Load(port, requests[:50], 1, 5, once=True))
    told = meter.drive(Load(port, requests[50:850], 1, 8, once=True))
    yield Measure("P5 a verdict, one client, p50", told["p50"], 4, "ms", note=load_words(told))
    told = meter.drive(Load(port, requests[850:], CLIENTS, 8, once=True))
    yield Measure(
        f"P5 verdicts at {CLIENTS} clients",
        told["count"] / told["wall"],
        500,
        "a second",
        at_least=True,
        note=load_words(told),
    )


def load_words(told: dict[str, Any]) -> str:
    """Where the time went: on a machine with other work, processor time says more than the clock."""
    web, database = (told[name] / told["count"] * 1_000 for name in ("web", "database"))
    most = (os.cpu_count() or 1) * 1_000 / (web + database + told["processor"] / told["count"] * 1_000)
    return (
        f"p50 {told['p50']:.1f} ms, {told['refused']} refused; processor for each: web {web:.2f} ms, database "
        f"{database:.2f} ms, the client {told['processor'] / told['count'] * 1_000:.2f} ms: "
        f"all {os.cpu_count()} cores to itself would give {most:.0f} a second"
    )


@dataclass(frozen=True, slots=True)
class Meter:
    """Reads what web server and database took of the processors during a load."""

    web: int
    database: int

    def drive(self, load: Load) -> dict[str, Any]:
        """One load, with the seconds of `web` and `database` beside what the client found."""
        before = processor_of(self.web), processor_of(self.database)
        told = drive(load)
        told |= {"web": processor_of(self.web) - before[0], "database": processor_of(self.database) - before[1]}
        return told


def durable_database(closing: ExitStack) -> tuple[str, ServiceProcess]:
    """A PostgreSQL of our own with every promise switched on; Django's connection is turned to it."""
    folder = Path(tempfile.mkdtemp(prefix="loupe-bench-"))
    url, kept = postgres.start(remove=folder, options=postgres.DURABLE)
    closing.callback(kept.stop)
    connection.close()
    connection.settings_dict.update(dj_database_url.parse(url))
    call_command("migrate", verbosity=0)
    closing.callback(connection.close)
    return url, kept


def start_web(closing: ExitStack, url: str) -> tuple[int, ServiceProcess]:
    """The line `web` of the Procfile with a Redis beside it; its port and its process."""
    folder = Path(tempfile.mkdtemp(prefix="loupe-bench-"))
    redis_url, kept = redis.start(folder=folder)
    closing.callback(kept.stop)
    call_command("collectstatic", interactive=False, verbosity=0)
    port = embedded.free_port()
    line = re.search(r"^web: (.*)$", (ROOT / "Procfile").read_text(), re.MULTILINE)
    assert line
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "REDIS_URL": redis_url,
        "PORT": str(port),
        "LOUPE_VAR_DIR": str(settings.VAR_DIR),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    web = ServiceProcess(["sh", "-c", f"cd {ROOT} && {line[1]}"], log=folder / "web.log", environment=environment)
    closing.callback(web.stop)
    web.wait_until(lambda: accepts(port))
    return port, web


def get(address: str, cookie: str, *, accept: str = "text/html") -> str:
    """A request for a page's fragment, as the browser sends it."""
    head = f"GET {address} HTTP/1.1\r\nHost: {ground.HOST}\r\nCookie: {cookie}\r\n"
    return f"{head}Accept: {accept}\r\nHX-Request: true\r\n\r\n"


def post(address: str, body: str, cookie: str) -> str:
    """A decision with its token against forgery."""
    return (
        f"POST {address} HTTP/1.1\r\nHost: {ground.HOST}\r\n"
        f"Cookie: {cookie}; {settings.CSRF_COOKIE_NAME}={SECRET}\r\nX-CSRFToken: {SECRET}\r\n"
        f"Accept: application/json\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    )


def start_client(load: Load) -> "subprocess.Popen[str]":
    """The client at work."""
    client = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.load_client"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert client.stdin
    client.stdin.write(json.dumps(asdict(load)))
    client.stdin.close()
    return client


def finish(client: "subprocess.Popen[str]") -> dict[str, Any]:
    """What it found. Raises where an answer was not 200."""
    assert client.stdout
    told: dict[str, Any] = json.loads(client.stdout.read())
    client.wait()
    return told


def drive(load: Load) -> dict[str, Any]:
    """One load from its start to its end."""
    return finish(start_client(load))
