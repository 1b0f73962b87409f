"""Who is asked to look at what, and who could be."""

from collections.abc import Iterable
from dataclasses import dataclass

from campaigns.models import Membership, User
from review.models import Assignment


@dataclass(frozen=True, slots=True)
class Assignee:
    """One person as a card shows them."""

    id: int
    name: str
    initials: str


def read_assigned(images: Iterable[str]) -> dict[str, list[Assignee]]:
    """Who is asked, by image, in the order of asking. One query."""
    rows = (
        Assignment.objects.filter(generation_id__in=list(images))
        .select_related("to")
        .only("generation_id", "to__name", "to__email")
        .order_by("pk")
    )
    found: dict[str, list[Assignee]] = {}
    for row in rows:
        found.setdefault(row.generation_id, []).append(_assignee(row.to))
    return found


def read_colleagues(workspace_id: int) -> list[Assignee]:
    """The members of a workspace by name. One query."""
    memberships = Membership.objects.filter(workspace_id=workspace_id, user__is_active=True).select_related("user")
    people = memberships.only("user__name", "user__email").order_by("user__name", "user__email")
    return [_assignee(membership.user) for membership in people]


def _assignee(user: User) -> Assignee:
    return Assignee(user.pk, str(user), user.initials)
