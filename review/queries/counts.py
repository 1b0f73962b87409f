"""How many images a campaign has, and how many of them are what: read from figures that are kept, not counted."""

from dataclasses import dataclass
from functools import lru_cache

from django.db import connection
from django.db.models import Exists, OuterRef

from campaigns.models import Campaign, User
from campaigns.statements import Given, Written
from generation.models import Generation
from generation.states import GenerationState
from review.models import Verdict

# What was kept, less the images of shots that were taken out: those are few, and counted.
_KEPT = """
SELECT 1, COALESCE(SUM(finished), 0), COALESCE(SUM(undecided), 0), COALESCE(SUM(below), 0),
    COALESCE(SUM(approved), 0), COALESCE(SUM(escalated), 0)
FROM review_tally WHERE campaign_id = %s
UNION ALL
SELECT -1, COUNT(*), COUNT(CASE WHEN image.decision = '' THEN 1 END), COUNT(CASE WHEN NOT image.passed THEN 1 END),
    COUNT(CASE WHEN image.decision = 'approved' THEN 1 END), COUNT(CASE WHEN image.escalated THEN 1 END)
FROM campaigns_shot shot JOIN generation_generation image ON image.shot_id = shot.id AND image.state = 'ready'
WHERE shot.campaign_id = %s AND shot.removed_at IS NOT NULL
"""


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
    with connection.cursor() as cursor:
        _kept().execute(cursor, {"campaign": campaign.pk})
        rows = cursor.fetchall()
    finished, undecided, below, approved, escalated = (
        sum(int(row[0] * row[place]) for row in rows) for place in range(1, 6)
    )
    reviewed = _looked_at(campaign, viewer) if campaign.independent_first_look else finished - undecided
    return Counts(all=finished, reviewed=reviewed, below=below, approved=approved, escalated=escalated)


@lru_cache(maxsize=1)
def _kept() -> Written:
    campaign = Given("campaign", Campaign._meta.pk)
    return Written(_KEPT, [campaign, campaign])


def _looked_at(campaign: Campaign, viewer: User) -> int:
    """What this person has decided on, and what is signed anyway: no more rows than one's own work and the finals."""
    images = Generation.objects.filter(campaign=campaign, state=GenerationState.READY, shot__removed_at__isnull=True)
    own = Verdict.objects.filter(by=viewer, standing=True)
    signed = images.filter(~Exists(own.filter(generation=OuterRef("pk"))), decision="signed")
    return own.filter(generation__in=images).count() + signed.count()
