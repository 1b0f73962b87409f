"""Who is asked to look at what, and who could be."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db.models import QuerySet

from campaigns.database.prepared import Given, Statement
from campaigns.models import Membership, User, Workspace
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
        found.setdefault(row.generation_id, []).append(assignee_of(row.to.pk, row.to.name, row.to.email))
    return found


def read_colleagues(workspace_id: int) -> list[Assignee]:
    """The members of a workspace by name. One query."""
    rows = _colleagues().run(workspace=workspace_id)
    people = [assignee_of(pk, name, email) for pk, name, email in rows]
    return sorted(people, key=lambda person: person.name.casefold())


@lru_cache(maxsize=1)
def _colleagues() -> Statement:
    return Statement(members().values_list("user_id", "user__name", "user__email"))


def members() -> "QuerySet[Membership]":
    """The memberships of the workspace of a statement whose people may sign in, in no order."""
    workspace: Any = Given("workspace", Workspace._meta.pk)
    return Membership.objects.filter(workspace_id=workspace, user__is_active=True).order_by()


def assignee_of(pk: int, name: str, email: str) -> Assignee:
    """A person as a card shows them."""
    user = User(pk=pk, name=name, email=email)
    return Assignee(pk, str(user), user.initials)
