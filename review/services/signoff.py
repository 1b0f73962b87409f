"""The signature under a final. Only writer of SignOff.

A signature binds to the SHA-256 of the file as it lies in storage at that moment. It locks the stack of the shot: no
verdict is stored beside it (`verdicts.is_locked`).
"""

import hashlib
from datetime import date
from typing import Any

from django.core.files.storage import default_storage
from django.db import IntegrityError, models, transaction
from django.db.models import F
from django.utils import timezone

from campaigns.models import Membership, Role, User
from generation.models import Generation, GenerationState
from review.models import Decision, Export, SignOff, Standing, Verdict
from review.services.decision_status import set_standing
from review.services.exports import request_export
from review.services.verdicts import StackSigned, StaleVerdict, VerdictRefused, record_verdict

SIGNED = "signed"
CHUNK = 1 << 20
LONGEST_ALT_TEXT = 400


class Disclosure(models.TextChoices):
    """How the public learns that a machine made the picture."""

    VISIBLE = "visible", "A visible label on the picture"
    CAPTION = "caption", "In the caption or credit line beside it"
    METADATA = "metadata", "In the file's metadata only"


class SignOffRefused(Exception):
    """Nothing was signed. The message is for people; `field` names the answer of the checklist that is wrong."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class SignOffOutdated(SignOffRefused):
    """Somebody decided or signed in the meantime: the page is to be read again (409)."""


def hash_of_stored_file(generation: Generation) -> str:
    """SHA-256 of the file as it lies in storage now. Raises SignOffRefused where it cannot be read."""
    digest = hashlib.sha256()
    try:
        with default_storage.open(generation.image.name or "", "rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
    except (OSError, ValueError) as error:
        raise SignOffRefused(
            "The file of this image cannot be read from storage. Nothing was signed. "
            "Ask an admin to look at the media folder, then sign again."
        ) from error
    return digest.hexdigest()


def sign_off(
    *,
    generation: Generation,
    by: User,
    alt_text: str,
    disclosure: str,
    synthetic_performer: bool | None,
    licence_from: date | None,
    licence_until: date | None,
    brand_checked: bool,
    note: str,
    seen_version: int,
    confirmed_sha256: str,
) -> SignOff:
    """Sign an approved image, lock its stack and request its export, in one transaction.

    `seen_version` is the Standing's version and `confirmed_sha256` the hash that the approver's
    page showed. The caller nudges the export (`review.tasks`) on commit. Raises SignOffRefused,
    SignOffOutdated.
    """
    require_approver(by=by, workspace_id=generation.workspace_id)
    answers: dict[str, Any] = {
        "alt_text": alt_text.strip(),
        "disclosure": disclosure,
        "synthetic_performer": synthetic_performer,
        "licence_from": licence_from,
        "licence_until": licence_until,
        "brand_checked": brand_checked,
    }
    check_answers(**answers, has_brand=generation.campaign.brand_kit_id is not None)
    sha256 = _confirm_file(generation=generation, confirmed_sha256=confirmed_sha256)
    about = {"generation": generation, "shot_id": generation.shot_id, "workspace_id": generation.workspace_id}
    try:
        with transaction.atomic():
            signature = SignOff.objects.create(**about, **answers, by=by, sha256=sha256, note=note.strip())
            _lock_stack(generation=generation, by=by, seen_version=seen_version)
            request_export(campaign=generation.campaign, by=by, signoffs=[signature])
    except IntegrityError as error:
        raise SignOffOutdated(who_signed(generation.shot_id)) from error
    return signature


def send_back(*, generation: Generation, by: User, note: str, seen_version: int) -> Verdict:
    """Ask for changes instead of signing; the note says which. Raises SignOffRefused, SignOffOutdated."""
    require_approver(by=by, workspace_id=generation.workspace_id)
    if not note.strip():
        raise SignOffRefused("Say what is to change, so that the next version can be better.", field="reason")
    try:
        return record_verdict(
            generation=generation, decision=Decision.CHANGES, by=by, note=note, seen_version=seen_version
        )
    except (StackSigned, StaleVerdict) as error:
        raise SignOffOutdated(f"{error} Nothing was sent back.") from error
    except VerdictRefused as error:
        raise SignOffRefused(str(error), field="reason") from error


@transaction.atomic
def withdraw_signature(*, signature: SignOff, by: User) -> SignOff:
    """Take a signature back: the stack opens again, the image stands as approved. What was exported stays on record."""
    require_approver(by=by, workspace_id=signature.workspace_id)
    now = timezone.now()
    withdrawn = SignOff.objects.filter(pk=signature.pk, withdrawn_at__isnull=True).update(
        withdrawn_at=now, withdrawn_by=by
    )
    if withdrawn != 1:
        raise SignOffOutdated("This signature was withdrawn before. Nothing was changed.")
    set_standing(
        Standing.objects.filter(decision=SIGNED),
        generation_id=signature.generation_id,
        decision=Decision.APPROVED,
        version=F("version") + 1,
        decided_by=by,
        decided_at=now,
    )
    Export.objects.filter(files__signoff=signature, state__in=[Export.State.WAITING, Export.State.RUNNING]).update(
        problem="A signature was withdrawn while this export was under way."
    )
    signature.refresh_from_db()
    return signature


def require_approver(*, by: User, workspace_id: int) -> None:
    """Raises SignOffRefused for anybody who is not an approver of this workspace."""
    membership = Membership.objects.filter(user=by, workspace_id=workspace_id).first()
    if membership is None or not membership.reaches(Role.APPROVER):
        raise SignOffRefused("Only approvers sign finals. Ask an approver of this workspace.")


def check_answers(
    *,
    alt_text: str,
    disclosure: str,
    synthetic_performer: bool | None,
    licence_from: date | None,
    licence_until: date | None,
    brand_checked: bool,
    has_brand: bool,
) -> None:
    """The checklist. Raises SignOffRefused at the first answer that is missing or cannot be right."""
    if not alt_text.strip():
        raise SignOffRefused("Describe the picture for people who cannot see it.", field="alt_text")
    if len(alt_text.strip()) > LONGEST_ALT_TEXT:
        raise SignOffRefused(
            f"The alt text is longer than {LONGEST_ALT_TEXT} characters. Shorten it.", field="alt_text"
        )
    if disclosure not in Disclosure.values:
        raise SignOffRefused("Choose how the AI origin is disclosed.", field="disclosure")
    if synthetic_performer is None:
        raise SignOffRefused("Say whether a synthetic person appears in the picture.", field="synthetic_performer")
    if synthetic_performer and disclosure == Disclosure.METADATA:
        raise SignOffRefused(
            "A synthetic person must be disclosed where people see it: choose a visible label or the caption.",
            field="disclosure",
        )
    if licence_from and licence_until and licence_until < licence_from:
        raise SignOffRefused("The licence ends before it begins.", field="licence_until")
    if licence_until and licence_until < timezone.localdate():
        raise SignOffRefused("The licence has ended already.", field="licence_until")
    if has_brand and not brand_checked:
        raise SignOffRefused("Compare the picture with the brand kit and tick the box.", field="brand_checked")


def _confirm_file(*, generation: Generation, confirmed_sha256: str) -> str:
    """The hash of the stored file, which must be the one on record and the one that the approver saw."""
    if generation.state != GenerationState.READY or not generation.image:
        raise SignOffRefused("This image is not finished, so there is nothing to sign yet.")
    sha256 = hash_of_stored_file(generation)
    if sha256 != generation.sha256:
        raise SignOffRefused(
            "The stored file is not the one that was reviewed: its content has changed. Nothing was signed. "
            "Ask an admin to restore it, or sign another version."
        )
    if sha256 != confirmed_sha256:
        raise SignOffOutdated("The page showed another file than the one in storage. Reload it and look again.")
    return sha256


def _lock_stack(*, generation: Generation, by: User, seen_version: int) -> None:
    """Approved to signed by compare-and-set on the version that the approver saw."""
    if set_standing(
        Standing.objects.filter(decision=Decision.APPROVED, version=seen_version),
        generation_id=generation.pk,
        decision=SIGNED,
        version=F("version") + 1,
        decided_by=by,
        decided_at=timezone.now(),
    ):
        return
    standing = Standing.objects.select_related("decided_by").filter(pk=generation.pk).first()
    if standing is None or standing.decision == Standing.UNDECIDED:
        raise SignOffRefused("Nobody has approved this image yet. Approve it first, then sign it.")
    if standing.decision == Decision.APPROVED:
        raise SignOffOutdated("Somebody decided on this image while you were reading. Reload it and look again.")
    who = f" by {standing.decided_by}" if standing.decided_by else ""
    raise SignOffOutdated(
        f"This image is no longer approved: {standing.get_decision_display().lower()}{who}. Nothing was signed."
    )


def who_signed(shot_id: int) -> str:
    """In words for people: which version of the shot is signed, by whom, since when."""
    signature = (
        SignOff.objects.select_related("by", "generation").filter(shot_id=shot_id, withdrawn_at__isnull=True).first()
    )
    if signature is None:
        return "Somebody signed or withdrew at the same moment. Reload the page and look again."
    return (
        f"Version {signature.generation.version} of this shot was signed by {signature.by} on "
        f"{signature.at:%d %b %Y at %H:%M}. One signature a shot: withdraw that one first."
    )
