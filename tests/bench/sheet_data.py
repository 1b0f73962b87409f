"""What the review room's benchmarks stand on: a house with as many images as asked for, written by SQL in seconds.

The large campaign has a tenth of all images, the small one a hundred, the rest is spread over other houses:
whatever is slow by the size of the table, of the house or of the campaign, shows.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import services as campaigns
from campaigns.accounts import membership
from campaigns.models import Campaign, Membership, Role, User, Workspace
from review.migrations import _stack_triggers, _tally_triggers
from tests.bench.measure import median

SMALL = 100
VERSIONS = 10
HOUSES = 9
HOST = "127.0.0.1"

_SHOTS = """
INSERT INTO campaigns_shot (campaign_id, slug, title, description, mood, kind, position, width, height, wants_text,
    prompt, negative_prompt, palette, model, model_reason, model_overridden, created_at, updated_at)
SELECT %(campaign)s, 'shot-' || n, 'Headphones, view ' || n, '', '', 'hero', n, 1344, 768, false, 'A prompt', '',
    '[]', 'flux', '', false, now(), now()
FROM generate_series(0, %(shots)s - 1) n
"""
# Ids sort by time of making, as ULIDs do; neighbours in time belong to different shots, as in a run.
_IMAGES = """
INSERT INTO generation_generation (id, workspace_id, campaign_id, shot_id, purpose, attempt, version, key, ticket,
    metadata, provider, model, prompt, negative_prompt, width, height, parameters, "references", mask, direction,
    state, error_kind, error_text, external_id, earlier_ids, provider_url, tries, looks, claimed_by, cancel_asked,
    estimated_seconds, followed_up, created_at, completed_at, image, media_type, sha256, image_width, image_height,
    image_bytes, renditions, thumbhash, metrics, average, weakest, passed, escalated, decision)
SELECT id, %(workspace)s, %(campaign)s, shot_id, 'create', 1, version, id, 'MKT-2241', '{}', 'replicate',
    (ARRAY['black-forest-labs/flux-1.1-pro', 'black-forest-labs/flux-schnell', 'stability-ai/sdxl'])
        [1 + (n %% 37) / 16],
    repeat('A matt black pair of headphones on a raw stone plinth, low sun. ', 5), '', 1344, 768, '{}', '[]', '', '',
    state,
    '', '', '', '[]', '', 0, 0, '', false, 6, true,
    now() - interval '30 days' + n * interval '0.5 second', now() - interval '30 days' + n * interval '0.5 second',
    'generations/' || id || '.png', 'image/png', md5(n::text) || md5(id), 1344, 768, 1400000,
    jsonb_build_object('320', path || '-320.webp', '640', path || '-640.webp', '1280', path || '-1280.webp'),
    encode(decode(substr(md5(id) || md5(n::text), 1, 50), 'hex'), 'base64'), '{}',
    average, (ARRAY['composition', 'relevance', 'coherence', 'mood_match'])[1 + n %% 4], average >= 7,
    version = %(versions)s AND average < 7 AND n %% 5 = 3,
    CASE WHEN state = 'ready' AND abs(hashtext(id)) / 100 %% 3 = 0
        THEN (ARRAY['approved', 'approved', 'rejected', 'changes'])[1 + abs(hashtext(id)) / 7 %% 4] ELSE '' END
FROM (
    SELECT n, shot_id, version, id, 'generations/' || %(workspace)s || '/' || %(campaign)s || '/' || id AS path,
        CASE WHEN n %% 200 = 9 THEN NULL ELSE round((1 + 9 * sqrt((n * 7919 %% 10007) / 10007.0))::numeric, 2) END
        AS average,
        CASE WHEN n %% 100 = 7 THEN 'failed' WHEN n %% 1000 = 8 THEN 'rendering' ELSE 'ready' END AS state
    FROM (
        SELECT n, shots.id AS shot_id, 1 + n / %(shots)s AS version,
            'gen_01K' || lpad(to_hex(%(campaign)s * 1048576 + n), 9, '0')
            || upper(substr(md5(n::text || %(campaign)s), 1, 14)) AS id
        FROM generate_series(0, %(images)s - 1) n
        JOIN (SELECT id, row_number() OVER (ORDER BY position) - 1 AS place FROM campaigns_shot
              WHERE campaign_id = %(campaign)s) shots ON shots.place = n %% %(shots)s
    ) numbered
) drawn
"""
# A third is decided on, by two people.
_VERDICTS = """
INSERT INTO review_verdict (generation_id, by_id, decision, reason, note, standing, at)
SELECT id, (%(people)s::bigint[])[1 + abs(hashtext(id)) %% 2], decision, '', '', true, now()
FROM generation_generation WHERE campaign_id = %(campaign)s AND decision <> ''
"""
_STANDINGS = """
INSERT INTO review_standing (generation_id, workspace_id, campaign_id, shot_id, decision, version, verdict_id,
    decided_by_id, decided_at)
SELECT generation_id, workspace_id, campaign_id, shot_id, verdict.decision, 1, verdict.id, by_id, at
FROM review_verdict verdict JOIN generation_generation ON generation_generation.id = generation_id
WHERE campaign_id = %(campaign)s
"""


@dataclass(frozen=True, slots=True)
class House:
    """Who looks, at what."""

    viewer: User
    large: Campaign
    small: Campaign
    images: int
    large_images: int


def fill(*, images: int) -> House:
    """A house of its own in an empty database: `images` in all."""
    call_command("flush", interactive=False, verbosity=0)
    with connection.cursor() as cursor:
        # a row a trigger would be most of the time; the figures are counted once at the end
        cursor.execute("ALTER TABLE generation_generation DISABLE TRIGGER USER")
    viewer = User.objects.create_user(email="maya@bench.example", name="Maya Lindqvist")
    colleague = User.objects.create_user(email="jonas@bench.example", name="Jonas Weber")
    house = membership.create_workspace(name="Bench", admin=viewer)
    Membership.objects.create(workspace=house, user=colleague, role=Role.APPROVER)
    large = _fill_campaign(house, viewer, colleague, images=images // 10)
    small = _fill_campaign(house, viewer, colleague, images=SMALL)
    left = images - images // 10 - SMALL
    for number in range(HOUSES):
        admin = User.objects.create_user(email=f"admin{number}@bench.example", name=f"Admin {number}")
        other = membership.create_workspace(name=f"Other {number}", admin=admin)
        _fill_campaign(other, admin, admin, images=left // HOUSES)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE generation_generation ENABLE TRIGGER USER")
        _tally_triggers.recount(connection)
        _stack_triggers.elect_all(connection)
        cursor.execute("VACUUM ANALYZE")
    return House(viewer=viewer, large=large, small=small, images=images, large_images=images // 10)


def _fill_campaign(workspace: Workspace, viewer: User, colleague: User, *, images: int) -> Campaign:
    campaign = campaigns.create_campaign(workspace=workspace, title="Aurora", by=viewer, ticket="MKT-2241")
    values = {
        "campaign": campaign.pk,
        "workspace": workspace.pk,
        "images": images,
        "versions": VERSIONS,
        "shots": max(1, images // VERSIONS),
        "people": [viewer.pk, colleague.pk],
    }
    with connection.cursor() as cursor:
        for statement in (_SHOTS, _IMAGES, _VERDICTS, _STANDINGS):
            cursor.execute(statement, values)
    return campaign


def sign_in(user: User) -> str:
    """A session as the sign-in page makes it; returns the Cookie header."""
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


class Door:
    """The whole application in this process, as gunicorn calls it: every middleware, no socket."""

    def __init__(self, cookie: str) -> None:
        self.application = import_module("config.wsgi").application
        self.cookie = cookie

    def get(self, address: str, **headers: str) -> bytes:
        """The body of a page. Raises where it is not 200."""
        path, _, query = address.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": HOST,
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": HOST,
            "HTTP_COOKIE": self.cookie,
            "wsgi.input": BytesIO(),
            "wsgi.errors": BytesIO(),
            "wsgi.url_scheme": "http",
            **headers,
        }
        told: list[str] = []
        answer = self.application(environ, lambda status, sent, *_: told.append(status))
        try:
            body = b"".join(answer)
        finally:
            answer.close()
        assert told[0].startswith("200"), f"{address}: {told[0]}"
        return body


def quiet_median(act: Callable[[], object], *, blocks: int = 7, rounds: int = 15) -> float:
    """Milliseconds: the median of each of several blocks, and of those the quietest: the machine has other work."""
    act()
    return min(median(waits(act, rounds)) for _ in range(blocks))


def quiet_processor(act: Callable[[], object], *, rounds: int = 100) -> float:
    """Milliseconds of processor time that a call takes in this thread, at the quietest."""
    spent = []
    for _ in range(rounds):
        began = time.thread_time()
        act()
        spent.append((time.thread_time() - began) * 1_000)
    return min(spent)


def quiet_ratio(first: Callable[[], object], second: Callable[[], object], *, blocks: int = 7) -> float:
    """How much longer one takes than the other, block by block in turns; the quietest of each."""
    for act in (first, second):
        act()
    pairs = [(median(waits(first, 15)), median(waits(second, 15))) for _ in range(blocks)]
    return min(one for one, _ in pairs) / min(two for _, two in pairs)


def waits(act: Callable[[], object], rounds: int) -> list[float]:
    """Milliseconds of each call."""
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        act()
        taken.append((time.perf_counter() - began) * 1_000)
    return taken


def queries_of(act: Callable[[], object]) -> int:
    """How many queries a call makes."""
    with CaptureQueriesContext(connection) as captured:
        act()
    return len(captured)
