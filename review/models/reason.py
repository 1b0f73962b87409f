"""Why images are rejected: every workspace keeps its own list."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from campaigns.models import Workspace


class RejectReason(models.Model):
    """One line of the list; its place among the living ones is the digit that picks it.

    `code` stays when the words change, so that reports count on. A retired one is offered no more; what
    was filed under it keeps its words (`Verdict.reason_words`). Written by `review.services.reasons` only.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="reject_reasons")
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
