"""What every page shows around its content, what waits for whom."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, F, IntegerField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from campaigns.models import Membership, Role, Workspace
from generation.models import Generation
from review.models import Decision, Notice, SignOff, Standing


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much waits for this member: notices and escalations, finals to sign."""

    inbox: int
    signoffs: int


def finals_to_sign(workspace_id: int) -> QuerySet[Standing]:
    """Approved images whose shot is still wanted and has no standing signature."""
    signed = SignOff.objects.filter(shot=OuterRef("shot"), withdrawn_at__isnull=True)
    return Standing.objects.filter(
        ~Exists(signed),
        workspace_id=workspace_id,
        decision=Decision.APPROVED,
        shot__removed_at__isnull=True,
        campaign__archived_at__isnull=True,
    )


def escalated_to_people(workspace_id: int) -> QuerySet[Generation]:
    """Renders that the machines gave up, not decided on and not followed by a newer one."""
    decided = Standing.objects.filter(generation=OuterRef("pk")).exclude(decision__in=["undecided", Decision.WITHDRAWN])
    newer = Generation.objects.filter(shot=OuterRef("shot"), version__gt=OuterRef("version"))
    settled = SignOff.objects.filter(shot=OuterRef("shot"), withdrawn_at__isnull=True)
    return Generation.objects.filter(
        ~Exists(decided),
        ~Exists(newer),
        ~Exists(settled),
        workspace_id=workspace_id,
        escalated=True,
        shot__removed_at__isnull=True,
        campaign__archived_at__isnull=True,
    )


def waiting_for(membership: Membership) -> Waiting:
    """The numbers beside the rooms. One query."""
    notices = Notice.objects.filter(
        workspace_id=membership.workspace_id, user_id=membership.user_id, read_at__isnull=True
    )
    finals = _count(finals_to_sign(membership.workspace_id), "shot") if membership.reaches(Role.APPROVER) else Value(0)
    found = Workspace.objects.filter(pk=membership.workspace_id).annotate(
        unread=_count(notices), escalated=_count(escalated_to_people(membership.workspace_id)), finals=finals
    )
    unread, escalated, to_sign = found.values_list("unread", "escalated", "finals").get()
    return Waiting(inbox=unread + escalated, signoffs=to_sign)


def _count(rows: QuerySet[Any], column: str = "pk") -> Coalesce:
    """The number of rows as a column of another query."""
    counted = rows.order_by().annotate(_all=F("workspace_id")).values("_all").annotate(_n=Count(column, distinct=True))
    return Coalesce(Subquery(counted.values("_n")[:1], output_field=IntegerField()), 0)
