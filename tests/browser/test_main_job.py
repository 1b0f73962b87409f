"""The main job from brief to bucket: MKT-2241, four launch shots for the Aurora headphones by lunch.

A real browser, real processes (conductor, workers), a real Redis, PostgreSQL and an S3 server over HTTP.
"""

import hashlib
import io
import json
import os
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
from botocore.config import Config
from PIL import Image
from playwright.sync_api import Page, expect
from pytest_django import Settings

from campaigns.accounts import membership
from campaigns.models import Campaign, Role, User, Workspace
from generation.models import Generation, GenerationState, LedgerEntry, Reservation
from generation.money import ledger
from generation.pictures.files import read_file
from review.models import Decision, Export, SignOff, Standing
from tests.services import engine

BUCKET = "aurora-finals"
BRIEF = Path(__file__).parents[2] / "campaigns" / "samples" / "aurora.md"
PASSWORD = "a long enough password"
PATIENCE = 90_000

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


@pytest.fixture
def bucket(settings: Settings, s3_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in {
        "AWS_ENDPOINT_URL_S3": s3_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "EXPORT_BUCKET": BUCKET,
    }.items():
        monkeypatch.setenv(name, value)
    config = Config(s3={"addressing_style": "path"}, signature_version="s3v4")
    bucket = boto3.resource("s3", endpoint_url=s3_url, region_name="us-east-1", config=config).Bucket(BUCKET)
    bucket.create()
    yield bucket
    bucket.objects.delete()
    bucket.delete()


@pytest.fixture
def running_engine(
    bucket: Any, process_environment: dict[str, str], redis_url: str, tmp_path: Path
) -> Iterator[dict[str, Any]]:
    """Conductor and workers as processes of their own; this process, the web server, nudges them over that Redis."""
    storage = {name: os.environ[name] for name in os.environ if name.startswith("AWS_") or name == "EXPORT_BUCKET"}
    with engine.at_work(
        environment={**process_environment, **storage}, folder=tmp_path, redis_url=redis_url
    ) as running:
        yield running


@pytest.fixture
def team() -> dict[str, User]:
    people = {
        name: User.objects.create_user(email=f"{name}@aurora.example", password=PASSWORD, name=name.title())
        for name in ("maya", "jonas", "ada")
    }
    workspace = membership.create_workspace(name="Aurora Audio", admin=people["ada"])
    membership.add_member(workspace=workspace, user=people["maya"], role=Role.REVIEWER)
    membership.add_member(workspace=workspace, user=people["jonas"], role=Role.APPROVER)
    ledger.set_limit(workspace=workspace, campaign=None, limit=Decimal("20"))
    return people


def sign_in(page: Page, *, email: str) -> None:
    page.goto("/sign-in/")
    page.fill("input[name=username]", email)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    expect(page).not_to_have_url(re.compile("sign-in"))


def product_picture() -> bytes:
    """A red disc on white: no studio scene of sand and midnight blue has its colour by itself."""
    image = Image.new("RGB", (240, 240), "white")
    pixels = np.asarray(image).copy()
    down, across = np.mgrid[:240, :240]
    pixels[(down - 120) ** 2 + (across - 120) ** 2 < 90**2] = (214, 24, 32)
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def test_from_a_pasted_brief_to_a_verified_object(
    new_page: Callable[..., Page], running_engine: dict[str, Any], bucket: Any, team: dict[str, User]
) -> None:
    maya, jonas, ada = (new_page() for _ in range(3))
    sign_in(maya, email="maya@aurora.example")
    campaign = paste_brief(maya)
    confirm_plan(maya, campaign)
    watch_it_render(maya, campaign)
    check_rows(campaign)
    finals = review_by_keyboard(maya, campaign)
    sign_in(jonas, email="jonas@aurora.example")
    for final in finals:
        sign(jonas, final)
    wait_for_exports(jonas, campaign)
    check_bucket(bucket, campaign)
    sign_in(ada, email="ada@aurora.example")
    ada.goto("/costs/")
    expect(ada.locator("main")).to_contain_text("MKT-2241")


def paste_brief(page: Page) -> Campaign:
    page.goto("/campaigns/new/")
    page.fill("input[name=title]", "Aurora headphones launch")
    page.fill("input[name=ticket]", "MKT-2241")
    page.fill("textarea[name=brief]", BRIEF.read_text())
    page.set_input_files(
        "input[type=file][name=references]",
        files=[{"name": "aurora.png", "mimeType": "image/png", "buffer": product_picture()}],
    )
    page.click("main button[type=submit]")
    expect(page).to_have_url(re.compile(r"/campaigns/\d+/plan/"), timeout=PATIENCE)
    return Campaign.objects.get(ticket="MKT-2241")


def confirm_plan(page: Page, campaign: Campaign) -> None:
    expect(page.get_by_role("button", name=re.compile("start", re.IGNORECASE)).first).to_be_visible(timeout=PATIENCE)
    assert campaign.shots.count() == 4
    assert set(campaign.shots.values_list("kind", flat=True)) == {"hero", "lifestyle", "detail", "social"}
    assert all(len(prompt.split()) < 120 for prompt in campaign.shots.values_list("prompt", flat=True))
    expect(page.locator("main")).to_contain_text("$0.00")
    page.get_by_role("button", name=re.compile("start", re.IGNORECASE)).first.click()
    expect(page).to_have_url(re.compile(rf"/campaigns/{campaign.pk}/$"), timeout=PATIENCE)


def watch_it_render(page: Page, campaign: Campaign) -> None:
    """The page follows by itself: every shot shows a picture without a reload."""
    expect(page.locator("main img[src*='/files/']").nth(3)).to_be_attached(timeout=PATIENCE)
    page.wait_for_function("() => window.performance.getEntriesByType('navigation').length === 1")
    for _ in range(240):
        if not Generation.objects.filter(campaign=campaign, followed_up=False).exists():
            break
        page.wait_for_timeout(500)
    states = list(Generation.objects.filter(campaign=campaign).values_list("state", "error_text"))
    assert {state for state, _ in states} == {"ready"}, states


def check_rows(campaign: Campaign) -> None:
    """What stands on record for every picture, and that nothing was promised that is not settled."""
    rows = list(Generation.objects.filter(campaign=campaign).select_related("shot"))
    heroes = [row for row in rows if row.shot.position == 0 and row.attempt == 1]
    assert [row.seed for row in heroes] == [campaign.base_seed]
    with_product = set()
    for row in rows:
        assert row.ticket == "MKT-2241"
        assert row.metadata["shot"] == row.shot.slug
        content = read_file(row.image.name)
        assert hashlib.sha256(content).hexdigest() == row.sha256
        with Image.open(io.BytesIO(content)) as picture:
            assert picture.size == (row.shot.width, row.shot.height)
            pixels = np.asarray(picture.convert("RGB")).astype(int)
        red = (pixels[..., 0] > pixels[..., 1] * 1.8) & (pixels[..., 0] > pixels[..., 2] * 1.8) & (pixels[..., 0] > 90)
        if red.mean() > 0.004:
            with_product.add((row.shot.kind, row.version))
    # a person wears the product in the lifestyle shot; on the others it stands by itself, in every version
    alone = {(row.shot.kind, row.version) for row in rows if row.shot.kind != "lifestyle"}
    assert with_product >= alone, alone - with_product
    assert not Reservation.objects.filter(state="open").exists()
    assert sum(LedgerEntry.objects.values_list("amount", flat=True), Decimal(0)) == sum(ledger.costs_of(rows).values())


def review_by_keyboard(page: Page, campaign: Campaign) -> list[str]:
    """Walk the contact sheet: approve the best of each shot, reject what is below the bar."""
    best = {}
    for row in Generation.objects.filter(campaign=campaign, state=GenerationState.READY).order_by("average"):
        best[row.shot_id] = row.pk
    page.goto(f"/campaigns/{campaign.pk}/sheet/")
    for row in Generation.objects.filter(campaign=campaign):
        card = page.locator(f"#frame-{row.pk}")
        page.locator(f"#open-{row.pk}").focus()
        if row.pk in best.values():
            page.keyboard.press("a")
            expect(card.locator(".mark.approved")).to_be_attached()
        else:
            page.keyboard.press("x")
            page.keyboard.press("1")
            expect(card.locator(".mark.rejected")).to_be_attached()
    for _ in range(40):
        if Standing.objects.filter(campaign=campaign, version__gt=0).count() == Generation.objects.count():
            break
        page.wait_for_timeout(250)
    assert set(Standing.objects.filter(decision=Decision.APPROVED).values_list("pk", flat=True)) == set(best.values())
    return sorted(best.values())


def sign(page: Page, generation_id: str) -> None:
    page.goto(f"/images/{generation_id}/sign-off/")
    page.fill("[name=alt_text]", "Aurora headphones on a low sandstone plinth in evening light.")
    page.check("input[name=disclosure][value=caption]")
    page.check("input[name=synthetic_performer][value=no]")
    page.get_by_role("button", name=re.compile("^sign", re.IGNORECASE)).click()
    expect(page.locator("main")).to_contain_text(Generation.objects.get(pk=generation_id).sha256[:12])
    assert SignOff.objects.get(generation_id=generation_id).sha256 == Generation.objects.get(pk=generation_id).sha256


def wait_for_exports(page: Page, campaign: Campaign) -> None:
    for _ in range(240):
        states = set(Export.objects.filter(campaign=campaign).values_list("state", flat=True))
        if states == {Export.State.VERIFIED}:
            break
        page.wait_for_timeout(250)
    assert states == {Export.State.VERIFIED}, list(Export.objects.values_list("state", "problem"))
    page.goto("/exports/")
    expect(page.locator("main")).to_contain_text(re.compile("verified", re.IGNORECASE))


def check_bucket(bucket: Any, campaign: Campaign) -> None:
    """Every object is there, with the hash that the manifest says, and says honestly what made it."""
    objects = {item.key: item.get()["Body"].read() for item in bucket.objects.all()}
    manifests = [json.loads(content) for key, content in objects.items() if key.endswith("manifest.json")]
    assert manifests
    originals = 0
    for signature in SignOff.objects.filter(shot__campaign=campaign):
        named = [content for key, content in objects.items() if "_original_" in key]
        originals += 1
        assert any(signature.shot.slug in key for key in objects)
        assert named
    assert originals == 4
    hashes = {hashlib.sha256(content).hexdigest() for content in objects.values()}
    text = json.dumps(manifests)
    assert "MKT-2241" in text
    for manifest in manifests:
        for found in re.findall(r'"sha256": "([0-9a-f]{64})"', json.dumps(manifest.get("files", manifest))):
            assert found in hashes or Generation.objects.filter(sha256=found).exists()
    pictures = [content for key, content in objects.items() if re.search(r"\.(png|jpg|webp)$", key)]
    assert len(pictures) >= 4 * 2
    assert all(b"algorithmicMedia" in content for content in pictures)
    assert not any(b"trainedAlgorithmicMedia" in content for content in pictures)
    assert Workspace.objects.count() == 1
