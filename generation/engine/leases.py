"""Who leads, on the database's time. The token grows with every change of holder."""

from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import F, Q

from campaigns.database.clock import database_now
from generation.models import Lease


def hold_lease(*, name: str, holder: str, seconds: float) -> int | None:
    """Take or renew a lease; the fencing token while it is ours, None while somebody else leads."""
    now = database_now()
    until = now + timedelta(seconds=seconds)
    if Lease.objects.filter(name=name, holder=holder, until__gte=now).update(until=until) == 1:
        return Lease.objects.values_list("token", flat=True).get(name=name)
    taken = Lease.objects.filter(Q(until__lt=now) | Q(holder=holder), name=name).update(
        holder=holder, until=until, token=F("token") + 1
    )
    if taken == 1:
        return Lease.objects.values_list("token", flat=True).get(name=name)
    if not Lease.objects.filter(name=name).exists():
        try:
            with transaction.atomic():
                return Lease.objects.create(name=name, holder=holder, token=1, until=until).token
        except IntegrityError:
            return None
    return None


def end_lease(*, name: str, holder: str) -> None:
    """Give it back at once, so that the next one need not wait."""
    Lease.objects.filter(name=name, holder=holder).update(until=database_now())
