"""A Redis that is there but takes no more (maxmemory reached, nothing may be evicted): pages work, jobs recover."""

import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher, make_password
from redis import Redis

from campaigns.models import Campaign, User
from config.embedded import free_port
from generation.models import Generation
from tests.factories import PASSWORD
from tests.generation.engine_fixtures import EngineRoom, engine_room, make_campaign, reckon, start
from tests.generation.test_faults_ground import OwnRedis
from tests.services.service_process import accepts

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
SHOTS = 12
BRIEF = {
    "brief": "Three pictures of a matt black kettle on raw stone, low sun, calm: hero, lifestyle, detail.",
    "bar": "1.0",
    "max_attempts": "1",
}


def fill(server: Redis) -> None:
    server.config_set("maxmemory-policy", "noeviction")
    server.config_set("maxmemory", 1)


def give_room(server: Redis) -> None:
    server.config_set("maxmemory", 0)


def collect_static(environment: dict[str, str]) -> None:
    """Pages name their static files by hash."""
    command = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdin=subprocess.DEVNULL)


def sign_in(address: str) -> httpx.Client:
    ada = User.objects.get(email="ada@example.com")
    # as the house itself hashes: the tests' own hasher is quicker
    User.objects.filter(pk=ada.pk).update(password=make_password(PASSWORD, hasher=PBKDF2PasswordHasher()))
    browser = httpx.Client(base_url=address, follow_redirects=True, timeout=60)
    post(browser, "/sign-in/", {"username": ada.email, "password": PASSWORD})
    return browser


def post(browser: httpx.Client, path: str, form: dict[str, str]) -> httpx.Response:
    page = browser.get(path).text
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token, page[:500]
    answer = browser.post(path, data={**form, "csrfmiddlewaretoken": token[1]})
    assert answer.status_code == 200, answer.text[:500]
    assert path not in str(answer.url), answer.text[-3000:]
    return answer


@pytest.mark.timeout(240)
def test_redis_out_of_memory(process_environment: dict[str, str], tmp_path: Path) -> None:
    campaign = make_campaign(shots=SHOTS)
    start(campaign)
    collect_static(process_environment)
    redis, port = OwnRedis(tmp_path / "redis"), free_port()
    redis.start()
    server = Redis.from_url(redis.url)
    try:
        with engine_room(process_environment, folder=tmp_path, redis_url=redis.url, pace=4, PORT=str(port)) as room:
            room.forker.start("conductor", "web")
            # what is queued already, the workers will meet: a message can be taken out but not noted down
            room.wait_for(lambda: server.llen("cpu") > 0)
            fill(server)
            room.forker.start("worker-cpu", "worker-io")
            brief = use_pages(room, address=f"http://127.0.0.1:{port}", campaign=campaign)
            # the conductor needs no Redis: everything is sent, rendered and booked
            room.wait_for(
                lambda: not Generation.objects.filter(state__in=["queued", "submitting", "rendering"]).exists()
            )
            give_room(server)
            room.drain(seconds=90)
            room.wait_for(lambda: Campaign.objects.get(pk=brief).planning == Campaign.Planning.PLANNED, seconds=90)
            assert not room.forker.deaths, "who waits for Redis does not end over it"
            reckon(room.fake)
    finally:
        server.close()
        redis.end()


def use_pages(room: EngineRoom, *, address: str, campaign: Campaign) -> int:
    """What people do meanwhile; the campaign that they make."""
    room.wait_for(lambda: accepts(int(address.rpartition(":")[2])))
    with closing(sign_in(address)) as browser:
        for path in ("/", f"/campaigns/{campaign.pk}/", f"/campaigns/{campaign.pk}/sheet/", "/costs/"):
            assert browser.get(path).status_code == 200, path
        post(browser, "/campaigns/new/", BRIEF)
    return Campaign.objects.exclude(pk=campaign.pk).get().pk
