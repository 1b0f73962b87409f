"""How many images a campaign has, and how many of them are what: read from figures that are kept, not counted."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db.models import CharField, Count, Q, Sum, TextField, Value
from django.db.models.functions import Cast, JSONObject

from campaigns.database.prepared import Given, Statement
from campaigns.models import Campaign, User
from generation.models import Generation, GenerationState
from review.models import SignOff, Tally
from review.queries.sheet import ALSO
from review.queries.waiting import WORTH_A_LOOK, is_open

KEPT, REMOVED, SETTLED = "kept", "removed", "settled"


@dataclass(frozen=True, slots=True)
class Counts:
    """Finished images of the campaign, and how many of them are what. What is signed is still approved.

    Attempts that the machines followed up are neither reviewed nor to be reviewed.
    """

    all: int
    reviewed: int
    to_review: int
    below: int
    approved: int
    escalated: int

    @property
    def worth_a_look(self) -> int:
        """What has been reviewed and what is to be."""
        return self.reviewed + self.to_review


def read_counts(campaign: Campaign, *, viewer: User) -> Counts:
    """How many finished images there are, and of which kind. One query, two where first looks are independent."""
    return counts_of(_counted().run(campaign=campaign.pk), campaign, viewer=viewer)


def counts_of(rows: Iterable[tuple[Any, ...]], campaign: Campaign, *, viewer: User) -> Counts:
    """The same from the rows of `counted_parts`; rows of other kinds among them are left aside.

    No query, one where first looks are independent.
    """
    figures: Counter[str] = Counter()
    for kind, _, note, _ in rows:
        if kind == KEPT:
            figures.update(json.loads(note))
        elif kind in (REMOVED, SETTLED):
            figures.subtract(json.loads(note))
    reviewed, waiting = figures["finished"] - figures["undecided"], figures["to_review"]
    if campaign.independent_first_look:
        reviewed, waiting = _own_figures(campaign, viewer)
    return Counts(
        all=figures["finished"],
        reviewed=reviewed,
        to_review=waiting,
        below=figures["below"],
        approved=figures["approved"],
        escalated=figures["escalated"],
    )


@lru_cache(maxsize=1)
def _counted() -> Statement:
    kept, *less = counted_parts()
    return Statement(kept.union(*less, all=True))


def counted_parts() -> list[Any]:
    """Querysets of (kind, name, note, number): what was kept, and what is among it and does not count: the images of
    shots that were taken out, and as to be reviewed those beside a signed version. They are few, and counted.
    """
    campaign: Any = Given("campaign", Campaign._meta.pk)
    sums: dict[str, Any] = {
        name: Sum(name) for name in ("finished", "undecided", "to_review", "below", "approved", "escalated")
    }
    kept = Tally.objects.filter(campaign=campaign).order_by().values("campaign_id")
    removed = Generation.objects.filter(
        shot__campaign=campaign, shot__removed_at__isnull=False, state=GenerationState.READY
    )
    counted = {
        "finished": Count("pk"),
        "undecided": Count("pk", filter=Q(decision="")),
        "to_review": Count("pk", filter=Q(WORTH_A_LOOK, decision="")),
        "below": Count("pk", filter=Q(passed=False)),
        "approved": Count("pk", filter=Q(decision__in=ALSO["approved"])),
        "escalated": Count("pk", filter=Q(escalated=True)),
    }
    signed = SignOff.objects.filter(shot__campaign=campaign, shot__removed_at__isnull=True, withdrawn_at__isnull=True)
    settled = Generation.objects.filter(shot__in=signed.values("shot"), state=GenerationState.READY, decision="")
    return [
        _told(kept, KEPT, sums),
        _told(
            settled.order_by().values("campaign_id"),
            SETTLED,
            {"undecided": Count("pk"), "to_review": Count("pk", filter=WORTH_A_LOOK)},
        ),
        _told(removed.order_by().values("campaign_id"), REMOVED, counted),
    ]


def _told(groups: Any, kind: str, figures: dict[str, Any]) -> Any:
    told: Any = Cast(JSONObject(**figures), TextField())
    return groups.annotate(note=told).values_list(
        Value(kind, output_field=CharField()), Value("", output_field=CharField()), "note", Value(0)
    )


def _own_figures(campaign: Campaign, viewer: User) -> tuple[int, int]:
    """What this person has decided on or a signature settled, and what is still to be decided. One query."""
    images = Generation.objects.filter(campaign=campaign, shot__removed_at__isnull=True, state=GenerationState.READY)
    waits = is_open(viewer=viewer, blind=True)
    counted = images.aggregate(reviewed=Count("pk", filter=~waits), to_review=Count("pk", filter=waits & WORTH_A_LOOK))
    return counted["reviewed"], counted["to_review"]
