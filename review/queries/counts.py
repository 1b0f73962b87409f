"""How many images a campaign has, and how many of them are what: read from figures that are kept, not counted."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db.models import CharField, Count, Exists, OuterRef, Q, Sum, TextField, Value
from django.db.models.functions import Cast, JSONObject

from campaigns.database.prepared import Given, Statement
from campaigns.models import Campaign, User
from generation.models import Generation
from generation.rules.states import GenerationState
from review.models import SignOff, Tally, Verdict

KEPT, REMOVED, SETTLED = "kept", "removed", "settled"


@dataclass(frozen=True, slots=True)
class Counts:
    """Finished images of the campaign, and how many of them are what. Signed ones are not among the approved."""

    all: int
    reviewed: int
    below: int
    approved: int
    escalated: int

    @property
    def unreviewed(self) -> int:
        return self.all - self.reviewed


def read_counts(campaign: Campaign, *, viewer: User) -> Counts:
    """How many finished images there are, and of which kind. One query, three where first looks are independent."""
    return counts_of(_counted().run(campaign=campaign.pk), campaign, viewer=viewer)


def counts_of(rows: Iterable[tuple[Any, ...]], campaign: Campaign, *, viewer: User) -> Counts:
    """The same from the rows of `counted_parts`; rows of other kinds among them are left aside.

    No query, two where first looks are independent.
    """
    figures: Counter[str] = Counter()
    for kind, _, note, _ in rows:
        if kind == KEPT:
            figures.update(json.loads(note))
        elif kind in (REMOVED, SETTLED):
            figures.subtract(json.loads(note))
    finished = figures["finished"]
    reviewed = _looked_at(campaign, viewer) if campaign.independent_first_look else finished - figures["undecided"]
    return Counts(
        all=finished,
        reviewed=reviewed,
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
    shots that were taken out, and as undecided those beside a signed version. They are few, and counted.
    """
    campaign: Any = Given("campaign", Campaign._meta.pk)
    sums: dict[str, Any] = {name: Sum(name) for name in ("finished", "undecided", "below", "approved", "escalated")}
    kept = Tally.objects.filter(campaign=campaign).order_by().values("campaign_id")
    removed = Generation.objects.filter(
        shot__campaign=campaign, shot__removed_at__isnull=False, state=GenerationState.READY
    )
    counted = {
        "finished": Count("pk"),
        "undecided": Count("pk", filter=Q(decision="")),
        "below": Count("pk", filter=Q(passed=False)),
        "approved": Count("pk", filter=Q(decision="approved")),
        "escalated": Count("pk", filter=Q(escalated=True)),
    }
    signed = SignOff.objects.filter(shot__campaign=campaign, shot__removed_at__isnull=True, withdrawn_at__isnull=True)
    settled = Generation.objects.filter(shot__in=signed.values("shot"), state=GenerationState.READY, decision="")
    return [
        _told(kept, KEPT, sums),
        _told(settled.order_by().values("campaign_id"), SETTLED, {"undecided": Count("pk")}),
        _told(removed.order_by().values("campaign_id"), REMOVED, counted),
    ]


def _told(groups: Any, kind: str, figures: dict[str, Any]) -> Any:
    told: Any = Cast(JSONObject(**figures), TextField())
    return groups.annotate(note=told).values_list(
        Value(kind, output_field=CharField()), Value("", output_field=CharField()), "note", Value(0)
    )


def _looked_at(campaign: Campaign, viewer: User) -> int:
    """What this person has decided on, and what a signature settled anyway: one's own work and the stacks of finals."""
    images = Generation.objects.filter(campaign=campaign, state=GenerationState.READY, shot__removed_at__isnull=True)
    own = Verdict.objects.filter(by=viewer, standing=True)
    signed = SignOff.objects.filter(shot__campaign=campaign, withdrawn_at__isnull=True).values("shot")
    settled = images.filter(~Exists(own.filter(generation=OuterRef("pk"))), shot__in=signed)
    return own.filter(generation__in=images).count() + settled.count()
