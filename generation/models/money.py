"""Money: prices, promises, what was paid, and calls that will be.

`generation.money.ledger` alone writes reservations and the ledger, `generation.money.calls` alone calls to a model.
"""

from decimal import Decimal

from django.db import models
from django.db.models import Q

from campaigns.models.money import UsdField


class Price(models.Model):
    """USD for one unit of a model from a date on; the ledger copies the one in force."""

    provider = models.CharField(max_length=20)
    model = models.CharField(max_length=120)
    unit = models.CharField(max_length=40)
    amount = models.DecimalField(max_digits=18, decimal_places=12)
    valid_from = models.DateTimeField()
    source = models.CharField(max_length=120, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "model", "unit", "valid_from"], name="price_once_a_date")
        ]

    def __str__(self) -> str:
        return f"{self.model}: {self.amount} USD a {self.unit}"


class Reservation(models.Model):
    """USD promised for one generation before anything is sent; ends as settled or released, once."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        SETTLED = "settled", "Settled"
        RELEASED = "released", "Released"

    generation = models.OneToOneField("Generation", on_delete=models.CASCADE, related_name="reservation")
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
    workspace = models.ForeignKey(
        "campaigns.Workspace", on_delete=models.PROTECT, related_name="ledger", db_index=False
    )
    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.PROTECT, null=True, blank=True, related_name="ledger", db_index=False
    )
    shot = models.ForeignKey("campaigns.Shot", on_delete=models.PROTECT, null=True, blank=True, related_name="ledger")
    generation = models.ForeignKey(
        "Generation", on_delete=models.PROTECT, null=True, blank=True, related_name="ledger", db_index=False
    )
    ticket = models.CharField(max_length=40, blank=True)
    by = models.ForeignKey("campaigns.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
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


class ModelCall(models.Model):
    """One call, written down before it is sent, so that a process that dies over it leaves its bill behind.

    `at_most` is what it can have consumed so far, by unit; it grows before every request. Settled once.
    """

    provider = models.CharField(max_length=20)
    model = models.CharField(max_length=120)
    purpose = models.CharField(max_length=8, choices=LedgerEntry.Purpose.choices)
    workspace = models.ForeignKey("campaigns.Workspace", on_delete=models.PROTECT, related_name="model_calls")
    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    shot = models.ForeignKey("campaigns.Shot", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    generation = models.ForeignKey("Generation", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    by = models.ForeignKey("campaigns.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
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
