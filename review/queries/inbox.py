"""What needs one person now, across the workspace. A fixed number of queries however much waits."""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Q, QuerySet
from django.urls import reverse

from campaigns.models import Campaign, Membership, Role, User
from generation.models import WORKING, Generation, GenerationState
from generation.rules.gate import LABELS, show_average
from review.models import Notice
from review.queries.campaign_thumbnails import first_of_each_campaign, read_strips
from review.queries.campaigns import due_words
from review.queries.navigation import MANY, Waiting
from review.queries.progress import Progress, read_progress
from review.queries.waiting import finals_to_sign, images_to_review, renders_to_settle, tight_budgets

SHOWN = 12
NOTICES = 20
THUMBS = 4


@dataclass(frozen=True, slots=True)
class Need:
    """One row: what it is, where it leads, and why."""

    title: str
    url: str
    why: str
    kind: str
    thumbs: list[dict[str, Any]] = field(default_factory=list)
    end: str = ""
    progress: Progress | None = None
    held: Decimal = Decimal(0)
    spent: Decimal | None = None
    limit: Decimal = Decimal(0)
    # where a button hands out the first of what waits
    queue: str = ""


@dataclass(frozen=True, slots=True)
class Inbox:
    """Everything on the page, in the order in which it is shown."""

    needs: list[Need]
    running: list[Need]
    notices: list[Notice]
    waiting: Waiting

    @property
    def reviewable(self) -> bool:
        """Whether a walk through all that waits makes sense."""
        return any(need.queue for need in self.needs)

    @property
    def title(self) -> str:
        """The heading: the figure beside the inbox in the navigation."""
        count = self.waiting.all
        if not count:
            return "Nothing needs you"
        if count >= MANY:
            return f"{MANY - 1}+ things need you"
        return f"{count} thing{' needs' if count == 1 else 's need'} you"


@dataclass(slots=True)
class _ToReview:
    """What one campaign has to review: how many images, and those that the machines gave up."""

    images: int
    given_up: int
    example: Generation | None = None


def read_inbox(membership: Membership, *, waiting: Waiting) -> Inbox:
    """Images to review, finals to sign, renders to settle, budgets, notices, runs. `waiting`: how much there is."""
    workspace_id, viewer = membership.workspace_id, membership.user
    review = _to_review(workspace_id, viewer=viewer) if waiting.images else {}
    sign = _to_sign(workspace_id) if waiting.finals else []
    running_ids = _running(workspace_id)
    campaigns = _campaigns([*review, *(pk for pk, _ in sign), *running_ids])
    progress = read_progress(running_ids) if running_ids else {}
    strips = read_strips(list(campaigns), viewer=viewer, frames=THUMBS)
    to_review = read_strips(
        list(review), viewer=viewer, frames=THUMBS, first=_first_to_review(workspace_id, viewer, list(review))
    )
    to_sign = read_strips(
        [pk for pk, _ in sign], viewer=viewer, frames=THUMBS, first=_first_to_sign(workspace_id, [pk for pk, _ in sign])
    )
    needs = [_settle_need(row) for row in _to_settle(workspace_id)] if waiting.renders else []
    needs += [_sign_need(campaigns[pk], count, to_sign) for pk, count in sign if pk in campaigns]
    needs += [_review_need(campaigns[pk], found, to_review) for pk, found in review.items() if pk in campaigns]
    if membership.reaches(Role.ADMIN):
        needs += _tight_budgets(workspace_id)
    running = [_run_need(campaigns[pk], progress, strips) for pk in running_ids if pk in campaigns]
    notices = Notice.objects.filter(workspace_id=workspace_id, user=viewer, read_at__isnull=True)
    return Inbox(
        needs=needs,
        running=running,
        notices=list(notices.select_related("generation__shot", "campaign")[:NOTICES]),
        waiting=waiting,
    )


def _images(workspace_id: int, viewer: User) -> list[QuerySet[Generation]]:
    return [images_to_review(workspace_id, viewer=viewer, blind=blind) for blind in (False, True)]


def _to_review(workspace_id: int, *, viewer: User) -> dict[int, _ToReview]:
    """By campaign, soonest due first, at most SHOWN of them."""
    found: list[tuple[Any, int, int, int]] = []
    for images in _images(workspace_id, viewer):
        found += (
            images.order_by()
            .values_list("campaign__due_on", "campaign_id")
            .annotate(images=Count("pk"), given_up=Count("pk", filter=Q(escalated=True)))
        )
    found.sort(key=lambda row: (row[0] is None, row[0] or 0, -row[1]))
    by_campaign = {pk: _ToReview(images, given_up) for _, pk, images, given_up in found[:SHOWN]}
    if any(one.given_up for one in by_campaign.values()):
        for images in _images(workspace_id, viewer):
            rows = images.filter(campaign__in=by_campaign, escalated=True).select_related("shot", "campaign")
            for row in rows.order_by("-pk")[: SHOWN * 2]:
                by_campaign[row.campaign_id].example = row
    return by_campaign


def _first_to_review(workspace_id: int, viewer: User, campaign_ids: list[int]) -> dict[int, list[str]]:
    """The images with which the strips of these campaigns begin: those that wait, one a shot."""
    first: dict[int, list[str]] = defaultdict(list)
    for images in _images(workspace_id, viewer) if campaign_ids else ():
        for campaign, ids in first_of_each_campaign(images.filter(campaign__in=campaign_ids), most=THUMBS).items():
            first[campaign] += ids
    return first


def _first_to_sign(workspace_id: int, campaign_ids: list[int]) -> dict[int, list[str]]:
    if not campaign_ids:
        return {}
    ids = finals_to_sign(workspace_id).filter(campaign__in=campaign_ids).values("generation_id")
    return first_of_each_campaign(Generation.objects.filter(pk__in=ids), most=THUMBS)


def _to_sign(workspace_id: int) -> list[tuple[int, int]]:
    rows = (
        finals_to_sign(workspace_id)
        .order_by()
        .values_list("campaign_id")
        .annotate(finals=Count("shot", distinct=True))
        .order_by(F("campaign__due_on").asc(nulls_last=True), "-campaign_id")
    )
    return [(pk, finals) for pk, finals in rows[:SHOWN]]


def _running(workspace_id: int) -> list[int]:
    rows = Generation.objects.filter(workspace_id=workspace_id, state__in=WORKING, campaign__archived_at__isnull=True)
    return list(rows.order_by("-campaign_id").values_list("campaign_id", flat=True).distinct()[:SHOWN])


def _campaigns(ids: list[int]) -> dict[int, Campaign]:
    return Campaign.objects.in_bulk(set(ids))


def _to_settle(workspace_id: int) -> list[Generation]:
    return list(renders_to_settle(workspace_id).select_related("shot", "campaign").order_by("-pk")[:SHOWN])


def _settle_need(row: Generation) -> Need:
    return Need(
        title=f"No picture of {row.shot.title}",
        url=f"{reverse('campaign', args=[row.campaign_id])}#shot-{row.shot_id}",
        why=f"{_why(row)} · {_name(row.campaign)}",
        kind="flag",
    )


def _why(row: Generation) -> str:
    if row.state == GenerationState.REFUSED:
        return "Refused by safety filters, softer words included"
    if row.state == GenerationState.FAILED:
        return "It could not be made"
    if row.average is None:
        return "It could not be scored"
    if row.error_kind == "budget":
        return "The budget allows no further attempt"
    if row.campaign.independent_first_look:
        return "Still below the bar after all attempts"
    weakest = LABELS.get(row.weakest, "").lower()
    average = show_average(row.average, passed=False)
    return f"Attempt {row.attempt} still below the bar: {average}, needs {row.campaign.bar}; weakest {weakest}"


def _sign_need(campaign: Campaign, finals: int, strips: dict[int, list[dict[str, Any]]]) -> Need:
    return Need(
        title=f"{finals} final{'' if finals == 1 else 's'} to sign",
        url=reverse("signoffs"),
        why=_name(campaign),
        kind="sign-off",
        thumbs=strips.get(campaign.pk, []),
        end=due_words(campaign),
    )


def _review_need(campaign: Campaign, found: _ToReview, strips: dict[int, list[dict[str, Any]]]) -> Need:
    why = _name(campaign)
    if found.example and found.given_up == 1:
        why += f" · {found.example.shot.title}: {_why(found.example)[0].lower()}{_why(found.example)[1:]}"
    elif found.given_up:
        why += f" · {found.given_up} of them after the last attempt"
    return Need(
        title=f"{found.images} picture{'' if found.images == 1 else 's'} to review",
        url=f"{reverse('sheet', args=[campaign.pk])}?unreviewed=1",
        why=why,
        kind="eye",
        thumbs=strips.get(campaign.pk, []),
        end=due_words(campaign),
        queue=reverse("queue", args=[campaign.pk]),
    )


def _run_need(campaign: Campaign, progress: dict[int, Progress], strips: dict[int, list[dict[str, Any]]]) -> Need:
    state = "is paused" if campaign.paused_at else "is running"
    return Need(
        title=f"{campaign.title} {state}",
        url=reverse("campaign", args=[campaign.pk]),
        why=campaign.ticket,
        kind="play",
        thumbs=strips.get(campaign.pk, []),
        progress=progress.get(campaign.pk, Progress()),
    )


def _tight_budgets(workspace_id: int) -> list[Need]:
    return [
        Need(
            title=f"The budget of {budget.campaign.title if budget.campaign else 'the workspace'} is nearly used",
            url=f"{reverse('plan', args=[budget.campaign_id])}#preflight"
            if budget.campaign_id
            else f"{reverse('settings')}#budget",
            why=f"${max(budget.head_room, Decimal(0)):.2f} of ${budget.limit:.2f} left",
            kind="costs",
            spent=budget.spent,
            held=budget.reserved,
            limit=budget.limit,
        )
        for budget in tight_budgets(workspace_id).select_related("campaign").order_by("pk")[:SHOWN]
    ]


def _name(campaign: Campaign) -> str:
    return f"{campaign.title} · {campaign.ticket}" if campaign.ticket else campaign.title
