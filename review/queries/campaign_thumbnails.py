"""Strips of thumbnails: for each campaign its first shots, each by the version that stands in front."""

from collections.abc import Collection
from typing import Any

from django.db.models import Case, F, IntegerField, OuterRef, Subquery, Value, When, Window
from django.db.models.functions import RowNumber

from campaigns.models import Shot, User
from generation.models import Generation
from generation.rules.states import GenerationState
from review.models import Verdict
from review.queries.sheet import COLUMNS, SIGNED, thumb_of, verdicts_of

FRAMES = 6


def read_strips(
    campaign_ids: Collection[int], *, viewer: User, frames: int = FRAMES
) -> dict[int, list[dict[str, Any]]]:
    """Up to `frames` thumbs a campaign, one a shot, without scores. Two queries however many campaigns."""
    if not campaign_ids:
        return {}
    place = Window(RowNumber(), partition_by=F("campaign_id"), order_by=[F("position"), F("pk")])
    shots = list(
        Shot.objects.filter(campaign_id__in=campaign_ids, removed_at__isnull=True)
        .annotate(place=place, front=Subquery(_front().values("pk")[:1]))
        .filter(place__lte=frames)
        .only("id", "title", "campaign_id", "width", "height", "position")
        .order_by("campaign_id", "place")
    )
    pictures = _pictures([shot.front for shot in shots if shot.front], viewer=viewer)  # type: ignore[attr-defined]
    strips: dict[int, list[dict[str, Any]]] = {}
    for shot in shots:
        picture = pictures.get(shot.front or "") or {  # type: ignore[attr-defined]
            "aspect": round(shot.width / shot.height, 4),
            "words": shot.title,
        }
        strips.setdefault(shot.campaign_id, []).append(picture)
    return strips


def _front() -> Any:
    """Which version of a shot stands for it: signed, approved, finished, newest."""
    rank = Case(
        When(standing__decision=SIGNED, then=Value(0)),
        When(standing__decision="approved", then=Value(1)),
        When(state=GenerationState.READY, then=Value(2)),
        default=Value(3),
        output_field=IntegerField(),
    )
    return Generation.objects.filter(shot=OuterRef("pk")).order_by(rank, "-version")


def _pictures(ids: list[str], *, viewer: User) -> dict[str, dict[str, Any]]:
    own: Any = Subquery(
        Verdict.objects.filter(generation=OuterRef("pk"), by=viewer, standing=True).values("decision")[:1]
    )
    rows = (
        Generation.objects.filter(pk__in=ids)
        .annotate(own_decision=own)
        .select_related("shot", "standing", "standing__decided_by", "campaign")
        .only(*COLUMNS, "campaign__independent_first_look")
    )
    return {
        row.pk: {
            **thumb_of(row, verdicts_of(row, blind=row.campaign.independent_first_look)),
            "score": "",
            "below": False,
            "sizes": "11rem",
        }
        for row in rows
    }
