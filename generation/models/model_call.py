"""Calls to a writer or critic that cost. Written by `generation.money.calls` only."""

from decimal import Decimal

from django.db import models
from django.db.models import Q

from campaigns.models import Campaign, Shot, UsdField, User, Workspace
from generation.models.generation import Generation
from generation.models.ledger import LedgerEntry


class ModelCall(models.Model):
    """One call, written down before it is sent, so that a process that dies over it leaves its bill behind.

    `at_most` is what it can have consumed so far, by unit; it grows before every request. Settled once.
    """

    provider = models.CharField(max_length=20)
    model = models.CharField(max_length=120)
    purpose = models.CharField(max_length=8, choices=LedgerEntry.Purpose.choices)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="model_calls")
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    shot = models.ForeignKey(Shot, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    generation = models.ForeignKey(Generation, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    at_most = models.JSONField(help_text="Units that it can have consumed.")
    held = UsdField(default=Decimal(0), help_text="What it is expected to cost, held in the budgets meanwhile.")
    batch = models.CharField(max_length=120, blank=True, help_text="The provider's id, where many were asked at once.")
    asked_at = models.DateTimeField(auto_now_add=True)
    alive_until = models.DateTimeField(help_text="Later than this nobody waits for the answer any more.")
    settled_at = models.DateTimeField(null=True, blank=True)
    counted = models.BooleanField(default=False, help_text="Booked with the most: nobody learned what it cost.")

    class Meta:
        indexes = [
            models.Index(fields=["alive_until"], name="model_call_open", condition=Q(settled_at__isnull=True)),
            models.Index(fields=["batch"], name="model_call_batch", condition=~Q(batch="")),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} of {self.model}, {self.asked_at:%Y-%m-%d %H:%M:%S}"
