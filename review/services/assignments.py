"""Who is asked to look at which images. Only writer of Assignment.

The membership of the person who is asked is the lock: the same request twice at once asks once and
tells once.
"""

from collections.abc import Iterable, Sequence

from django.db import transaction

from campaigns.models import Campaign, Membership, User
from generation.models import Generation
from review.models import Assignment, ImageEvent, Notice
from review.services.notices import notify

# As many as a selection on the sheet can reasonably hold.
MOST_IMAGES = 500


class AssignmentRefused(Exception):
    """Nothing was stored. The message is for people."""


@transaction.atomic
def assign_images(images: Sequence[Generation], *, to: User, by: User) -> list[str]:
    """Ask a member of the workspace to look at images of one campaign; the ids that are new to them.

    Whoever is asked already is not asked again. The person is told once for all that is new, unless
    they ask themselves. Raises AssignmentRefused.
    """
    if not images:
        return []
    _check(images)
    workspace_id = images[0].workspace_id
    if not Membership.objects.select_for_update().filter(workspace_id=workspace_id, user=to).first():
        raise AssignmentRefused(f"{to} is no member of this workspace any more. Choose somebody else.")
    known = set(Assignment.objects.filter(generation__in=images, to=to).values_list("generation_id", flat=True))
    new = [image for image in images if image.pk not in known]
    if not new:
        return []
    told = _tell(new, to=to, by=by)
    Assignment.objects.bulk_create(
        [Assignment(generation=image, to=to, by=by, notice=told) for image in new], ignore_conflicts=True
    )
    _record([image.pk for image in new], ImageEvent.Kind.ASSIGNED, to=to, by=by)
    return [image.pk for image in new]


@transaction.atomic
def unassign_images(images: Sequence[Generation], *, to: User, by: User) -> list[str]:
    """Ask them no more; the ids that were taken back. A notice with nothing left to look at goes where it is unread."""
    _check(images)
    rows = list(Assignment.objects.select_for_update().filter(generation__in=images, to=to))
    Assignment.objects.filter(pk__in=[row.pk for row in rows]).delete()
    _withdraw({row.notice_id for row in rows if row.notice_id})
    _record([row.generation_id for row in rows], ImageEvent.Kind.UNASSIGNED, to=to, by=by)
    return [row.generation_id for row in rows]


def _record(ids: Iterable[str], kind: str, *, to: User, by: User) -> None:
    ImageEvent.objects.bulk_create([ImageEvent(generation_id=pk, kind=kind, whom=to, by=by) for pk in ids])


def _check(images: Sequence[Generation]) -> None:
    if len(images) > MOST_IMAGES:
        raise AssignmentRefused(f"At most {MOST_IMAGES} images are assigned at once. Select fewer.")
    if len({image.campaign_id for image in images}) > 1:
        raise AssignmentRefused("These images belong to several campaigns. Assign them campaign by campaign.")


def _tell(images: Sequence[Generation], *, to: User, by: User) -> Notice | None:
    first = images[0]
    campaign = Campaign.objects.only("title").get(pk=first.campaign_id)
    what = (
        f"{first.shot.title}, version {first.version}, of {campaign.title}"
        if len(images) == 1
        else f"{len(images)} images of {campaign.title}"
    )
    text = f"{by} asked you to look at {what}"
    kind = Notice.Kind.ASSIGNMENT
    made = notify(people=[to], by=by, kind=kind, text=text, about=first, one_image=len(images) == 1)
    return made[0] if made else None


def _withdraw(notices: Iterable[int]) -> None:
    empty = Notice.objects.filter(pk__in=notices, read_at__isnull=True, assignments__isnull=True)
    Notice.objects.filter(pk__in=list(empty.values_list("pk", flat=True))).delete()
