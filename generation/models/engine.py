"""What the engine keeps: leases, heartbeats, deliveries of webhooks, the rate of a provider."""

from django.db import IntegrityError, models, transaction
from django.db.models import F

from campaigns.database.claims import Claimable, ClaimQuerySet


class LeaseQuerySet(ClaimQuerySet["Lease"]):
    """Leases by name."""

    def hold(self, *, name: str, holder: str, seconds: float) -> int | None:
        """Take or renew a lease; returns the fencing token while it is ours, None while somebody else leads."""
        lease = self.filter(name=name)
        if lease.renew(holder=holder, seconds=seconds) or lease.claim(
            holder=holder, seconds=seconds, token=F("token") + 1
        ):
            return lease.values_list("token", flat=True).get()
        if lease.exists():
            return None
        try:
            with transaction.atomic():
                self.create(name=name)
        except IntegrityError:
            pass  # somebody made it at the same moment
        return self.hold(name=name, holder=holder, seconds=seconds)

    def end(self, *, name: str, holder: str) -> None:
        """Give a lease back at once, so that the next one need not wait."""
        self.filter(name=name).release(holder=holder)


class Lease(Claimable):
    """Who leads. `token` grows with every new holder: work under an older token is refused (fencing)."""

    name = models.CharField(primary_key=True, max_length=40)
    token = models.PositiveBigIntegerField(default=0)

    objects = LeaseQuerySet.as_manager()  # type: ignore[misc]  # narrows that of Claimable

    def __str__(self) -> str:
        return f"{self.name}: {self.claimed_by} ({self.token})"


class Heartbeat(models.Model):
    """The last sign of life of a process, for the banner that says which one does not run."""

    name = models.CharField(primary_key=True, max_length=40)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%H:%M:%S}"


class WebhookDelivery(models.Model):
    """One verified delivery, stored before anything is done with it; its id makes a replay harmless."""

    provider = models.CharField(max_length=20)
    delivery_id = models.CharField(max_length=120)
    generation = models.ForeignKey("Generation", on_delete=models.CASCADE, null=True, blank=True, related_name="+")
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
