"""Who belongs to a workspace, and as what. Only writer of Workspace and Membership."""

from django.db import transaction
from django.utils.text import slugify

from campaigns.models import Membership, Role, User, Workspace


class LastAdmin(Exception):
    """A workspace keeps at least one admin. Nothing was changed."""


@transaction.atomic
def create_workspace(*, name: str, admin: User) -> Workspace:
    """A new workspace with its first admin."""
    stem = slugify(name)[:50] or "workspace"
    slug = stem
    number = 2
    while Workspace.objects.filter(slug=slug).exists():
        slug = f"{stem}-{number}"
        number += 1
    workspace = Workspace.objects.create(name=name, slug=slug)
    add_member(workspace=workspace, user=admin, role=Role.ADMIN)
    return workspace


def add_member(*, workspace: Workspace, user: User, role: str) -> Membership:
    """Give a person a role; an existing membership gets the new role."""
    membership, _ = Membership.objects.update_or_create(workspace=workspace, user=user, defaults={"role": role})
    return membership


@transaction.atomic
def change_role(*, membership: Membership, role: str) -> Membership:
    """Give a member another role. Raises LastAdmin where nobody would be left to run the workspace."""
    # the row of the workspace is the lock: two admins cannot step down at the same moment
    Workspace.objects.select_for_update().get(pk=membership.workspace_id)
    others = Membership.objects.filter(workspace_id=membership.workspace_id, role=Role.ADMIN).exclude(pk=membership.pk)
    if role != Role.ADMIN and membership.role == Role.ADMIN and not others.exists():
        raise LastAdmin(f"{membership.user} is the only admin here. Make somebody else an admin first.")
    membership.role = role
    membership.save(update_fields=["role"])
    return membership
