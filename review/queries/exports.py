"""What the export pages read, in a fixed number of queries."""

from dataclasses import dataclass, field

from django.db.models import Count, Max, Q

from campaigns.models import Campaign
from review.models import Export, ExportFile, SignOff
from review.queries.signoffs import Thumb, thumb_of

SHOWN = 60
KINDS = {"waiting": "waiting", "running": "running", "verified": "good", "failed": "bad", "uploaded": "running"}


@dataclass(frozen=True, slots=True)
class ExportLine:
    """One export in the list."""

    export: Export
    files: int
    verified: int

    @property
    def kind(self) -> str:
        """The sign of components/state_chip.html."""
        return KINDS[self.export.state]


@dataclass(frozen=True, slots=True)
class SignedCampaign:
    """A campaign with signed finals, and how many of them lie verified in the store."""

    campaign: Campaign
    signed: int
    in_store: int


@dataclass(slots=True)
class FileLine:
    """One object of an export."""

    file: ExportFile
    kind: str


@dataclass(slots=True)
class FinalFiles:
    """The objects of one final."""

    signature: SignOff
    thumb: Thumb
    files: list[FileLine] = field(default_factory=list)


def export_lines(workspace_id: int) -> list[ExportLine]:
    """The newest exports. One query."""
    exports = (
        Export.objects.filter(workspace_id=workspace_id)
        .select_related("campaign", "requested_by")
        .annotate(
            file_count=Count("files"),
            verified_count=Count("files", filter=Q(files__state=ExportFile.State.VERIFIED)),
        )
        .order_by("-pk")[:SHOWN]
    )
    return [ExportLine(export, export.file_count, export.verified_count) for export in exports]


def is_under_way(lines: list[ExportLine]) -> bool:
    """Whether a page has to look again."""
    return any(line.export.state in (Export.State.WAITING, Export.State.RUNNING) for line in lines)


def signed_campaigns(workspace_id: int) -> list[SignedCampaign]:
    """Campaigns with living signatures, the newest signature first. One query."""
    living = Q(shots__signoffs__withdrawn_at__isnull=True, shots__signoffs__isnull=False)
    verified = living & Q(
        shots__signoffs__export_files__role="original",
        shots__signoffs__export_files__state=ExportFile.State.VERIFIED,
    )
    campaigns = (
        Campaign.objects.filter(workspace_id=workspace_id)
        .annotate(
            signed=Count("shots__signoffs", filter=living, distinct=True),
            in_store=Count("shots__signoffs", filter=verified, distinct=True),
            last_signed=Max("shots__signoffs__at", filter=living),
        )
        .filter(signed__gt=0)
        .order_by("-last_signed")[:SHOWN]
    )
    return [SignedCampaign(campaign, campaign.signed, campaign.in_store) for campaign in campaigns]


def export_line(export: Export) -> ExportLine:
    """One export with its counts. One query."""
    states = list(export.files.values_list("state", flat=True))
    return ExportLine(export, len(states), sum(state == ExportFile.State.VERIFIED for state in states))


def files_by_final(export: Export) -> list[FinalFiles]:
    """Every object, by final. One query."""
    finals: dict[int, FinalFiles] = {}
    files = export.files.select_related("signoff__generation", "signoff__shot", "signoff__by").order_by("pk")
    for file in files:
        if file.signoff_id not in finals:
            thumb = thumb_of(file.signoff.generation)
            finals[file.signoff_id] = FinalFiles(signature=file.signoff, thumb=thumb)
        finals[file.signoff_id].files.append(FileLine(file=file, kind=KINDS[file.state]))
    return list(finals.values())
