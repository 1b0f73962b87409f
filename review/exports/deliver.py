"""Carries an export: one object after the other, each uploaded once, read back and compared; the manifest last.

Every finished object is a row, so a killed worker's successor begins at object k of n. The claim
is a compare-and-set on the row with a lease; its end is the fencing token, renewed before every
object: whoever lost it stops.
"""

import hashlib
import logging
import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models import F
from django.utils import timezone

from campaigns.database.clock import database_now
from generation.catalogue.providers import IMAGE_PROVIDERS
from generation.models import Generation, Purpose
from generation.pictures.images import ImageRejected
from review.exports import manifest, naming, store
from review.exports.embedding import NotEmbeddable, embed_xmp, read_xmp
from review.exports.metadata import PictureMetadata, source_type, usage_terms, xmp_packet
from review.exports.renditions import CHANNELS, EXTENSIONS, Fit, Rendition, render
from review.exports.store import StoreTrouble
from review.models import Export, ExportFile, SignOff

logger = logging.getLogger(__name__)

LEASE_SECONDS = 120
MAX_TRIES = 5
# Seconds until the next try by itself: 15, 60, 240, 960 (a store that is down for a quarter of an hour is waited for).
FIRST_WAIT_SECONDS = 15
TOOL = "Loupe"
LOCAL_SYSTEM = "Loupe local studio"
# These work on the pixels of their parent; the others begin anew.
KEEPS_PIXELS = frozenset({Purpose.REFINE, Purpose.INPAINT, Purpose.UPSCALE})
_CHANNELS = {channel.name: channel for channel in CHANNELS}


class CannotLeave(Exception):
    """This final must not leave the house as it is. The message is for people."""


class LostClaim(Exception):
    """Somebody else carries this export now."""


def run_export(export_id: int) -> str | None:
    """Carry an export that waits or was left; the state it ends this try in, None where it is not ours to carry."""
    export = _claim(export_id)
    if export is None:
        return None
    try:
        if export.tries > MAX_TRIES:
            raise CannotLeave("It was interrupted again and again. Ask an admin to look at the worker, then try again.")
        for file in export.files.exclude(state=ExportFile.State.VERIFIED):
            _renew(export)
            _deliver_file(export=export, file=file)
        _renew(export)
        _deliver_manifest(export)
    except LostClaim:
        return None
    except StoreTrouble as trouble:
        return _stop(export, words=str(trouble), passes=trouble.passes)
    except (CannotLeave, ImageRejected, NotEmbeddable) as reason:
        return _stop(export, words=str(reason), passes=False)
    except Exception:
        logger.exception("Export %s stopped.", export_id)
        return _stop(export, words="Loupe made a mistake here; it is on record for an admin.", passes=True)
    return _end(export, state=Export.State.VERIFIED, problem="", finished_at=timezone.now())


def _claim(export_id: int) -> Export | None:
    under_way = Export.objects.filter(pk=export_id, state__in=[Export.State.WAITING, Export.State.RUNNING])
    claimed = under_way.due(database_now()).claim(
        holder=uuid.uuid4().hex, seconds=LEASE_SECONDS, state=Export.State.RUNNING, tries=F("tries") + 1
    )
    if claimed != 1:
        return None
    return Export.objects.select_related("campaign__workspace", "requested_by").get(pk=export_id)


def _renew(export: Export) -> None:
    if Export.objects.filter(pk=export.pk).renew(holder=export.claimed_by, seconds=LEASE_SECONDS) != 1:
        raise LostClaim


def _end(
    export: Export, *, state: str, problem: str, due_at: datetime | None = None, finished_at: datetime | None = None
) -> str | None:
    ended = Export.objects.filter(pk=export.pk, state=Export.State.RUNNING).release(
        holder=export.claimed_by, state=state, problem=problem, due_at=due_at, finished_at=finished_at
    )
    return state if ended == 1 else None


def _stop(export: Export, *, words: str, passes: bool) -> str | None:
    """Say what happened and what is kept; wait for another try where that can help."""
    counts = list(export.files.values_list("state", flat=True))
    done = sum(state == ExportFile.State.VERIFIED for state in counts)
    kept = f"{done} of {len(counts)} files are there and verified; " if done else "No file was lost; "
    if passes and export.tries < MAX_TRIES:
        wait = FIRST_WAIT_SECONDS * 4 ** (export.tries - 1)
        again = f"Loupe goes on by itself in {_span(wait)}."
        until = database_now() + timedelta(seconds=wait)
        return _end(export, state=Export.State.WAITING, problem=f"{words} {kept}{again}", due_at=until)
    problem = f"{words} {kept}“Try again” goes on from there."
    return _end(export, state=Export.State.FAILED, problem=problem, finished_at=timezone.now())


def _span(seconds: int) -> str:
    return f"{seconds} seconds" if seconds < 120 else f"{seconds // 60} minutes"


def _deliver_file(*, export: Export, file: ExportFile) -> None:
    """One object: made, uploaded, read back, compared. Raises StoreTrouble, CannotLeave."""
    signature = SignOff.objects.select_related("generation__campaign__workspace", "generation__shot", "shot", "by").get(
        pk=file.signoff_id
    )
    try:
        name, content = _make(export=export, file=file, signature=signature)
        address = f"{export.prefix}/{name}"
        store.put_once(name=address, content=content, media_type=manifest.media_type_of(name))
        _record(file, name=name, sha256=hashlib.sha256(content).hexdigest(), size=len(content), problem="",
                state=ExportFile.State.UPLOADED)  # fmt: skip
        _compare(address=address, sha256=file.sha256)
    except (StoreTrouble, CannotLeave, ImageRejected, NotEmbeddable) as error:
        _record(file, state=ExportFile.State.FAILED, problem=str(error))
        raise
    _record(file, state=ExportFile.State.VERIFIED, verified_at=timezone.now())


def _record(file: ExportFile, **fields: object) -> None:
    ExportFile.objects.filter(pk=file.pk).update(**fields)
    for field, value in fields.items():
        setattr(file, field, value)


def _compare(*, address: str, sha256: str) -> None:
    if store.read_back(address) != sha256:
        raise StoreTrouble("The store gave back something else than what was sent.", passes=True)


def _make(*, export: Export, file: ExportFile, signature: SignOff) -> tuple[str, bytes]:
    """Name and bytes of one object; the same again whenever it is asked."""
    _check_may_leave(signature)
    if file.role not in _CHANNELS:
        pictures = export.files.filter(signoff=signature, role__in=_CHANNELS)
        return file.name, manifest.encode(manifest.sidecar(signature=signature, files=pictures))
    rendition = _rendition(signature=signature, role=file.role)
    packet = xmp_packet(picture_metadata(signature))
    content = embed_xmp(rendition.content, packet=packet, media_type=rendition.media_type)
    if read_xmp(content) != packet:
        raise CannotLeave("The provenance could not be written into the picture, so it does not leave.")
    if naming.is_complete(file.name):
        return file.name, content
    name = naming.complete(
        beginning=file.name,
        width=rendition.width,
        height=rendition.height,
        extension=EXTENSIONS[rendition.media_type],
    )
    return name, content


def _check_may_leave(signature: SignOff) -> None:
    """The gate of the house: signed still, licensed still, disclosed, described."""
    if signature.withdrawn_at is not None:
        raise CannotLeave(f"The signature under “{signature.shot}” was withdrawn, so it does not leave.")
    if signature.licence_until and signature.licence_until < timezone.localdate():
        raise CannotLeave(f"The licence of “{signature.shot}” ended on {signature.licence_until:%d %b %Y}.")
    if not signature.alt_text or not signature.disclosure:
        raise CannotLeave(f"“{signature.shot}” lacks its alt text or its disclosure. Sign it again.")


def _rendition(*, signature: SignOff, role: str) -> Rendition:
    generation = signature.generation
    content = _signed_content(signature)
    channel = _CHANNELS[role]
    if channel.fit is not Fit.AS_IT_IS:
        return render(content=content, channel=channel, max_pixels=settings.LOUPE_MAX_PIXELS)
    return Rendition(content, generation.media_type, generation.image_width or 0, generation.image_height or 0)


def _signed_content(signature: SignOff) -> bytes:
    """The very bytes under the signature. Raises CannotLeave where storage holds others."""
    try:
        with default_storage.open(signature.generation.image.name or "", "rb") as file:
            content: bytes = file.read()
    except (OSError, ValueError) as error:
        raise CannotLeave(f"The file of “{signature.shot}” cannot be read from storage.") from error
    if hashlib.sha256(content).hexdigest() != signature.sha256:
        raise CannotLeave(
            f"The stored file of “{signature.shot}” is not the one that was signed: its content has changed. "
            "Restore it, or withdraw the signature and sign again."
        )
    return content


def picture_metadata(signature: SignOff) -> PictureMetadata:
    """What the pictures of this final say of themselves; no prompt and no names of people."""
    generation = signature.generation
    campaign = generation.campaign
    made_by_model, on_photograph = origin_of_pixels(generation)
    return PictureMetadata(
        title=f"{campaign.title}: {signature.shot.title}",
        alt_text=signature.alt_text,
        source_type=source_type(made_by_model=made_by_model, on_photograph=on_photograph),
        system=generation.model if made_by_model else LOCAL_SYSTEM,
        image_id=generation.pk,
        ticket=campaign.ticket,
        campaign=campaign.title,
        credit=campaign.workspace.name,
        keywords=tuple(word for word in (campaign.ticket, campaign.title, signature.shot.title) if word),
        created_at=generation.completed_at or generation.created_at,
        signed_at=signature.at,
        tool=TOOL,
        usage_terms=usage_terms(licence_from=signature.licence_from, licence_until=signature.licence_until),
        licence_from=signature.licence_from,
        licence_until=signature.licence_until,
    )


def origin_of_pixels(generation: Generation) -> tuple[bool, bool]:
    """Whether a trained model made any of the pixels, and whether they stand on an uploaded photograph."""
    made_by_model = False
    at: Generation | None = generation
    while at is not None:
        made_by_model = made_by_model or not IMAGE_PROVIDERS[at.provider].draws_comps
        if at.purpose not in KEEPS_PIXELS:
            return made_by_model, False
        if at.parent is None:
            return made_by_model, bool(at.references)
        at = at.parent
    return made_by_model, False


def _deliver_manifest(export: Export) -> None:
    files = list(export.files.all())
    signatures = list(
        SignOff.objects.select_related("generation__campaign", "generation__shot", "shot", "by")
        .filter(export_files__export=export)
        .distinct()
        .order_by("shot__position", "pk")
    )
    content = manifest.encode(manifest.manifest(export=export, signatures=signatures, files=files))
    sha256 = hashlib.sha256(content).hexdigest()
    address = f"{export.prefix}/{naming.MANIFEST}"
    store.put_once(name=address, content=content, media_type="application/json")
    _compare(address=address, sha256=sha256)
    Export.objects.filter(pk=export.pk).update(manifest_name=naming.MANIFEST, manifest_sha256=sha256)
