"""The signature: who may, what it binds to, what it locks."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from campaigns.models import User
from generation.models import Generation
from review.models import Decision, Export, SignOff, Standing
from review.services import signoff
from review.services.verdicts import is_locked
from tests.factories import (
    BrandKitFactory,
    GenerationFactory,
    MembershipFactory,
    SignOffFactory,
    VerdictFactory,
    picture,
)

pytestmark = [pytest.mark.django_db, pytest.mark.both_engines]


@pytest.fixture
def generation() -> Generation:
    approved = GenerationFactory(ready=True, scored=8.2)
    VerdictFactory(generation=approved)
    return approved


@pytest.fixture
def approver(generation: Generation) -> User:
    return MembershipFactory(workspace=generation.workspace, approver=True).user


def sign(generation: Generation, by: User, **answers: Any) -> SignOff:
    standing = Standing.objects.filter(pk=generation.pk).first()
    return signoff.sign_off(
        **{
            "generation": generation,
            "by": by,
            "alt_text": "Headphones on a stone plinth.",
            "disclosure": "caption",
            "synthetic_performer": False,
            "licence_from": None,
            "licence_until": None,
            "brand_checked": False,
            "note": "",
            "seen_version": standing.version if standing else 0,
            "confirmed_sha256": generation.sha256,
            **answers,
        }
    )


def test_a_signature_binds_to_the_file_locks_the_stack_and_asks_for_the_export(
    generation: Generation, approver: User
) -> None:
    signature = sign(generation, approver)
    assert signature.sha256 == generation.sha256
    standing = Standing.objects.get(pk=generation.pk)
    assert (standing.decision, standing.version, standing.decided_by) == ("signed", 2, approver)
    assert is_locked(generation.shot_id)
    export = Export.objects.get()
    assert export.campaign == generation.campaign
    assert {file.signoff_id for file in export.files.all()} == {signature.pk}


@pytest.mark.parametrize("role", ["reviewer", "stranger"])
def test_only_approvers_of_the_workspace_sign(generation: Generation, role: str) -> None:
    reviewer = MembershipFactory(workspace=generation.workspace).user
    stranger = MembershipFactory(approver=True).user
    with pytest.raises(signoff.SignOffRefused, match="Only approvers"):
        sign(generation, reviewer if role == "reviewer" else stranger)
    assert not SignOff.objects.exists()


@pytest.mark.parametrize(
    ("answers", "field"),
    [
        ({"alt_text": "  "}, "alt_text"),
        ({"alt_text": "x" * 401}, "alt_text"),
        ({"disclosure": ""}, "disclosure"),
        ({"disclosure": "nowhere"}, "disclosure"),
        ({"synthetic_performer": None}, "synthetic_performer"),
        ({"synthetic_performer": True, "disclosure": "metadata"}, "disclosure"),
        (
            {
                "licence_from": timezone.localdate() + timedelta(days=9),
                "licence_until": timezone.localdate() + timedelta(days=8),
            },
            "licence_until",
        ),
        ({"licence_until": timezone.localdate() - timedelta(days=1)}, "licence_until"),
    ],
)
def test_every_answer_of_the_checklist_is_needed(
    generation: Generation, approver: User, answers: dict[str, Any], field: str
) -> None:
    with pytest.raises(signoff.SignOffRefused) as refused:
        sign(generation, approver, **answers)
    assert refused.value.field == field
    assert not SignOff.objects.exists()
    assert generation.standing.decision == Decision.APPROVED


def test_with_a_brand_kit_the_brand_is_checked(generation: Generation, approver: User) -> None:
    generation.campaign.brand_kit = BrandKitFactory(workspace=generation.workspace)
    generation.campaign.save()
    with pytest.raises(signoff.SignOffRefused) as refused:
        sign(generation, approver)
    assert refused.value.field == "brand_checked"
    assert sign(generation, approver, brand_checked=True).brand_checked


def test_a_file_that_changed_in_storage_is_not_signed(generation: Generation, approver: User) -> None:
    default_storage.delete(generation.image.name)
    default_storage.save(generation.image.name, ContentFile(picture(tint=99)))
    with pytest.raises(signoff.SignOffRefused, match="content has changed"):
        sign(generation, approver)
    default_storage.delete(generation.image.name)
    with pytest.raises(signoff.SignOffRefused, match="cannot be read"):
        sign(generation, approver)
    assert not SignOff.objects.exists()
    assert not Export.objects.exists()


def test_only_what_the_page_showed_is_signed(generation: Generation, approver: User) -> None:
    with pytest.raises(signoff.SignOffOutdated):
        sign(generation, approver, confirmed_sha256="0" * 64)
    with pytest.raises(signoff.SignOffOutdated, match="while you were reading"):
        sign(generation, approver, seen_version=0)


@pytest.mark.parametrize("decision", [Decision.REJECTED, Decision.CHANGES])
def test_only_approved_images_are_signed(generation: Generation, approver: User, decision: str) -> None:
    Standing.objects.filter(pk=generation.pk).update(decision=decision)
    with pytest.raises(signoff.SignOffOutdated, match="no longer approved"):
        sign(generation, approver)
    assert not SignOff.objects.exists()


def test_undecided_and_unfinished_images_are_not_signed(approver: User, generation: Generation) -> None:
    undecided = GenerationFactory(ready=True, shot__campaign=generation.campaign)
    with pytest.raises(signoff.SignOffRefused, match="Nobody has approved"):
        sign(undecided, approver)
    rendering = GenerationFactory(rendering=True, shot__campaign=generation.campaign)
    with pytest.raises(signoff.SignOffRefused, match="not finished"):
        sign(rendering, approver)


def test_one_signature_a_shot(generation: Generation, approver: User) -> None:
    sign(generation, approver)
    sibling = GenerationFactory(ready=True, shot=generation.shot)
    VerdictFactory(generation=sibling)
    with pytest.raises(signoff.SignOffOutdated, match="Version 1 of this shot was signed by"):
        sign(sibling, approver)
    assert SignOff.objects.count() == 1
    assert Standing.objects.get(pk=sibling.pk).decision == Decision.APPROVED


def test_a_withdrawn_signature_opens_the_stack_again(generation: Generation, approver: User) -> None:
    signature = sign(generation, approver)
    signoff.withdraw_signature(signature=signature, by=approver)
    standing = Standing.objects.get(pk=generation.pk)
    assert (standing.decision, standing.version) == (Decision.APPROVED, 3)
    assert not is_locked(generation.shot_id)
    assert (signature.withdrawn_by, signature.withdrawn_at is not None) == (approver, True)
    with pytest.raises(signoff.SignOffOutdated, match="withdrawn before"):
        signoff.withdraw_signature(signature=signature, by=approver)
    generation.refresh_from_db()
    assert sign(generation, approver).pk != signature.pk


def test_only_approvers_withdraw() -> None:
    signature = SignOffFactory()
    with pytest.raises(signoff.SignOffRefused):
        signoff.withdraw_signature(signature=signature, by=MembershipFactory(workspace=signature.workspace).user)


def test_sent_back_with_a_note(generation: Generation, approver: User) -> None:
    with pytest.raises(signoff.SignOffRefused) as refused:
        signoff.send_back(generation=generation, by=approver, note=" ", seen_version=1)
    assert refused.value.field == "reason"
    with pytest.raises(signoff.SignOffOutdated):
        signoff.send_back(generation=generation, by=approver, note="Warmer, please.", seen_version=0)
    verdict = signoff.send_back(generation=generation, by=approver, note="Warmer, please.", seen_version=1)
    assert (verdict.decision, verdict.note, verdict.by) == (Decision.CHANGES, "Warmer, please.", approver)
    with pytest.raises(signoff.SignOffOutdated):
        sign(generation, approver)


def test_what_is_signed_is_not_sent_back(generation: Generation, approver: User) -> None:
    sign(generation, approver)
    with pytest.raises(signoff.SignOffOutdated, match="was signed by"):
        signoff.send_back(generation=generation, by=approver, note="Warmer, please.", seen_version=2)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_sign_at_once_one_signs(generation: Generation) -> None:
    approvers = [MembershipFactory(workspace=generation.workspace, approver=True).user for _ in range(4)]
    start = threading.Barrier(len(approvers))

    def try_to_sign(by: User) -> str:
        own = Generation.objects.select_related("campaign__workspace", "shot").get(pk=generation.pk)
        start.wait()
        try:
            sign(own, by, seen_version=1)
        except signoff.SignOffRefused as refused:
            return str(refused)
        finally:
            connection.close()
        return "signed"

    with ThreadPoolExecutor(len(approvers)) as pool:
        answers = sorted(pool.map(try_to_sign, approvers))
    assert answers.count("signed") == 1
    assert all("signed" in answer for answer in answers)
    assert SignOff.objects.count() == 1
    assert Export.objects.count() == 1
    assert Standing.objects.get(pk=generation.pk).version == 2
