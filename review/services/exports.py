"""What leaves the house: asked for here, carried by `review.exports.deliver`. Only writer of new Exports.

The row is the request: `review.tasks` sends a nudge on commit, and the sweep finds it where
the nudge was lost.
"""

from collections.abc import Sequence

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from campaigns.database.clock import database_now
from campaigns.models import Campaign, User
from review.exports import naming, store
from review.exports.renditions import CHANNELS
from review.models import Export, ExportFile, SignOff

SIDECAR = "sidecar"
UNDER_WAY = (Export.State.WAITING, Export.State.RUNNING)


class NothingToExport(Exception):
    """There is no signed final that may leave. The message is for people."""


@transaction.atomic
def request_export(*, campaign: Campaign, by: User, signoffs: Sequence[SignOff] | None = None) -> Export:
    """An export of these signatures, or of all living ones of the campaign, ready to be carried.

    The same request while one is under way is the same export (a double click). Raises
    NothingToExport, also where the licence of every final has ended.
    """
    # one request at a time a campaign, so that two clicks see each other
    Campaign.objects.select_for_update().get(pk=campaign.pk)
    signatures = _exportable(campaign=campaign, signoffs=signoffs)
    if (under_way := _same_under_way(campaign=campaign, signatures=signatures)) is not None:
        return under_way
    export = Export.objects.create(
        workspace_id=campaign.workspace_id,
        campaign=campaign,
        destination=store.destination(),
        prefix="",
        requested_by=by,
    )
    export.prefix = naming.folder_name(
        workspace=campaign.workspace.slug,
        ticket=campaign.ticket,
        campaign=campaign.title,
        at=export.created_at,
        export_id=export.pk,
    )
    export.save(update_fields=["prefix"])
    ExportFile.objects.bulk_create(_planned_files(export=export, campaign=campaign, signatures=signatures))
    return export


def retry_export(export: Export) -> bool:
    """Start a failed export again, or one that waits for its next try, from where it stopped; False if it moved on."""
    stopped = Q(state=Export.State.FAILED) | Q(state=Export.State.WAITING)
    return (
        Export.objects.filter(stopped, pk=export.pk).update(
            state=Export.State.WAITING, due_at=None, tries=0, problem="", finished_at=None
        )
        == 1
    )


def find_waiting_exports(*, limit: int = 50) -> list[int]:
    """Find exports that wait and are due, or were left by a worker that died."""
    now = database_now()
    waiting = Export.objects.filter(state__in=UNDER_WAY).due(now).free(now)
    return list(waiting.order_by("pk").values_list("pk", flat=True)[:limit])


def _exportable(*, campaign: Campaign, signoffs: Sequence[SignOff] | None) -> list[SignOff]:
    living = (
        SignOff.objects.current()
        .select_related("generation", "shot")
        .filter(shot__campaign=campaign)
        .order_by("shot__position", "pk")
    )
    if signoffs is not None:
        living = living.filter(pk__in=[signature.pk for signature in signoffs])
    found = list(living)
    if not found:
        raise NothingToExport("Nothing is signed in this campaign yet. Sign a final first; it is exported by itself.")
    today = timezone.localdate()
    licensed = [signature for signature in found if not signature.licence_until or signature.licence_until >= today]
    if not licensed:
        raise NothingToExport("The licence of every signed final has ended, so none of them may leave the house.")
    return licensed


def _same_under_way(*, campaign: Campaign, signatures: Sequence[SignOff]) -> Export | None:
    wanted = {signature.pk for signature in signatures}
    under_way = Export.objects.filter(campaign=campaign, state__in=UNDER_WAY)
    for export in under_way.prefetch_related("files"):
        if {file.signoff_id for file in export.files.all()} == wanted:
            return export
    return None


def _planned_files(*, export: Export, campaign: Campaign, signatures: Sequence[SignOff]) -> list[ExportFile]:
    """Every object of the export, in the order in which it leaves; sizes join the names when the files are made."""
    beginnings = naming.make_unique(
        naming.stem(
            ticket=campaign.ticket,
            campaign=campaign.title,
            shot=signature.shot.slug,
            version=signature.generation.version,
        )
        for signature in signatures
    )
    files = []
    for signature, beginning in zip(signatures, beginnings, strict=True):
        files += [
            ExportFile(export=export, signoff=signature, role=channel.name, name=f"{beginning}_{channel.name}")
            for channel in CHANNELS
        ]
        files.append(ExportFile(export=export, signoff=signature, role=SIDECAR, name=f"{beginning}.json"))
    return files
