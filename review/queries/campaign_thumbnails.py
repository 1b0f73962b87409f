"""Strips of thumbnails: a few images of each campaign, one a shot, each the version on top of its stack."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db.models import F, OuterRef, QuerySet, Subquery, Window
from django.db.models.functions import RowNumber

from campaigns.models import Shot, User
from generation.models import Generation
from review.models import Verdict
from review.queries.sheet import COLUMNS, thumb_of, verdicts_of
from review.queries.stacks import tops_of

FRAMES = 6
Thumb = dict[str, Any]


def read_strips(
    campaign_ids: Collection[int],
    *,
    viewer: User,
    frames: int = FRAMES,
    first: Mapping[int, Sequence[str]] | None = None,
) -> dict[int, list[Thumb]]:
    """Up to `frames` thumbs a campaign, one a shot, without scores. A fixed number of queries for any number.

    `first`: by campaign the images with which its strip begins; the tops of other shots follow.
    """
    if not campaign_ids:
        return {}
    first = first or {}
    shots = _first_shots(campaign_ids, most=frames)
    tops = tops_of([shot.pk for shot in shots])
    begun = {pk for ids in first.values() for pk in ids}
    images = _images({*tops.values(), *begun}, viewer=viewer)
    strips: dict[int, list[Thumb]] = defaultdict(list)
    shown: set[int] = set()
    for campaign, ids in first.items():
        for image in (images[pk] for pk in ids if pk in images):
            if image.shot_id not in shown and len(strips[campaign]) < frames:
                strips[campaign].append(_thumb(image))
                shown.add(image.shot_id)
    for shot in shots:
        if shot.pk not in shown and len(strips[shot.campaign_id]) < frames:
            top = images.get(tops.get(shot.pk, ""))
            empty = {"aspect": round(shot.width / shot.height, 4), "words": shot.title}
            strips[shot.campaign_id].append(_thumb(top) if top else empty)
    return strips


def first_of_each_campaign(images: QuerySet[Generation], *, most: int) -> dict[int, list[str]]:
    """Ids of the first `most` of these images by campaign: in the order of the shots, the newest of each. One query."""
    newest = Window(RowNumber(), partition_by=F("shot_id"), order_by=F("version").desc())
    of_shots = images.annotate(place_in_shot=newest).filter(place_in_shot=1)
    rows = of_shots.order_by("campaign_id", "shot__position", "shot_id").values_list("campaign_id", "pk")
    found: dict[int, list[str]] = defaultdict(list)
    for campaign, pk in rows:
        if len(found[campaign]) < most:
            found[campaign].append(pk)
    return found


def _first_shots(campaign_ids: Collection[int], *, most: int) -> list[Shot]:
    place = Window(RowNumber(), partition_by=F("campaign_id"), order_by=[F("position"), F("pk")])
    return list(
        Shot.objects.filter(campaign_id__in=campaign_ids, removed_at__isnull=True)
        .annotate(place=place)
        .filter(place__lte=most)
        .only("id", "title", "campaign_id", "width", "height", "position")
        .order_by("campaign_id", "place")
    )


def _images(ids: Collection[str], *, viewer: User) -> dict[str, Generation]:
    own: Any = Subquery(
        Verdict.objects.filter(generation=OuterRef("pk"), by=viewer, standing=True).values("decision")[:1]
    )
    rows = (
        Generation.objects.filter(pk__in=ids)
        .annotate(own_decision=own)
        .select_related("shot", "standing", "standing__decided_by", "campaign")
        .only(*COLUMNS, "campaign__independent_first_look")
    )
    return {row.pk: row for row in rows}


def _thumb(image: Generation) -> Thumb:
    standing = verdicts_of(image, blind=image.campaign.independent_first_look)
    return {**thumb_of(image, standing), "score": "", "below": False, "sizes": "11rem"}
