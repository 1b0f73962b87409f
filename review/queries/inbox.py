"""What needs one person now, across the house. A fixed number of queries however much waits."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q
from django.urls import reverse

from campaigns.models import Budget, Campaign, Membership, Role, User
from generation.models import Generation
from generation.rules.gate import LABELS, show_average
from generation.rules.states import UNFINISHED, GenerationState
from review.models import Decision, Notice, SignOff, Standing, Verdict
from review.queries.campaign_thumbnails import read_strips
from review.queries.campaigns import due_words
from review.queries.navigation import escalated_to_people, finals_to_sign
from review.queries.progress import Progress, read_progress

SHOWN = 12
NOTICES = 20
# A budget is near its limit from this share on.
NEAR = Decimal("0.8")


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

    @property
    def reviewable(self) -> bool:
        """Whether a walk through all that waits makes sense."""
        return any(need.queue for need in self.needs)

    @property
    def title(self) -> str:
        """The heading counts what needs a person."""
        count = len(self.needs) + len(self.notices)
        return "Nothing needs you" if not count else f"{count} thing{' needs' if count == 1 else 's need'} you"


def read_inbox(membership: Membership, *, viewer: User) -> Inbox:
    """Shots to review, finals to sign, escalations, budgets, notices, runs."""
    workspace_id = membership.workspace_id
    review = _to_review(workspace_id, viewer=viewer)
    sign = _to_sign(workspace_id) if membership.reaches(Role.APPROVER) else []
    running_ids = _running(workspace_id)
    campaigns = _campaigns([pk for pk, *_ in review] + [pk for pk, _ in sign] + running_ids)
    progress = read_progress(running_ids) if running_ids else {}
    strips = read_strips(list(campaigns), viewer=viewer, frames=4)
    needs = [_escalation(row) for row in _escalations(workspace_id)]
    needs += [_sign_need(campaigns[pk], count, strips) for pk, count in sign if pk in campaigns]
    needs += [_review_need(campaigns[pk], shots, strips) for pk, shots in review if pk in campaigns]
    if membership.reaches(Role.ADMIN):
        needs += _tight_budgets(workspace_id)
    running = [_run_need(campaigns[pk], progress, strips) for pk in running_ids if pk in campaigns]
    notices = Notice.objects.filter(workspace_id=workspace_id, user=viewer, read_at__isnull=True)
    return Inbox(
        needs=needs, running=running, notices=list(notices.select_related("generation__shot", "campaign")[:NOTICES])
    )


def _to_review(workspace_id: int, *, viewer: User) -> list[tuple[int, int]]:
    """(campaign, shots with a finished version that waits for a decision); duds that were tried again do not count."""
    own = Verdict.objects.filter(generation=OuterRef("pk"), by=viewer, standing=True)
    signed = SignOff.objects.filter(shot=OuterRef("shot"), withdrawn_at__isnull=True)
    undecided = Q(standing__isnull=True) | Q(standing__decision__in=[Standing.UNDECIDED, Decision.WITHDRAWN])
    waits = Q(campaign__independent_first_look=False) & undecided | Q(
        ~Exists(own), campaign__independent_first_look=True
    )
    rows = (
        Generation.objects.filter(
            waits,
            ~Exists(signed),
            ~Q(passed=False, escalated=False),
            workspace_id=workspace_id,
            state=GenerationState.READY,
            escalated=False,
            shot__removed_at__isnull=True,
            campaign__archived_at__isnull=True,
        )
        .order_by()
        .values_list("campaign_id")
        .annotate(shots=Count("shot", distinct=True))
        .order_by(F("campaign__due_on").asc(nulls_last=True), "-campaign_id")
    )
    return [(pk, shots) for pk, shots in rows[:SHOWN]]


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
    rows = Generation.objects.filter(
        workspace_id=workspace_id, state__in=UNFINISHED, campaign__archived_at__isnull=True
    )
    return list(rows.order_by("-campaign_id").values_list("campaign_id", flat=True).distinct()[:SHOWN])


def _campaigns(ids: list[int]) -> dict[int, Campaign]:
    return Campaign.objects.in_bulk(set(ids))


def _escalations(workspace_id: int) -> list[Generation]:
    return list(
        escalated_to_people(workspace_id)
        .select_related("shot", "campaign")
        .only(
            "id", "shot__title", "shot__campaign_id", "campaign__title", "campaign__ticket", "campaign__bar",
            "campaign__independent_first_look", "state", "average", "weakest", "error_kind", "attempt",
        )
        .order_by("-pk")[:SHOWN]
    )  # fmt: skip


def _escalation(row: Generation) -> Need:
    return Need(
        title=f"The machines gave up on {row.shot.title}",
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


def _review_need(campaign: Campaign, shots: int, strips: dict[int, list[dict[str, Any]]]) -> Need:
    return Need(
        title=f"{shots} shot{'' if shots == 1 else 's'} to review",
        url=f"{reverse('sheet', args=[campaign.pk])}?unreviewed=1",
        why=_name(campaign),
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
    rows = Budget.objects.filter(workspace_id=workspace_id, limit__gt=0, campaign__archived_at__isnull=True)
    tight = []
    for budget in rows.select_related("campaign"):
        if budget.spent + budget.reserved >= budget.limit * NEAR:
            whose = budget.campaign.title if budget.campaign else "the workspace"
            left = max(budget.head_room, Decimal(0))
            tight.append(
                Need(
                    title=f"The budget of {whose} is nearly used",
                    url=f"{reverse('plan', args=[budget.campaign_id])}#preflight"
                    if budget.campaign_id
                    else f"{reverse('settings')}#budget",
                    why=f"${left:.2f} of ${budget.limit:.2f} left",
                    kind="costs",
                    spent=budget.spent,
                    held=budget.reserved,
                    limit=budget.limit,
                )
            )
    return tight[:SHOWN]


def _name(campaign: Campaign) -> str:
    return f"{campaign.title} · {campaign.ticket}" if campaign.ticket else campaign.title
