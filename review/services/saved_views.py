"""Filters of the contact sheet that are kept by name. Only writer of SavedView."""

from django.db import IntegrityError, transaction

from campaigns.models import Membership, Workspace
from review.models import SavedView
from review.queries.saved_views import may_change
from review.queries.sheet_filter import PLAIN, SheetFilter, lasting

LONGEST_NAME = 60
# As many as a person, or a workspace, still finds something in.
MOST_VIEWS = 40


class ViewRefused(Exception):
    """Nothing was changed. The message is for people."""


class NotYours(ViewRefused):
    """A view of the whole workspace is changed by its maker, by approvers and by admins."""


def save_view(*, membership: Membership, name: str, wanted: SheetFilter, for_everybody: bool) -> SavedView:
    """Keep this filter under a name, for this member or for the whole workspace. Raises ViewRefused.

    The shot and the size of the frames are left out: a view is for every campaign.
    """
    kept = lasting(wanted)
    if kept == PLAIN:
        raise ViewRefused("This is the plain sheet. Filter or sort it first, then save that.")
    owner = None if for_everybody else membership.user
    rows = SavedView.objects.filter(workspace=membership.workspace, user=owner)
    with transaction.atomic():
        # the row of the workspace is the lock: two at once are counted one after the other
        Workspace.objects.select_for_update().get(pk=membership.workspace_id)
        if rows.count() >= MOST_VIEWS:
            raise ViewRefused(f"There are {MOST_VIEWS} views already. Delete one that nobody needs.")
        name = _free_name(name, among=[view.name for view in rows])
        return SavedView.objects.create(
            workspace=membership.workspace, user=owner, name=name, query=kept.query(), made_by=membership.user
        )


def rename_view(view: SavedView, *, membership: Membership, name: str) -> SavedView:
    """Another name. Raises ViewRefused, NotYours."""
    _check_may_change(view, membership)
    others = SavedView.objects.filter(workspace_id=view.workspace_id, user=view.user).exclude(pk=view.pk)
    view.name = _free_name(name, among=list(others.values_list("name", flat=True)))
    try:
        with transaction.atomic():
            view.save(update_fields=["name"])
    except IntegrityError as taken:
        raise ViewRefused(f"Another view is called “{view.name}” already.") from taken
    return view


def delete_view(view: SavedView, *, membership: Membership) -> None:
    """Forget it; gone is gone, however often it is asked for. Raises NotYours."""
    _check_may_change(view, membership)
    view.delete()


def _check_may_change(view: SavedView, membership: Membership) -> None:
    if not may_change(view, membership):
        raise NotYours(f"“{view.name}” belongs to the workspace: whoever made it, and approvers, may change it.")


def _free_name(name: str, *, among: list[str]) -> str:
    name = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())
    if not name:
        raise ViewRefused("Give the view a name.")
    if len(name) > LONGEST_NAME:
        raise ViewRefused(f"The name is longer than {LONGEST_NAME} characters. Shorten it.")
    if name.casefold() in (taken.casefold() for taken in among):
        raise ViewRefused(f"Another view is called “{name}” already.")
    return name
