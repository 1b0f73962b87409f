"""The list of campaigns: a page of cards with spend, state and a strip, in a fixed number of queries."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Campaign, Shot, User, Workspace
from generation.models import WORKING, Generation, LedgerEntry
from review.models import SignOff
from review.queries.campaign_thumbnails import FRAMES, read_strips

PAGE = 24
STATES = {
    "": "All",
    "planned": "Ready to run",
    "running": "Running",
    "review": "In review",
    "signed": "Signed",
    "overdue": "Overdue",
}


@dataclass(frozen=True, slots=True)
class CampaignFilter:
    """What the address asks for. `after` is the last campaign of the page before, 0 for the first page."""

    search: str = ""
    state: str = ""
    after: int = 0

    def address(self, **changes: Any) -> str:
        """The query string of this filter with `changes`; "?" where nothing is asked."""
        values = {"q": self.search, "state": self.state, "after": self.after} | changes
        return "?" + urlencode({name: value for name, value in values.items() if value})


@dataclass(frozen=True, slots=True)
class CampaignCard:
    """What components/campaign_card.html draws."""

    url: str
    title: str
    ticket: str
    due: str
    kind: str
    words: str
    shots: str
    thumbs: list[dict[str, Any]]
    more: int
    spent: Decimal
    limit: Decimal | None


@dataclass(frozen=True, slots=True)
class CampaignsPage:
    """A page of cards; `next` is the query string of the following one, "" at the end."""

    cards: list[CampaignCard]
    next: str


def read_filter(query: Mapping[str, str]) -> CampaignFilter:
    """From an address; what makes no sense counts as not asked."""
    state, after = query.get("state", ""), query.get("after", "")
    return CampaignFilter(
        search=query.get("q", "").replace("\0", "").strip()[:160],
        state=state if state in STATES else "",
        after=int(after) if after.isdecimal() and len(after) < 18 else 0,
    )


def read_campaigns(workspace: Workspace, wanted: CampaignFilter, *, viewer: User) -> CampaignsPage:
    """The newest first. Four queries."""
    rows = _filtered(workspace, wanted)
    if wanted.after:
        rows = rows.filter(pk__lt=wanted.after)
    found = list(rows.select_related("budget").order_by("-pk")[: PAGE + 1])
    page = found[:PAGE]
    ids = [campaign.pk for campaign in page]
    strips = read_strips(ids, viewer=viewer)
    spent = spent_by_campaign(ids)
    cards = [_card(campaign, strips.get(campaign.pk, []), spent.get(campaign.pk, Decimal(0))) for campaign in page]
    more = len(found) > PAGE
    return CampaignsPage(cards=cards, next=wanted.address(after=page[-1].pk) if more else "")


def spent_by_campaign(ids: list[int]) -> dict[int, Decimal]:
    """USD on record, by campaign. One query."""
    sums = LedgerEntry.objects.filter(campaign_id__in=ids).values_list("campaign_id").annotate(total=Sum("amount"))
    return dict(sums.order_by())


def _filtered(workspace: Workspace, wanted: CampaignFilter) -> QuerySet[Campaign]:
    unfinished = Generation.objects.filter(campaign=OuterRef("pk"), state__in=WORKING)
    living = SignOff.objects.current().filter(shot=OuterRef("pk"))
    unsigned = Shot.objects.filter(~Exists(living), campaign=OuterRef("pk"), removed_at__isnull=True)
    rows = Campaign.objects.filter(workspace=workspace, archived_at__isnull=True).annotate(
        running=Exists(unfinished),
        unsigned=Exists(unsigned),
        wanted_shots=Count("shots", filter=Q(shots__removed_at__isnull=True)),
    )
    if wanted.search:
        rows = rows.filter(Q(title__icontains=wanted.search) | Q(ticket__icontains=wanted.search))
    conditions = {
        "planned": Q(started_at__isnull=True),
        "running": Q(running=True),
        "review": Q(started_at__isnull=False, running=False, unsigned=True),
        "signed": Q(started_at__isnull=False, unsigned=False),
        "overdue": Q(due_on__lt=timezone.localdate(), unsigned=True),
    }
    return rows.filter(conditions[wanted.state]) if wanted.state else rows


def _card(campaign: Any, thumbs: list[dict[str, Any]], spent: Decimal) -> CampaignCard:
    kind, words = state_of(campaign)
    budget = getattr(campaign, "budget", None)
    shots = campaign.wanted_shots
    said = f"{shots:,} shot{'' if shots == 1 else 's'}"
    return CampaignCard(
        url=reverse("campaign" if campaign.started_at else "plan", args=[campaign.pk]),
        title=campaign.title,
        ticket=campaign.ticket,
        due=due_words(campaign),
        kind=kind,
        words=words,
        shots=said if budget else f"{said} · ${spent:.2f} spent",
        thumbs=thumbs or [{"aspect": 1.75, "waiting": kind == "running"}] * 3,
        more=max(0, shots - FRAMES),
        spent=spent,
        limit=budget.limit if budget else None,
    )


def state_of(campaign: Any) -> tuple[str, str]:
    """Kind of sign and words for a campaign that carries `running` and `unsigned`."""
    if campaign.planning == Campaign.Planning.FAILED:
        return "bad", "Brief not read"
    if campaign.planning == Campaign.Planning.WAITING:
        return "running", "Brief being read"
    if campaign.started_at is None:
        return "waiting", "Ready to run"
    if campaign.paused_at:
        return "waiting", "Paused"
    if campaign.running:
        return "running", "Running"
    return ("ready", "In review") if campaign.unsigned else ("signed", "All signed")


def due_words(campaign: Campaign) -> str:
    """When it is due, in words; "" where no day is set."""
    if not campaign.due_on:
        return ""
    days = (campaign.due_on - timezone.localdate()).days
    if days == 0:
        return "due today"
    if days == 1:
        return "due tomorrow"
    day = f"{campaign.due_on.day} {campaign.due_on:%B}"
    return f"due {day}" if days > 0 else f"was due {day}"
