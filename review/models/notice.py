"""What waits for a person, and how they like to look at it."""

from django.db import models
from django.db.models import Q

from campaigns.database.claims import ClaimableStep
from review.since import since_words


class Notice(models.Model):
    """One line in somebody's inbox. Written by `review.services.notices` only."""

    class Kind(models.TextChoices):
        MENTION = "mention", "Mention"
        ASSIGNMENT = "assignment", "Assignment"

    workspace = models.ForeignKey("campaigns.Workspace", on_delete=models.CASCADE, related_name="notices")
    user = models.ForeignKey("campaigns.User", on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    text = models.CharField(max_length=300)
    generation = models.ForeignKey(
        "generation.Generation", on_delete=models.CASCADE, null=True, blank=True, related_name="notices"
    )
    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.CASCADE, null=True, blank=True, related_name="notices"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["user", "read_at"], name="notice_unread")]

    def __str__(self) -> str:
        return self.text

    @property
    def since(self) -> str:
        """How long ago it was written."""
        return since_words(self.created_at)

    @property
    def icon(self) -> str:
        """The sign beside it."""
        return NOTICE_ICONS[Notice.Kind(self.kind)]


NOTICE_ICONS = {Notice.Kind.MENTION: "comment", Notice.Kind.ASSIGNMENT: "person"}


class NoticeDelivery(ClaimableStep):
    """A notice on its way to a person over one channel. Written by `review.services.notice_delivery` once it exists.

    `ended_at`: it was sent (`sent_at`), given up, or is not wanted any more.
    """

    notice = models.ForeignKey("Notice", on_delete=models.CASCADE, related_name="deliveries")
    channel = models.CharField(max_length=12)
    sent_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["notice", "channel"], name="notice_delivery_once")]
        indexes = [models.Index(fields=["due_at"], condition=Q(ended_at__isnull=True), name="notice_delivery_due")]

    def __str__(self) -> str:
        return f"{self.notice_id} by {self.channel}"


class SavedView(models.Model):
    """A filter of the contact sheet, kept by name: a person's own, or without `user` the whole workspace's.

    Written by `review.services.saved_views` only.
    """

    workspace = models.ForeignKey("campaigns.Workspace", on_delete=models.CASCADE, related_name="saved_views")
    user = models.ForeignKey(
        "campaigns.User", on_delete=models.CASCADE, null=True, blank=True, related_name="saved_views"
    )
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000)
    made_by = models.ForeignKey("campaigns.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "user", "name"], name="saved_view_once"),
            models.UniqueConstraint(
                fields=["workspace", "name"], condition=Q(user__isnull=True), name="saved_view_once_for_all"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Assignment(models.Model):
    """Who is asked to look at an image, and the notice that told them.

    Written by `review.services.assignments` only.
    """

    generation = models.ForeignKey("generation.Generation", on_delete=models.CASCADE, related_name="assignments")
    to = models.ForeignKey("campaigns.User", on_delete=models.CASCADE, related_name="assignments")
    by = models.ForeignKey("campaigns.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    notice = models.ForeignKey("Notice", on_delete=models.SET_NULL, null=True, blank=True, related_name="assignments")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["generation", "to"], name="assignment_once")]

    def __str__(self) -> str:
        return f"{self.generation_id} to {self.to}"


class ReviewLease(models.Model):
    """An item of the review queue in one person's hands, until it ends by itself."""

    generation = models.OneToOneField(
        "generation.Generation", on_delete=models.CASCADE, primary_key=True, related_name="lease"
    )
    user = models.ForeignKey("campaigns.User", on_delete=models.CASCADE, related_name="+")
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.generation_id} with {self.user}"
