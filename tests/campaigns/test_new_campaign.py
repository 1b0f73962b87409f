"""A brief comes in through the page: what is kept, what is refused and how it is said."""

import json
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from io import BytesIO
from threading import Barrier
from typing import Any

import pytest
from django.conf import settings as config
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from campaigns.models import Campaign, Membership, Reference, Shot
from tests import factories

pytestmark = pytest.mark.django_db

RULES = {"bar": "7.0", "max_attempts": "3"}
BRIEF = "Four launch shots for the Aurora headphones by lunch: hero, lifestyle, detail, social square."


@pytest.fixture
def member(client: Client) -> Membership:
    membership: Membership = factories.MembershipFactory()
    client.force_login(membership.user)
    return membership


@pytest.fixture
def nudges(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    sent: list[Any] = []
    monkeypatch.setattr("generation.views.new_campaign.send_nudge", sent.append)
    return sent


def upload(name: str, content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def posts(*items: dict[str, Any]) -> bytes:
    return json.dumps(items).encode()


def test_a_pasted_brief_becomes_a_campaign_that_waits_to_be_planned(
    client: Client,
    member: Membership,
    nudges: list[Any],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    kit = factories.BrandKitFactory(workspace=member.workspace)
    fields = {
        **RULES,
        "brief": BRIEF,
        "title": "Aurora launch",
        "ticket": "MKT-2241",
        "brand_kit": kit.pk,
        "budget": "5.00",
        "due_on": timezone.localdate().isoformat(),
        "requires_human_pick": "on",
        "references": [upload("aurora.png", factories.picture())],
    }
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(reverse("new-campaign"), fields)
    campaign = Campaign.objects.get()
    assert answer.status_code == 302
    assert answer["Location"] == reverse("plan", args=[campaign.pk])
    assert (campaign.workspace, campaign.created_by) == (member.workspace, member.user)
    assert (campaign.title, campaign.ticket, campaign.brief) == ("Aurora launch", "MKT-2241", BRIEF)
    assert campaign.planning == Campaign.Planning.WAITING
    assert campaign.requires_human_pick
    assert not campaign.independent_first_look
    assert campaign.budget.limit == Decimal(5)
    assert [(nudge.step, nudge.subject) for nudge in nudges] == [("plan", campaign.pk)]
    reference = Reference.objects.get()
    assert reference.image.name == f"references/{member.workspace_id}/{reference.sha256}.jpg"
    assert default_storage.exists(reference.image.name)


def test_posts_json_becomes_shots_in_order(client: Client, member: Membership) -> None:
    content = posts(
        {"slug": "hero", "title": "Hero", "description": "On a plinth", "mood": "calm"},
        {"slug": "square", "title": "Square", "aspect_ratio": "1:1", "model": "black-forest-labs/flux-1.1-pro"},
        {"slug": "tall", "title": "Tall", "aspect_ratio": "1:2"},
    )
    answer = client.post(reverse("new-campaign"), {**RULES, "upload": upload("spring_launch.json", content)})
    assert answer.status_code == 302
    campaign = Campaign.objects.get()
    assert (campaign.title, campaign.source) == ("Spring launch", Campaign.Source.POSTS)
    hero, square, tall = campaign.shots.all()
    assert (hero.slug, hero.description, hero.width, hero.height) == ("hero", "On a plinth", 1344, 768)
    assert (square.width, square.height, square.model_overridden) == (1024, 1024, True)
    assert tall.height / tall.width == pytest.approx(2, rel=0.05)


def test_a_table_in_another_encoding_and_separator(client: Client, member: Membership) -> None:
    content = "title;description;mood\nHütte;Über den Wolken;ruhig\n".encode("cp1252")
    answer = client.post(reverse("new-campaign"), {**RULES, "upload": upload("alm.csv", content)}, follow=True)
    shot = Shot.objects.get()
    assert (shot.title, shot.description) == ("Hütte", "Über den Wolken")
    assert shot.campaign.source == Campaign.Source.TABLE
    assert "read as Windows-1252" in answer.content.decode()


def test_ten_thousand_posts_are_taken_and_one_more_is_not(client: Client, member: Membership) -> None:
    many = [{"slug": f"post-{number}", "title": f"Post {number}"} for number in range(10_001)]
    answer = client.post(reverse("new-campaign"), {**RULES, "upload": upload("posts.json", posts(*many))})
    assert answer.status_code == 422
    assert "a campaign takes up to 10,000" in answer.content.decode()
    assert not Campaign.objects.exists()
    answer = client.post(reverse("new-campaign"), {**RULES, "upload": upload("posts.json", posts(*many[:-1]))})
    assert answer.status_code == 302
    assert Shot.objects.count() == 10_000


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("posts.json", b"", "empty"),
        ("posts.json", b"[]", "nothing to render"),
        ("posts.json", b'[{"slug": "a", "title": "A"', "not valid JSON"),
        ("posts.json", posts({"slug": "a", "title": "A"}, {"slug": "a", "title": "B"}), "has already"),
        ("posts.json", posts({"slug": "a", "title": "A", "model": "no/such"}), "no model “no/such”"),
        ("brief.pdf", b"%PDF-1.7 something", "a PDF"),
        ("brief.txt", b"x" * (config.LOUPE_MAX_BRIEF_BYTES + 1), "Loupe reads up to"),
    ],
)
def test_a_bad_file_is_explained_and_the_rest_is_kept(
    client: Client, member: Membership, name: str, content: bytes, words: str
) -> None:
    fields = {**RULES, "title": "My own title", "ticket": "MKT-7", "upload": upload(name, content)}
    answer = client.post(reverse("new-campaign"), fields)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert words in page
    assert "My own title" in page
    assert "MKT-7" in page
    assert not Campaign.objects.exists()


def test_a_bad_file_names_several_problems_at_once(client: Client, member: Membership) -> None:
    content = posts({"slug": "a"}, {"slug": "b", "title": "B", "kind": "poem"}, {"slug": "c", "title": "C", "width": 5})
    page = client.post(reverse("new-campaign"), {**RULES, "upload": upload("posts.json", content)}).content.decode()
    for words in ("Post 1 has no title", "the kind “poem”", "Post 3 has the width"):
        assert words in page


def huge_png() -> bytes:
    """The header of a PNG of 40,000 by 40,000 pixels, with hardly any data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def cut_off() -> bytes:
    target = BytesIO()
    Image.effect_noise((400, 300), 60).convert("RGB").save(target, "JPEG")
    return target.getvalue()[: len(target.getvalue()) // 2]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.png", b"these are only words"),
        ("logo.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'),
        ("half.jpg", cut_off()),
        ("empty.png", b""),
        ("huge.png", huge_png()),
    ],
)
def test_a_reference_that_is_no_picture_is_refused_at_its_field(
    client: Client, member: Membership, name: str, content: bytes
) -> None:
    good = upload("good.png", factories.picture())
    answer = client.post(
        reverse("new-campaign"), {**RULES, "brief": BRIEF, "references": [good, upload(name, content)]}
    )
    page = answer.content.decode()
    assert answer.status_code == 422
    assert name in page.split('id="id_references_error"')[1]
    assert BRIEF in page
    assert not Campaign.objects.exists()
    assert not Reference.objects.exists()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("brief", "  ", "Paste a brief here"),
        ("brief", "x" * (config.LOUPE_MAX_BRIEF_BYTES + 1), "Loupe reads up to"),
        ("budget", "-1", "greater than or equal to 0"),
        ("budget", "much", "Enter a number"),
        ("bar", "11", "less than or equal to 10"),
        ("max_attempts", "0", "greater than or equal to 1"),
        ("due_on", "2020-01-01", "has passed"),
        ("due_on", "soon", "valid date"),
        ("ticket", "T" * 41, "at most 40"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    client: Client, member: Membership, field: str, value: str, words: str
) -> None:
    answer = client.post(reverse("new-campaign"), {**RULES, "brief": BRIEF, "title": "ServiceProcess", field: value})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert "ServiceProcess" in answer.content.decode()
    assert not Campaign.objects.exists()


def test_a_pasted_brief_beside_a_brief_in_a_file_is_asked_about(client: Client, member: Membership) -> None:
    fields = {**RULES, "brief": BRIEF, "upload": upload("brief.md", b"# Another brief\n\nThree shots.")}
    page = client.post(reverse("new-campaign"), fields).content.decode()
    assert "Keep one of them" in page
    assert BRIEF in page


def test_a_brief_of_exactly_200_kb_is_taken(client: Client, member: Membership, settings: Settings) -> None:
    brief = ("words " * 40_000)[: settings.LOUPE_MAX_BRIEF_BYTES - 1] + "."
    assert client.post(reverse("new-campaign"), {**RULES, "brief": brief}).status_code == 302


def test_a_budget_of_zero_is_legal(client: Client, member: Membership) -> None:
    assert client.post(reverse("new-campaign"), {**RULES, "brief": BRIEF, "budget": "0"}).status_code == 302
    assert Campaign.objects.get().budget.limit == 0


def test_another_house_s_brand_kit_does_not_exist(client: Client, member: Membership) -> None:
    foreign = factories.BrandKitFactory()
    answer = client.post(reverse("new-campaign"), {**RULES, "brief": BRIEF, "brand_kit": foreign.pk})
    assert answer.status_code == 422
    assert foreign.name not in answer.content.decode()


def test_with_htmx_only_the_form_comes_back_and_success_moves_on(client: Client, member: Membership) -> None:
    headers = {"HX-Request": "true"}
    refused = client.post(reverse("new-campaign"), RULES, headers=headers)
    assert refused.status_code == 422
    assert "<html" not in refused.content.decode()
    moved = client.post(reverse("new-campaign"), {**RULES, "brief": BRIEF}, headers=headers)
    assert moved["HX-Redirect"] == reverse("plan", args=[Campaign.objects.get().pk])


def test_nothing_is_kept_by_half(client: Client, member: Membership, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**anything: Any) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("generation.planning.intake.keep_reference", fail)
    client.raise_request_exception = False
    fields = {**RULES, "brief": BRIEF, "budget": "3", "references": [upload("a.png", factories.picture())]}
    assert client.post(reverse("new-campaign"), fields).status_code == 500
    assert not Campaign.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_form_sent_twice_at_once_is_one_campaign_and_a_changed_one_is_another(client: Client) -> None:
    member = factories.MembershipFactory()
    client.force_login(member.user)
    key = client.get(reverse("new-campaign")).context["form"]["form_key"].value()
    together = Barrier(4)

    def send(brief: str) -> str:
        double = Client()
        double.cookies = client.cookies
        together.wait()
        try:
            return double.post(reverse("new-campaign"), {**RULES, "brief": brief, "form_key": str(key)})["Location"]
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=4) as pool:
        addresses = list(pool.map(send, [BRIEF, BRIEF, BRIEF, "Two shots for the Aurora case."]))
    first, other = Campaign.objects.get(brief=BRIEF), Campaign.objects.exclude(brief=BRIEF).get()
    assert addresses == [reverse("plan", args=[pk]) for pk in (first.pk, first.pk, first.pk, other.pk)]


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["no key at all", "", "\x00", "0" * 500])
def test_a_form_whose_key_is_none_is_taken_as_it_is_written(client: Client, key: str) -> None:
    member = factories.MembershipFactory()
    client.force_login(member.user)
    answer = client.post(reverse("new-campaign"), {**RULES, "brief": BRIEF, "form_key": key})
    assert answer["Location"] == reverse("plan", args=[Campaign.objects.get(brief=BRIEF).pk])
