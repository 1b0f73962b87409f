"""The saved views that a member finds beside a sheet."""

from dataclasses import dataclass
from urllib.parse import parse_qsl

from django.db.models import Q

from campaigns.models import Membership, Role
from review.models import SavedView
from review.queries.sheet_filter import PLAIN, SheetFilter, lasting, read_filter


@dataclass(frozen=True, slots=True)
class ViewLine:
    """One view: `query` opens it in the frame size of this sheet, `here` where it is what the sheet shows."""

    id: int
    name: str
    query: str
    here: bool
    for_everybody: bool
    made_by: str
    may_change: bool


def may_change(view: SavedView, membership: Membership) -> bool:
    """Whether this member may rename and delete it: one's own, and the workspace's as maker, approver or admin."""
    if view.user_id is not None:
        return view.user_id == membership.user_id
    return view.made_by_id == membership.user_id or membership.reaches(Role.APPROVER)


def read_views(wanted: SheetFilter, membership: Membership) -> list[ViewLine]:
    """One's own first, then the workspace's, by name. One query."""
    rows = (
        SavedView.objects.filter(Q(user=membership.user_id) | Q(user__isnull=True), workspace=membership.workspace_id)
        .select_related("made_by")
        .order_by("name", "pk")
    )
    now = lasting(wanted)
    lines = []
    for view in sorted(rows, key=lambda view: view.user_id is None):
        # what is not understood any more leaves nothing out
        kept = read_filter(dict(parse_qsl(view.query)))
        lines.append(
            ViewLine(
                id=view.pk,
                name=view.name,
                query=kept.query(density=wanted.density),
                here=kept == now,
                for_everybody=view.user_id is None,
                made_by=str(view.made_by) if view.made_by else "",
                may_change=may_change(view, membership),
            )
        )
    return lines


def name_of_view(wanted: SheetFilter, membership: Membership) -> str:
    """What this filter is saved as, "" where it is not. One query, none for the plain sheet."""
    if lasting(wanted) == PLAIN:
        return ""
    return next((line.name for line in read_views(wanted, membership) if line.here), "")
