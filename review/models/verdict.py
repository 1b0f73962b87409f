"""What people decided on an image, and the reasons for which a workspace rejects."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower


class Decision(models.TextChoices):
    """What a verdict says."""

    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    CHANGES = "changes", "Changes asked"
    WITHDRAWN = "withdrawn", "Withdrawn"


class Verdict(models.Model):
    """One decision of one person on one image. Append-only; the newest of a person stands."""

    generation = models.ForeignKey("generation.Generation", on_delete=models.CASCADE, related_name="verdicts")
    by = models.ForeignKey("campaigns.User", on_delete=models.PROTECT, related_name="verdicts")
    decision = models.CharField(max_length=10, choices=Decision.choices)
    reason = models.CharField(max_length=40, blank=True, help_text="The code of the workspace's reason.")
    reason_words = models.CharField(
        max_length=40, blank=True, default="", db_default="", help_text="What the reason was called at that moment."
    )
    note = models.TextField(blank=True)
    standing = models.BooleanField(default=True)
    undoes = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["generation", "by"], condition=Q(standing=True), name="verdict_one_standing_a_person"
            )
        ]

    def __str__(self) -> str:
        return f"{self.by}: {self.get_decision_display()}"

    @property
    def filed_under(self) -> str:
        """The reason in the words of that moment, "" where none was given."""
        return self.reason_words or self.reason.replace("_", " ").capitalize()


class Standing(models.Model):
    """Where an image stands with people: one row an image from its first decision on.

    `version` grows with every decision; a form that carries an older one is answered 409.
    Written by `review.services.decision_status` only, which copies the decision to the image for lists to filter by.
    """

    UNDECIDED = "undecided"
    STATES = [(UNDECIDED, "Undecided"), *[(choice.value, choice.label) for choice in Decision], ("signed", "Signed")]

    generation = models.OneToOneField(
        "generation.Generation", on_delete=models.CASCADE, primary_key=True, related_name="standing"
    )
    workspace = models.ForeignKey("campaigns.Workspace", on_delete=models.CASCADE, related_name="+")
    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.CASCADE, related_name="standings")
    shot = models.ForeignKey("campaigns.Shot", on_delete=models.CASCADE, related_name="standings")
    decision = models.CharField(max_length=10, choices=STATES, default=UNDECIDED)
    version = models.PositiveIntegerField(default=0)
    verdict = models.ForeignKey("Verdict", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    decided_by = models.ForeignKey("campaigns.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["campaign", "decision"], name="standing_by_decision"),
            models.Index(fields=["campaign", "decided_at"], name="standing_by_time"),
            models.Index(fields=["workspace", "shot"], name="standing_to_sign", condition=Q(decision="approved")),
        ]

    def __str__(self) -> str:
        return f"{self.generation_id}: {self.get_decision_display()}"


class RejectReason(models.Model):
    """One line of the list; its place among the living ones is the digit that picks it.

    `code` stays when the words change, so that reports count on. A retired one is offered no more; what
    was filed under it keeps its words (`Verdict.reason_words`). Written by `review.services.reasons` only.
    """

    workspace = models.ForeignKey("campaigns.Workspace", on_delete=models.CASCADE, related_name="reject_reasons")
    code = models.SlugField(max_length=40)
    label = models.CharField(max_length=40)
    hint = models.CharField(
        max_length=200, blank=True, default="", help_text="What a revision is told besides, as an instruction."
    )
    asks_note = models.BooleanField(default=False, help_text="The person has to say more.")
    position = models.PositiveSmallIntegerField(default=0)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = [F("retired_at").asc(nulls_first=True), "position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "code"], name="reject_reason_code_once"),
            models.UniqueConstraint(
                "workspace", Lower("label"), condition=Q(retired_at__isnull=True), name="reject_reason_label_once"
            ),
        ]

    def __str__(self) -> str:
        return self.label
