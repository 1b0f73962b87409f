"""What stands around the frames of a contact sheet, together with what stands around every page: one query."""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db.models import F, TextField
from django.db.models.functions import Cast, JSONObject

from campaigns.database.prepared import Statement
from campaigns.models import Campaign, Membership, Role
from review.models import RejectReason
from review.queries.assigned import Assignee, assignee_of, members
from review.queries.counts import Counts, counted_parts, counts_of
from review.queries.navigation import WORKSPACE, Around, around_of, around_parts, text

REASON, COLLEAGUE = "reason", "colleague"


@dataclass(frozen=True, slots=True)
class Reason:
    """One line of why an image is rejected."""

    code: str
    label: str
    asks_note: bool


@dataclass(frozen=True, slots=True)
class AroundSheet:
    """Figures, reasons in the order of their digits, colleagues by name, and what every page has around it."""

    counts: Counts
    reasons: list[Reason]
    colleagues: list[Assignee]
    page: Around


def read_around_sheet(campaign: Campaign, membership: Membership) -> AroundSheet:
    """All of it for this member. One query, three where first looks are independent."""
    rows = _around_sheet(role=membership.role).run(
        workspace=membership.workspace_id, user=membership.user_id, campaign=campaign.pk
    )
    reasons = sorted((place, code, json.loads(note)) for kind, code, note, place in rows if kind == REASON)
    people = [assignee_of(pk, name, email) for kind, name, email, pk in rows if kind == COLLEAGUE]
    return AroundSheet(
        counts=counts_of(rows, campaign, viewer=membership.user),
        reasons=[Reason(code, told["label"], bool(told["asks_note"])) for _, code, told in reasons],
        colleagues=sorted(people, key=lambda person: person.name.casefold()),
        page=around_of(rows),
    )


@lru_cache(maxsize=len(Role))
def _around_sheet(*, role: str) -> Statement:
    told: Any = Cast(JSONObject(label="label", asks_note="asks_note"), TextField())
    reasons = RejectReason.objects.filter(workspace=WORKSPACE, retired_at__isnull=True).order_by()
    parts: list[Any] = [
        *around_parts(role=role),
        *counted_parts(),
        reasons.values_list(text(REASON), "code", told, F("position")),
        members().values_list(text(COLLEAGUE), "user__name", "user__email", "user_id"),
    ]
    return Statement(parts[0].union(*parts[1:], all=True))
