"""From the key of a verdict to the next picture painted: 200 verdicts by keyboard in Chromium, in loupe and sheet.

The page measures itself: the time stamp of the key event against the frame after the one in which the next picture
stands decoded. The server is gunicorn as in production, on the same machine; three to four verdicts a second are
faster than anyone looks at a picture.
"""

import http.client
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection
from django.test import Client
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from campaigns import services as campaigns
from campaigns.accounts import membership
from campaigns.models import Campaign, User
from config import embedded
from generation.models import Generation, GenerationState, Purpose
from generation.pictures import images
from review.models import Verdict
from tests.bench.measure import Measure
from tests.services import chromium
from tests.services.service_process import ServiceProcess

VERDICTS = 200
PACE_MILLISECONDS = 250
TARGET = 100.0
LONGEST_SENDING = 30  # seconds until the last verdict must be stored
WIDTH, HEIGHT = 1280, 832
PICTURES = 8
# Four of five are approved, the fifth is rejected for its second reason: the keystroke that decides is measured.
ROUND = ("a", "a", "x2", "a", "a")

WATCH = """
window.waits = [];
const standing = () => document.getElementById("loupe")
  ?? document.activeElement.closest(".frame");
const print = (place) => place.querySelector("#print, .thumb > img");
addEventListener("keydown", (event) => {
  if (event.key !== "a" && event.key !== "2") return;
  const before = standing().dataset.id;
  const look = () => {
    const place = standing();
    if (!place || place.dataset.id === before || !print(place)) { requestAnimationFrame(look); return; }
    print(place).decode().then(() => requestAnimationFrame(() => requestAnimationFrame((now) => {
      window.waits.push(now - event.timeStamp);
    })));
  };
  // after the page's own listeners, before the next frame
  queueMicrotask(() => setTimeout(look));
}, true);
"""
# Nobody decides on a picture before it is there.
SEEN = """count => new Promise(resolve => {
  const look = () => { if (window.waits.length >= count) resolve(); else setTimeout(look, 10); };
  look();
})"""


def run(*, full: bool) -> Iterator[Measure]:
    """The 95th percentile in both rooms, and that the database agrees in the end."""
    del full
    user, workspace = _house()
    rooms = {room: _fill(campaigns.create_campaign(workspace=workspace, title=room, by=user)) for room in ROOMS}
    cookie = _session(user)
    connection.close()
    with _serve() as address, _page(address, cookie) as page:
        for room, campaign in rooms.items():
            waits = sorted(ROOMS[room](page, address, campaign))
            stored = Verdict.objects.filter(generation__campaign=campaign, standing=True).count()
            p95 = waits[int(len(waits) * 0.95) - 1]
            yield Measure(
                f"verdict to next picture painted, {room}, p95",
                p95,
                TARGET,
                "ms",
                note=f"median {waits[len(waits) // 2]:.0f} ms, slowest {waits[-1]:.0f} ms of {len(waits)}",
            )
            yield Measure(f"verdicts not stored, {room}", VERDICTS - stored, 0, "verdicts")


def _in_loupe(page: Page, address: str, campaign: Campaign) -> list[float]:
    first = Generation.objects.filter(campaign=campaign).order_by("-pk").first()
    assert first is not None
    page.goto(f"{address}/images/{first.pk}/")
    page.wait_for_selector(".a9s-annotationlayer", state="attached")
    return _decide(page)


def _on_sheet(page: Page, address: str, campaign: Campaign) -> list[float]:
    page.goto(f"{address}/campaigns/{campaign.pk}/sheet/")
    page.wait_for_load_state("load")
    page.keyboard.press("ArrowRight")
    return _decide(page)


ROOMS = {"loupe": _in_loupe, "sheet": _on_sheet}


def _decide(page: Page) -> list[float]:
    """The waits in milliseconds, one a verdict."""
    page.wait_for_timeout(2_000)
    for number in range(VERDICTS):
        for key in ROUND[number % len(ROUND)]:
            page.keyboard.press(key)
        page.evaluate(SEEN, number + 1)
        page.wait_for_timeout(PACE_MILLISECONDS)
    for _ in range(LONGEST_SENDING):
        page.wait_for_timeout(1_000)
        if not page.evaluate("Object.keys(localStorage).some(name => name.startsWith('loupe.verdict.'))"):
            break
    waits: list[float] = page.evaluate("window.waits")
    if len(waits) != VERDICTS:
        raise RuntimeError(f"{VERDICTS - len(waits)} of {VERDICTS} verdicts showed no next picture.")
    return waits


def _house() -> tuple[User, campaigns.Workspace]:
    call_command("flush", interactive=False, verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    user = User.objects.create_user(email="bench@example.com", name="Bench", password=None)
    return user, membership.create_workspace(name="Bench", admin=user)


def _fill(campaign: Campaign) -> Campaign:
    """One picture more than there are verdicts, so that a next one always comes; five to a shot."""
    count = VERDICTS + 1
    shots = campaigns.add_shots(
        campaign=campaign,
        shots=[{"title": f"Shot {number}", "prompt": "Headphones"} for number in range(-(-count // 5))],
    )
    prepared = [_picture(seed) for seed in range(PICTURES)]
    for number in range(count):
        content, made = prepared[number % PICTURES]
        row = Generation(
            workspace=campaign.workspace, campaign=campaign, shot=shots[number // 5], version=number % 5 + 1
        )
        row.purpose, row.state, row.key = Purpose.CREATE, GenerationState.READY, f"bench:{campaign.pk}:{number}"
        row.provider, row.model, row.prompt = "local", "studio/comp", "Headphones"
        row.width = row.image_width = WIDTH
        row.height = row.image_height = HEIGHT
        row.image.name = _store(f"{row.pk}.png", content)
        row.renditions = {str(width): _store(f"{row.pk}-{width}.webp", file) for width, file in made.renditions.items()}
        row.sha256, row.thumbhash, row.media_type = made.facts.sha256, made.thumbhash, made.facts.media_type
        row.save(force_insert=True)
    return campaign


def _picture(seed: int) -> tuple[bytes, images.Prepared]:
    """Soft shapes with grain: as much to decode as a photograph."""
    chance = np.random.default_rng(seed)
    small = Image.fromarray(chance.integers(0, 255, (13, 20, 3), dtype=np.uint8))
    soft = np.asarray(small.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)).astype(int)
    grain = chance.normal(0, 6, (HEIGHT, WIDTH, 1))
    target = BytesIO()
    Image.fromarray(np.clip(soft + grain, 0, 255).astype(np.uint8)).save(target, "PNG")
    return target.getvalue(), images.prepare(target.getvalue(), max_pixels=2_000_000)


def _store(name: str, content: bytes) -> str:
    stored: str = default_storage.save(f"generations/bench/{name}", ContentFile(content))
    return stored


def _session(user: User) -> dict[str, str]:
    client = Client()
    client.force_login(user)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    return {"name": cookie.key, "value": cookie.value}


@contextmanager
def _serve() -> Iterator[str]:
    """Gunicorn, as the Procfile starts it, on this process's database and files."""
    port = embedded.free_port()
    command = [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}", "--workers", "2"]
    here = Path(__file__).resolve().parents[2]
    server = ServiceProcess(
        [*command, "--threads", "4", "--no-control-socket", "--log-level", "warning", "--chdir", str(here)],
        log=Path(settings.VAR_DIR) / "gunicorn.log",
        environment={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"},
    )

    def answers() -> bool:
        try:
            asked = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            asked.request("GET", "/sign-in/")
            return asked.getresponse().status == 200
        except OSError:
            return False

    server.wait_until(answers)
    yield f"http://127.0.0.1:{port}"
    server.stop()


@contextmanager
def _page(address: str, cookie: dict[str, str]) -> Iterator[Page]:
    # Playwright's loop makes Django believe that its calls come from asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=list(chromium.ARGUMENTS))
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.add_cookies([{**cookie, "url": address}])  # type: ignore[list-item]
        context.add_init_script(WATCH)
        yield context.new_page()
        browser.close()
