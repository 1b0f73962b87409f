"""Money: promises and what was paid. Written by `generation.money.ledger` only."""

from decimal import Decimal

from django.db import models
from django.db.models import Q

from campaigns.models import Campaign, Shot, UsdField, User, Workspace
from generation.models.generation import Generation


class Reservation(models.Model):
    """USD promised for one generation before anything is sent; ends as settled or released, once."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        SETTLED = "settled", "Settled"
        RELEASED = "released", "Released"

    generation = models.OneToOneField(Generation, on_delete=models.CASCADE, related_name="reservation")
    amount = UsdField(help_text="What was promised.")
    remaining = UsdField(help_text="What of it is not yet charged.")
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(remaining__gte=0), name="reservation_not_negative"),
            models.CheckConstraint(
                condition=Q(state="open", ended_at__isnull=True) | (~Q(state="open") & Q(ended_at__isnull=False)),
                name="reservation_ended_when",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.generation_id}: {self.amount} {self.state}"


class LedgerEntry(models.Model):
    """One amount paid. Append-only: a correction is a new row."""

    class Purpose(models.TextChoices):
        PROMPT = "prompt", "Prompts"
        RENDER = "render", "Renders"
        SCORE = "score", "Scoring"
        REVISE = "revise", "Revisions"
        UPSCALE = "upscale", "Upscaling"

    key = models.CharField(max_length=160, unique=True)
    amount = UsdField()
    unit = models.CharField(max_length=40)
    quantity = models.DecimalField(max_digits=16, decimal_places=6, default=Decimal(1))
    unit_price = models.DecimalField(max_digits=18, decimal_places=12)
    provider = models.CharField(max_length=20)
    model = models.CharField(max_length=120)
    purpose = models.CharField(max_length=8, choices=Purpose.choices)
    # both have an index below that begins with them
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="ledger", db_index=False)
    campaign = models.ForeignKey(
        Campaign, on_delete=models.PROTECT, null=True, blank=True, related_name="ledger", db_index=False
    )
    shot = models.ForeignKey(Shot, on_delete=models.PROTECT, null=True, blank=True, related_name="ledger")
    generation = models.ForeignKey(
        Generation, on_delete=models.PROTECT, null=True, blank=True, related_name="ledger", db_index=False
    )
    ticket = models.CharField(max_length=40, blank=True)
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    note = models.CharField(max_length=240, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(fields=["workspace", "at"], name="ledger_by_time"),
            models.Index(fields=["campaign", "at"], name="ledger_by_campaign"),
            models.Index(fields=["generation"], name="ledger_by_generation"),
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.amount}"
