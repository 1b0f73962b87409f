"""The signature under a final."""

from typing import Self

from django.db import models
from django.db.models import Q


class SignOffQuerySet(models.QuerySet["SignOff"]):
    """Signatures."""

    def current(self) -> Self:
        """Keep those that hold: nobody has withdrawn them. At most one a shot."""
        return self.filter(withdrawn_at__isnull=True)


class SignOff(models.Model):
    """An approver's signature. It binds to the file's SHA-256 and locks the stack of the shot."""

    generation = models.ForeignKey("generation.Generation", on_delete=models.PROTECT, related_name="signoffs")
    shot = models.ForeignKey("campaigns.Shot", on_delete=models.PROTECT, related_name="signoffs")
    workspace = models.ForeignKey("campaigns.Workspace", on_delete=models.PROTECT, related_name="+")
    by = models.ForeignKey("campaigns.User", on_delete=models.PROTECT, related_name="signoffs")
    sha256 = models.CharField(max_length=64)
    alt_text = models.CharField(max_length=400)
    disclosure = models.CharField(max_length=12, help_text="How the AI origin is disclosed.")
    synthetic_performer = models.BooleanField(help_text="A synthetic person appears in the picture.")
    licence_from = models.DateField(null=True, blank=True)
    licence_until = models.DateField(null=True, blank=True)
    brand_checked = models.BooleanField(default=False)
    note = models.TextField(blank=True)
    at = models.DateTimeField(auto_now_add=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(
        "campaigns.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = SignOffQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["shot"], condition=Q(withdrawn_at__isnull=True), name="signoff_one_final_a_shot"
            ),
            models.CheckConstraint(condition=~Q(sha256=""), name="signoff_binds_to_a_file"),
            models.CheckConstraint(
                condition=Q(withdrawn_by__isnull=True, withdrawn_at__isnull=True)
                | Q(withdrawn_by__isnull=False, withdrawn_at__isnull=False),
                name="signoff_withdrawn_who_and_when",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.generation_id} signed by {self.by}"
