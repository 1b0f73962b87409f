"""Usable images a dollar: the gated engine against the naive one-line pipeline, in one run, on the fakes.

What is real: planning, router, renders, scoring, ladder, gate and ledger, over HTTP; both bills are the providers'.
What is a model, for no fake can see: whether a picture is usable. Product.md's headline is its anchor (a naive agent
uses 5 of 100). It is decided by the picture's own bytes, a number from 0 to 1, against a chance that the words earn:
5 % for a bare subject, 11 points more for each of direction of light, named colours, composition and constraints, and
10 more for a correction of the weakest dimension. The critic sees that truth and errs in one of ten pictures, to
either side; what it passes wrongly does not count as usable.
"""

import asyncio
import hashlib
import json
import os
import re
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from django.test import override_settings

from campaigns import services as campaigns
from campaigns.accounts import membership
from campaigns.models import Campaign, User
from generation.engine import headless
from generation.engine.results import is_settled
from generation.models import Generation, LedgerEntry
from generation.money import ledger
from generation.money.bills import store_catalogue_prices
from generation.pictures.files import read_file
from generation.planning import planning, runs
from generation.providers import registry
from generation.rules.values import RenderRequest
from tests.bench import bench_data
from tests.bench.measure import Measure
from tests.fakes.anthropic_server import FakeAnthropic
from tests.fakes.running import RunningFake, run_in_thread
from tests.fakes.script import Rule

SHOTS = 24
NAIVE_IMAGES = 100
NAIVE_MODEL = "black-forest-labs/flux-1.1-pro"
NAIVE_USABLE = 0.05
A_PART, A_CORRECTION = 0.11, 0.10
CRITIC_ERRS = 0.1
PARTS = (r"light from|lit from|backlit", r"warm grey|charcoal|amber", r"rule of thirds|centred", r"\bno \w+|without")
CORRECTION = "Correction:"
SUBJECTS = ("headphones", "watch", "lamp", "bottle", "chair", "shoe", "camera", "cup")
EDGE = 512
LONGEST_SECONDS = 120.0


def run(*, full: bool) -> Iterator[Measure]:
    """Both pipelines against the same fakes; the arithmetic is printed."""
    del full
    with (
        bench_data.fake_replicate(latency=0.3, creates_per_minute=6_000) as replicate,
        run_in_thread(ArtDepartment().handle) as claude,
    ):
        naive_usable, naive_dollars = naive(replicate)
        with override_settings(ANTHROPIC_API_KEY="sk-bench", ANTHROPIC_BASE_URL=claude.url), claude_at(claude.url):
            registry.reset()
            before = replicate.bill
            campaign = gated()
            billed = replicate.bill - before + claude.bill
            registry.reset()
    rows = list(Generation.objects.filter(campaign=campaign))
    spent = sum((entry.amount for entry in LedgerEntry.objects.filter(campaign=campaign)), Decimal(0))
    assert abs(spent - billed) < Decimal("0.001"), f"the ledger says {spent}, the providers {billed}"
    passed = [row for row in rows if row.passed]
    usable = sum(is_usable(read_file(row.image.name), row.prompt) for row in passed)
    ours, theirs = usable / float(spent), naive_usable / float(naive_dollars)
    yield Measure(
        "usable images a dollar, by the naive pipeline's",
        ours / theirs,
        5.0,
        "x",
        at_least=True,
        note=f"gated: {SHOTS} shots, {len(rows)} renders, {len(passed)} passed, {usable} of them usable, ${spent:.2f} "
        f"with words and scores = {ours:.1f} a dollar; naive: {NAIVE_IMAGES} one-line images, {naive_usable:g} usable, "
        f"${naive_dollars:.2f} = {theirs:.2f} a dollar",
    )


@contextmanager
def claude_at(url: str) -> Iterator[None]:
    """The SDK reads its address from the environment."""
    kept = os.environ.get("ANTHROPIC_BASE_URL")
    os.environ["ANTHROPIC_BASE_URL"] = url
    try:
        yield
    finally:
        os.environ.pop("ANTHROPIC_BASE_URL")
        if kept is not None:
            os.environ["ANTHROPIC_BASE_URL"] = kept


def naive(replicate: RunningFake) -> tuple[float, Decimal]:
    """One image a line of words, nothing scored: usable images (5 of 100, or more if chance gave more) and dollars."""

    async def make() -> int:
        provider = registry.image_provider("replicate")
        found = 0
        for number in range(NAIVE_IMAGES):
            prompt = f"a picture of {SUBJECTS[number % len(SUBJECTS)]}"
            request = RenderRequest(
                key=f"naive{number}",
                model=NAIVE_MODEL,
                prompt=prompt,
                negative_prompt="",
                width=EDGE,
                height=EDGE,
                seed=10_000 + number,
            )
            # the picture itself is not fetched: its number is drawn from its words and seed
            submission = await provider.submit(request)
            found += lot(submission.external_id.encode(), of="naive") < chance(prompt)
        await asyncio.sleep(0.5)
        await registry.close()
        return found

    found = asyncio.run(make())
    return max(float(found), NAIVE_USABLE * NAIVE_IMAGES), replicate.bill


def gated() -> Campaign:
    """The whole engine: prompts written, models routed, rendered, scored, tried again below the bar."""
    store_catalogue_prices()
    admin = User.objects.create_user(email="quality@example.com", name="Bench")
    workspace = membership.create_workspace(name="Quality", admin=admin)
    campaign = campaigns.create_campaign(workspace=workspace, title="Aurora", by=admin)
    shots = [
        {"title": f"{SUBJECTS[number % len(SUBJECTS)]} {number}", "kind": "hero", "width": EDGE, "height": EDGE}
        for number in range(SHOTS)
    ]
    campaigns.add_shots(campaign=campaign, shots=shots)
    ledger.set_limit(workspace=workspace, campaign=None, limit=Decimal(100))
    planning.plan_campaign(campaign.pk)
    campaign.refresh_from_db()
    runs.start_run(campaign, by=admin)

    async def drive() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(LONGEST_SECONDS, stop.set)
        await headless.drive(campaign_id=campaign.pk, is_over=lambda: is_settled(campaign), stop=stop)
        await registry.close()

    asyncio.run(drive())
    return campaign


def chance(prompt: str) -> float:
    """How likely a picture of these words is usable."""
    parts = sum(bool(re.search(part, prompt, re.IGNORECASE)) for part in PARTS)
    return NAIVE_USABLE + A_PART * parts + A_CORRECTION * (CORRECTION in prompt)


def lot(picture: bytes, *, of: str) -> float:
    """A number from 0 to 1 that belongs to this picture."""
    return int.from_bytes(hashlib.sha256(of.encode() + picture).digest()[:6], "big") / 2**48


def is_usable(picture: bytes, prompt: str) -> bool:
    """The truth of the model."""
    return lot(picture, of="truth") < chance(prompt)


class ArtDepartment(FakeAnthropic):
    """The fake Claude with a writer who fills the structure, and a critic who nearly always sees the truth."""

    def _compose(self, body: dict[str, Any], words: str, rule: Rule | None) -> Any:
        schema = (body.get("output_config") or {}).get("format", {}).get("schema", {})
        names = set(schema.get("properties", {}))
        content: dict[str, Any] | None = None
        if "lighting" in names:
            content = _structured(words)
        elif "composition" in names:
            content = _scores(body, words)
        elif names == {"text"} or "text" in names:
            content = {"text": f"{_member(words, 'prompt')} {CORRECTION} {_member(words, 'reason')}"}
        if content is not None:
            rule = Rule(on="message", fault="answer", options={"content": {**_rest(schema), **content}})
            rule.options["content"] = json.dumps(rule.options["content"])
        return super()._compose(body, words, rule)


def _structured(words: str) -> dict[str, Any]:
    subject = _member(words, "title")
    return {
        "scene": f"{subject} on a slate plinth, no people",
        "lighting": "Soft key light from the left",
        "palette": ["warm grey", "charcoal", "amber"],
        "composition": "Subject on the rule of thirds, empty space at the right",
        "negatives": ["text", "logo"],
        "aspect_ratio": "1:1",
    }


def _scores(body: dict[str, Any], words: str) -> dict[str, Any]:
    picture = _picture(body)
    right = lot(picture, of="critic") >= CRITIC_ERRS
    good = is_usable(picture, _member(words, "prompt")) == right
    score = 8.0 if good else 5.0
    names = ("composition", "relevance", "coherence", "mood_match")
    scores: dict[str, Any] = {name: {"score": score, "reason": "The light is flat; warm it."} for name in names}
    return scores


def _picture(body: dict[str, Any]) -> bytes:
    blocks = [block for message in body["messages"] for block in message["content"] if block["type"] == "image"]
    return b64decode(blocks[0]["source"]["data"])


def _member(words: str, name: str) -> str:
    found = re.search(rf'"{name}": "((?:[^"\\]|\\.)*)"', words)
    return json.loads(f'"{found[1]}"') if found else ""


def _rest(schema: dict[str, Any]) -> dict[str, Any]:
    """Members of a schema that the answer does not speak of."""
    return {name: "" for name, entry in schema.get("properties", {}).items() if entry.get("type") == "string"}
