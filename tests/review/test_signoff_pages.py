"""Pages of sign-off and exports: who sees them, what they answer, how much they ask the database."""

import io
import zipfile
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from campaigns.models import Membership
from generation.models import Generation
from review import tasks
from review.exports.deliver import run_export
from review.models import Decision, Export, SignOff, Standing
from review.services.exports import request_export
from tests.factories import (
    BrandKitFactory,
    GenerationFactory,
    MembershipFactory,
    ShotFactory,
    SignOffFactory,
    VerdictFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def approver() -> Membership:
    return MembershipFactory(approver=True)


@pytest.fixture
def signed_in(client: Client, approver: Membership) -> Client:
    client.force_login(approver.user)
    return client


@pytest.fixture(autouse=True)
def nudged(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    ids: list[int] = []
    monkeypatch.setattr(tasks.run_export, "apply_async", lambda args, **options: ids.append(args[0]))
    return ids


def approved(membership: Membership, **fields: Any) -> Generation:
    generation = GenerationFactory(
        ready=True, scored=8.2, shot=ShotFactory(campaign__workspace=membership.workspace, **fields)
    )
    VerdictFactory(generation=generation)
    return generation


def answers(generation: Generation, **changes: Any) -> dict[str, Any]:
    standing = Standing.objects.get(pk=generation.pk)
    return {
        "alt_text": "Headphones on a stone plinth.",
        "disclosure": "caption",
        "synthetic_performer": "no",
        "licence_from": "",
        "licence_until": "",
        "note": "",
        "seen_version": standing.version,
        "confirmed_sha256": generation.sha256,
        **changes,
    }


def test_signed_on_the_page_and_on_its_way(
    signed_in: Client, approver: Membership, nudged: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    generation = approved(approver, title="Aurora hero")
    page = signed_in.get(f"/images/{generation.pk}/sign-off/").content.decode()
    assert "Sign this final" in page
    assert generation.sha256 in page
    assert page.count("<figcaption>") == 3
    with django_capture_on_commit_callbacks(execute=True):
        answer = signed_in.post(f"/images/{generation.pk}/sign-off/", answers(generation))
    assert answer.status_code == 302
    signature = SignOff.objects.get()
    assert (signature.by, signature.generation) == (approver.user, generation)
    assert nudged == [Export.objects.get().pk]
    page = signed_in.get(f"/images/{generation.pk}/sign-off/").content.decode()
    assert "Signed by" in page
    assert signature.sha256 in page
    assert "Sign this final" not in page
    assert "Aurora hero" in signed_in.get("/sign-off/").content.decode()


def test_a_final_that_a_person_approved_below_the_bar_reads_below_the_bar(
    signed_in: Client, approver: Membership
) -> None:
    generation = GenerationFactory(ready=True, scored=6.99, shot=ShotFactory(campaign__workspace=approver.workspace))
    VerdictFactory(generation=generation)
    page = signed_in.get(f"/images/{generation.pk}/sign-off/").content.decode()
    assert "Score 6.9, the bar is 7.0." in page


def test_what_is_missing_is_said_and_what_was_typed_is_kept(signed_in: Client, approver: Membership) -> None:
    generation = approved(approver)
    sent = answers(generation, alt_text="A careful description.", disclosure="", synthetic_performer="")
    answer = signed_in.post(f"/images/{generation.pk}/sign-off/", sent)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Choose how the AI origin is disclosed." in page
    assert "Say whether a synthetic person appears" in page
    assert "A careful description." in page
    assert not SignOff.objects.exists()


@pytest.mark.parametrize(
    "change", [{"licence_until": "not a date"}, {"seen_version": "x"}, {"seen_version": "-1"}, {"alt_text": "x" * 9999}]
)
def test_bad_input_is_answered_in_words(signed_in: Client, approver: Membership, change: dict[str, str]) -> None:
    generation = approved(approver)
    assert signed_in.post(f"/images/{generation.pk}/sign-off/", answers(generation, **change)).status_code == 422


def test_a_stale_page_is_told_and_can_sign_after_looking_again(signed_in: Client, approver: Membership) -> None:
    generation = approved(approver)
    stale = answers(generation)
    Standing.objects.filter(pk=generation.pk).update(version=7)
    answer = signed_in.post(f"/images/{generation.pk}/sign-off/", stale)
    assert answer.status_code == 409
    assert "while you were reading" in answer.content.decode()
    assert 'name="seen_version" value="7"' in answer.content.decode()
    Standing.objects.filter(pk=generation.pk).update(decision=Decision.REJECTED)
    answer = signed_in.post(f"/images/{generation.pk}/sign-off/", answers(generation))
    assert answer.status_code == 409
    assert "no longer approved" in answer.content.decode()


def test_the_brand_is_asked_where_there_is_one(signed_in: Client, approver: Membership) -> None:
    generation = approved(approver)
    generation.campaign.brand_kit = BrandKitFactory(workspace=approver.workspace, name="Northlight")
    generation.campaign.save()
    assert "Northlight" in signed_in.get(f"/images/{generation.pk}/sign-off/").content.decode()
    assert signed_in.post(f"/images/{generation.pk}/sign-off/", answers(generation)).status_code == 422
    answer = signed_in.post(f"/images/{generation.pk}/sign-off/", answers(generation, brand_checked="on"))
    assert answer.status_code == 302


def test_sent_back_from_the_page(signed_in: Client, approver: Membership) -> None:
    generation = approved(approver)
    address = f"/images/{generation.pk}/send-back/"
    assert signed_in.post(address, {"reason": "", "seen_version": 1}).status_code == 422
    assert signed_in.post(address, {"reason": "Warmer, please.", "seen_version": 0}).status_code == 409
    assert signed_in.post(address, {"reason": "Warmer, please.", "seen_version": 1}).status_code == 302
    assert Standing.objects.get(pk=generation.pk).decision == Decision.CHANGES


def test_withdrawn_from_the_page(signed_in: Client, approver: Membership) -> None:
    signature = SignOffFactory(generation__shot=ShotFactory(campaign__workspace=approver.workspace))
    assert signed_in.post(f"/images/{signature.generation_id}/withdraw-signature/").status_code == 302
    signature.refresh_from_db()
    assert signature.withdrawn_by == approver.user
    assert "Sign this final" in signed_in.get(f"/images/{signature.generation_id}/sign-off/").content.decode()
    assert signed_in.post(f"/images/{signature.generation_id}/withdraw-signature/").status_code == 404


def delivered(membership: Membership) -> Export:
    signature = SignOffFactory(
        generation__shot=ShotFactory(
            campaign__workspace=membership.workspace, campaign__title="Aurora\r\nX: y", slug="hero"
        )
    )
    export = request_export(campaign=signature.shot.campaign, by=signature.by)
    assert run_export(export.pk) == "verified"
    export.refresh_from_db()
    return export


def test_an_export_is_seen_and_fetched(signed_in: Client, approver: Membership) -> None:
    export = delivered(approver)
    page = signed_in.get(f"/exports/{export.pk}/").content.decode()
    assert "hx-trigger" not in page
    for file in export.files.all():
        assert file.name in page
    manifest = signed_in.get(f"/exports/{export.pk}/manifest.json")
    assert manifest["Content-Type"] == "application/json"
    file = export.files.first()
    assert file
    answer = signed_in.get(f"/exports/{export.pk}/files/{file.pk}/")
    assert answer["Content-Disposition"] == f'attachment; filename="{file.name}"'
    content = b"".join(answer.streaming_content)  # type: ignore[arg-type]
    assert len(content) == file.size
    archive = signed_in.get(f"/exports/{export.pk}/files.zip")
    packed = zipfile.ZipFile(io.BytesIO(b"".join(archive.streaming_content)))  # type: ignore[arg-type]
    assert packed.testzip() is None
    names = {name.rpartition("/")[2] for name in packed.namelist()}
    assert names == {entry.name for entry in export.files.all()} | {"manifest.json"}
    assert all(".." not in name and "\r" not in name for name in packed.namelist())
    assert packed.read(next(name for name in packed.namelist() if name.endswith(file.name))) == content


def test_a_file_that_is_gone_from_the_store_is_said(
    signed_in: Client, approver: Membership, house_folders: Any
) -> None:
    export = delivered(approver)
    for path in (house_folders / "exports" / export.prefix).iterdir():
        path.unlink()
    for part in ("files.zip", "manifest.json"):
        answer = signed_in.get(f"/exports/{export.pk}/{part}", follow=True)
        assert "no longer in the store" in answer.content.decode()


def test_while_it_runs_the_page_looks_again_and_a_failed_one_offers_another_try(
    signed_in: Client, approver: Membership, nudged: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    export = delivered(approver)
    Export.objects.filter(pk=export.pk).update(state="running")
    assert 'hx-trigger="every 2s"' in signed_in.get(f"/exports/{export.pk}/").content.decode()
    assert 'hx-trigger="every 2s"' in signed_in.get("/exports/").content.decode()
    fragment = signed_in.get(f"/exports/{export.pk}/", headers={"HX-Request": "true"}).content.decode()
    assert fragment.lstrip().startswith('<div id="export-state"')
    assert "<html" not in signed_in.get("/exports/", headers={"HX-Request": "true"}).content.decode()
    Export.objects.filter(pk=export.pk).update(state="failed", problem="The store does not answer.")
    page = signed_in.get(f"/exports/{export.pk}/").content.decode()
    assert "The store does not answer." in page
    assert "Try again" in page
    with django_capture_on_commit_callbacks(execute=True):
        assert signed_in.post(f"/exports/{export.pk}/retry/").status_code == 302
    assert nudged == [export.pk]
    assert Export.objects.get(pk=export.pk).state == "waiting"


def test_all_signed_finals_again(
    signed_in: Client, approver: Membership, nudged: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    export = delivered(approver)
    assert "1 signed, 1 verified in the store" in signed_in.get("/exports/").content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        assert signed_in.post(f"/campaigns/{export.campaign_id}/export/").status_code == 302
    assert nudged == [Export.objects.latest("pk").pk]
    assert nudged != [export.pk]
    SignOff.objects.update(withdrawn_at=export.created_at, withdrawn_by=approver.user)
    answer = signed_in.post(f"/campaigns/{export.campaign_id}/export/", follow=True)
    assert "Nothing is signed in this campaign yet" in answer.content.decode()


def test_another_workspace_finds_nothing(client: Client, approver: Membership) -> None:
    generation = approved(approver)
    export = delivered(approver)
    file = export.files.first()
    assert file
    client.force_login(MembershipFactory(admin=True).user)
    for address in (
        f"/images/{generation.pk}/sign-off/",
        f"/exports/{export.pk}/",
        f"/exports/{export.pk}/manifest.json",
        f"/exports/{export.pk}/files.zip",
        f"/exports/{export.pk}/files/{file.pk}/",
    ):
        assert client.get(address).status_code == 404
    for address in (
        f"/images/{generation.pk}/sign-off/",
        f"/images/{generation.pk}/send-back/",
        f"/images/{generation.pk}/withdraw-signature/",
        f"/campaigns/{export.campaign_id}/export/",
        f"/exports/{export.pk}/retry/",
    ):
        assert client.post(address, {}).status_code == 404
    assert generation.shot.title not in client.get("/sign-off/").content.decode()
    assert "Nothing has left the house yet" in client.get("/exports/").content.decode()


def test_reviewers_look_at_exports_and_do_not_sign(client: Client, approver: Membership) -> None:
    generation = approved(approver)
    export = delivered(approver)
    client.force_login(MembershipFactory(workspace=approver.workspace).user)
    assert client.get("/sign-off/").status_code == 403
    assert client.get(f"/images/{generation.pk}/sign-off/").status_code == 403
    assert client.post(f"/images/{generation.pk}/sign-off/", answers(generation)).status_code == 403
    assert client.post(f"/exports/{export.pk}/retry/").status_code == 403
    assert client.get(f"/exports/{export.pk}/").status_code == 200
    assert not SignOff.objects.filter(generation=generation).exists()


@pytest.mark.parametrize("address", ["/sign-off/", "/exports/", "/exports/{export}/"])
def test_a_fixed_number_of_queries(signed_in: Client, approver: Membership, address: str) -> None:
    def count() -> int:
        export = Export.objects.latest("pk")
        with CaptureQueriesContext(connection) as captured:
            assert signed_in.get(address.format(export=export.pk)).status_code == 200
        return len(captured)

    def add(number: int) -> None:
        for _ in range(number):
            approved(approver)
        signatures = [
            SignOffFactory(generation__shot=ShotFactory(campaign__workspace=approver.workspace)) for _ in range(number)
        ]
        for signature in signatures[1:]:
            signature.shot.campaign = signatures[0].shot.campaign
            signature.shot.save()
        request_export(campaign=signatures[0].shot.campaign, by=approver.user)

    add(2)
    few = count()
    add(12)
    assert count() == few


def test_the_proposed_alt_text_says_what_is_to_be_seen(signed_in: Client, approver: Membership) -> None:
    prompt = (
        "Photograph: a matte green kettle on a counter, steam rising. Theme: slow mornings. Low sun from the left."
        " Colour palette: stone #aaa294, green #4d8a52. Aspect ratio 16:9. No text, no watermarks, no logos."
    )
    generation = approved(approver, description="Slow mornings taste better. Buy now!", prompt=prompt)
    page = signed_in.get(f"/images/{generation.pk}/sign-off/").content.decode()
    proposed = page.partition('name="alt_text"')[2].partition("</textarea>")[0].partition(">")[2].strip()
    assert proposed == "A matte green kettle on a counter, steam rising. Low sun from the left."
