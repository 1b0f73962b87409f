"""What the sign-off pages read, in a fixed number of queries."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from campaigns.models import Campaign, Shot
from generation.models import Generation, Score
from generation.pictures.files import rendition_url, srcset
from generation.pictures.placeholders import placeholder_data_uri
from generation.rules.gate import LABELS
from review.models import Annotation, Decision, Export, ExportFile, SignOff, Verdict
from review.queries.waiting import finals_to_sign

SHOWN = 120
# Words and payloads that no list shows.
_PAYLOAD = (
    "prompt",
    "negative_prompt",
    "parameters",
    "metadata",
    "metrics",
    "provider_url",
    "error_text",
    "references",
)


@dataclass(frozen=True, slots=True)
class Thumb:
    """A picture for components/thumb.html."""

    aspect: float
    src: str
    srcset: str
    placeholder: str
    alt: str = ""
    mark: str = ""
    sizes: str = "(max-width: 48rem) 92vw, 24rem"


@dataclass(frozen=True, slots=True)
class Final:
    """A final that waits for its signature."""

    generation: Generation
    shot: Shot
    campaign: Campaign
    thumb: Thumb
    approved_by: str
    approved_at: datetime | None


@dataclass(frozen=True, slots=True)
class SignedFinal:
    """A signed final and where its newest export stands (`export` is None before there is one)."""

    signature: SignOff
    shot: Shot
    campaign: Campaign
    thumb: Thumb
    export: Export | None


@dataclass(frozen=True, slots=True)
class Dimension:
    """One line of components/score.html."""

    label: str
    value: float
    reason: str
    weakest: bool


def thumb_of(generation: Generation, *, mark: str = "", alt: str = "") -> Thumb:
    """The picture of a list."""
    return Thumb(
        aspect=round(generation.aspect, 4),
        src=rendition_url(generation, width=640),
        srcset=srcset(generation),
        placeholder=placeholder_data_uri(generation.thumbhash),
        alt=alt,
        mark=mark,
    )


def waiting_finals(workspace_id: int) -> list[Final]:
    """For every shot its newest approved version, longest waiting campaign first. One query."""
    standings = (
        finals_to_sign(workspace_id)
        .select_related("generation", "shot", "campaign", "decided_by")
        .defer(*(f"generation__{name}" for name in _PAYLOAD))
        .order_by("campaign__due_on", "campaign_id", "shot__position", "shot_id", "-generation__version")
    )
    newest: dict[int, Final] = {}
    for standing in standings[: SHOWN * 2]:
        if standing.shot_id in newest:
            continue
        newest[standing.shot_id] = Final(
            generation=standing.generation,
            shot=standing.shot,
            campaign=standing.campaign,
            thumb=thumb_of(standing.generation),
            approved_by=str(standing.decided_by or ""),
            approved_at=standing.decided_at,
        )
    return list(newest.values())[:SHOWN]


def signed_finals(workspace_id: int) -> list[SignedFinal]:
    """The newest signatures that stand. Two queries."""
    signatures = list(
        SignOff.objects.current()
        .filter(workspace_id=workspace_id)
        .select_related("generation", "shot__campaign", "by")
        .defer(*(f"generation__{name}" for name in _PAYLOAD))
        .order_by("-pk")[:SHOWN]
    )
    exports = newest_exports(signature.pk for signature in signatures)
    return [
        SignedFinal(
            signature=signature,
            shot=signature.shot,
            campaign=signature.shot.campaign,
            thumb=thumb_of(signature.generation, mark="signed"),
            export=exports.get(signature.pk),
        )
        for signature in signatures
    ]


def newest_exports(signature_ids: Iterable[int]) -> dict[int, Export]:
    """By signature the newest export that carries it. One query."""
    files = (
        ExportFile.objects.filter(signoff_id__in=list(signature_ids), role="original")
        .select_related("export")
        .order_by("export_id")
    )
    return {file.signoff_id: file.export for file in files}


def next_final(workspace_id: int, *, after: Generation) -> str:
    """The id of another final that waits, of this campaign if there is one, "" where all is signed."""
    others = finals_to_sign(workspace_id).exclude(shot_id=after.shot_id)
    ids = others.order_by("campaign_id", "shot__position").values_list("generation_id", flat=True)
    return str(ids.filter(campaign_id=after.campaign_id).first() or ids.first() or "")


def living_signature(shot_id: int) -> SignOff | None:
    """The signature that locks this shot's stack."""
    return SignOff.objects.current().select_related("by", "generation").filter(shot_id=shot_id).first()


def approvals(generation: Generation) -> list[Verdict]:
    """Who approves this image at the moment."""
    return list(
        generation.verdicts.select_related("by").filter(standing=True, decision=Decision.APPROVED).order_by("pk")
    )


def score_lines(generation: Generation) -> tuple[Score | None, list[Dimension]]:
    """The last score with its lines."""
    score = generation.scores.last()
    if score is None:
        return None, []
    return score, [
        Dimension(
            label=LABELS.get(name, name),
            value=entry.get("score", 0),
            reason=entry.get("reason", ""),
            weakest=name == score.weakest,
        )
        for name, entry in score.dimensions.items()
    ]


def open_marks(generation: Generation) -> int:
    """Marks on this very image that ask for a change and are not resolved."""
    return (
        Annotation.objects.filter(generation=generation, deleted_at__isnull=True, resolved_at__isnull=True)
        .exclude(kind=Annotation.Kind.KEEP)
        .count()
    )
