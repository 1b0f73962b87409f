"""What providers report, and how fast they may be asked."""

from django.db import models

from generation.models.generation import Generation


class WebhookDelivery(models.Model):
    """One verified delivery, stored before anything is done with it; its id makes a replay harmless."""

    provider = models.CharField(max_length=20)
    delivery_id = models.CharField(max_length=120)
    generation = models.ForeignKey(Generation, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    body = models.JSONField()
    received_at = models.DateTimeField(auto_now_add=True)
    handled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["id"], name="delivery_unhandled", condition=models.Q(handled_at__isnull=True)),
        ]
        constraints = [models.UniqueConstraint(fields=["provider", "delivery_id"], name="delivery_once")]

    def __str__(self) -> str:
        return f"{self.provider} {self.delivery_id}"


class Throttle(models.Model):
    """The shared rate of one provider account: no create leaves before `next_at`."""

    account = models.CharField(primary_key=True, max_length=40)
    per_minute = models.FloatField()
    next_at = models.DateTimeField()
    paused_until = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=240, blank=True)

    def __str__(self) -> str:
        return f"{self.account}: {self.per_minute:g} a minute"
