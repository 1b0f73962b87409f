"""Prices with the date from which they hold."""

from django.db import models


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
