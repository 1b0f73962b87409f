"""Who is asked to look at what, and who could be."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from campaigns.models import Membership, User, Workspace
from campaigns.statements import Given, Statement
from review.models import Assignment


@dataclass(frozen=True, slots=True)
class Assignee:
    """One person as a card shows them."""

    id: int
    name: str
    initials: str


def read_assigned(images: Iterable[str]) -> dict[str, list[Assignee]]:
    """Who is asked, by image, in the order of asking. One query, none for no images."""
    wanted = list(images)
    if not wanted:
        return {}
    rows = (
        Assignment.objects.filter(generation_id__in=wanted)
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
    rows = _colleagues().run(workspace=workspace_id)
    return [_assignee(User(pk=pk, name=name, email=email)) for pk, name, email in rows]


@lru_cache(maxsize=1)
def _colleagues() -> Statement:
    workspace = Given("workspace", Workspace._meta.pk)
    memberships = Membership.objects.filter(workspace_id=workspace, user__is_active=True)
    people = memberships.order_by("user__name", "user__email")
    return Statement(people.values_list("user_id", "user__name", "user__email"))


def _assignee(user: User) -> Assignee:
    return Assignee(user.pk, str(user), user.initials)
