"""What waits for whom: one rule for the queue, the sheet, the loupe, the inbox and the figures beside the navigation.

An image waits for a decision when it is finished, nobody has decided on it and no version of its shot is signed. Where
the campaign asks for an independent first look it waits for everybody who has not decided on it. An attempt below the
bar that the machines followed up with another one does not wait: nobody walks through those.
"""

from decimal import Decimal

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from campaigns.models import Budget, User
from generation.models import Generation, GenerationState
from review.models import Decision, SignOff, Standing, Verdict

# Not below the bar, not scored, or below the bar after the last attempt.
WORTH_A_LOOK = Q(passed__isnull=True) | Q(passed=True) | Q(escalated=True)
NO_IMAGE = (GenerationState.FAILED, GenerationState.REFUSED)
# A budget is near its limit from this share on.
NEARLY_USED = Decimal("0.8")


def current_signature() -> QuerySet[SignOff]:
    """The signature on the shot of a row (of Generation or Standing): its whole stack is settled."""
    return SignOff.objects.current().filter(shot=OuterRef("shot"))


def own_verdict(viewer: User) -> QuerySet[Verdict]:
    """The current verdict of this person on the image of a row."""
    return Verdict.objects.filter(generation=OuterRef("pk"), by=viewer.pk, standing=True)


def is_open(*, viewer: User, blind: bool) -> Q:
    """Finished and still to be decided on by this person. `blind`: the campaign asks for an independent first look."""
    undecided = Q(~Exists(own_verdict(viewer))) if blind else Q(decision="")
    return undecided & Q(~Exists(current_signature()), state=GenerationState.READY)


def to_review(*, viewer: User, blind: bool) -> Q:
    """Waits for a decision of this person."""
    return is_open(viewer=viewer, blind=blind) & WORTH_A_LOOK


def images_to_review(workspace_id: int, *, viewer: User, blind: bool) -> QuerySet[Generation]:
    """The images that wait for a decision of this person in the campaigns of one kind, over the whole workspace.

    The two kinds are asked for one by one: each has an index of its own, both together have none.
    """
    return Generation.objects.filter(
        to_review(viewer=viewer, blind=blind),
        workspace_id=workspace_id,
        campaign__independent_first_look=blind,
        shot__removed_at__isnull=True,
        campaign__archived_at__isnull=True,
    )


def finals_to_sign(workspace_id: int) -> QuerySet[Standing]:
    """Approved images whose shot is still wanted and has no current signature."""
    return Standing.objects.filter(
        ~Exists(current_signature()),
        workspace_id=workspace_id,
        decision=Decision.APPROVED,
        shot__removed_at__isnull=True,
        campaign__archived_at__isnull=True,
    )


def renders_to_settle(workspace_id: int) -> QuerySet[Generation]:
    """Renders that the machines gave up without an image, not followed by a newer one: a person says what is next.

    One that has an image waits for a decision like any other.
    """
    newer = Generation.objects.filter(shot=OuterRef("shot"), version__gt=OuterRef("version"))
    return Generation.objects.filter(
        ~Exists(newer),
        ~Exists(current_signature()),
        workspace_id=workspace_id,
        escalated=True,
        decision="",
        state__in=NO_IMAGE,
        shot__removed_at__isnull=True,
        campaign__archived_at__isnull=True,
    )


def tight_budgets(workspace_id: int) -> QuerySet[Budget]:
    """Budgets of the workspace and of its campaigns that are nearly used up: an admin's business."""
    return Budget.objects.filter(
        workspace_id=workspace_id,
        limit__gt=0,
        campaign__archived_at__isnull=True,
        limit__lte=(F("spent") + F("reserved")) / NEARLY_USED,
    )
