"""One rate for all who send to a provider account: permits from the table, so that one 429 slows everyone."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction

from campaigns.database.clock import database_now
from generation.catalogue.providers import IMAGE_PROVIDERS
from generation.models import Throttle

# Permits that were not used are kept for this long, so that a tick of the conductor may send a few at once.
BURST_SECONDS = 1.0
SLOWEST_PER_MINUTE = 6.0
# One that runs beside us is limited by what it takes at once.
UNLIMITED_PER_MINUTE = 6_000.0
RECOVERY = 1.2
RECOVERY_SECONDS = 30.0


def usual_rate(account: str) -> float:
    """Creates a minute for an account, by default."""
    setting = IMAGE_PROVIDERS[account].rate_setting
    return float(getattr(settings, setting)) if setting else UNLIMITED_PER_MINUTE


@transaction.atomic
def take_permits(account: str, *, wanted: int) -> int:
    """How many of `wanted` creates may leave now; the rest waits for the next tick."""
    if wanted <= 0:
        return 0
    now = database_now()
    row, _ = Throttle.objects.select_for_update().get_or_create(
        account=account, defaults={"per_minute": usual_rate(account), "next_at": now}
    )
    if row.paused_until and row.paused_until > now:
        return 0
    usual = usual_rate(account)
    if row.per_minute < usual and row.paused_until and now - row.paused_until > timedelta(seconds=RECOVERY_SECONDS):
        row.per_minute = min(usual, row.per_minute * RECOVERY)
        row.paused_until = now if row.per_minute < usual else None
    elif row.per_minute > usual:
        row.per_minute = usual
    interval = timedelta(seconds=60 / row.per_minute)
    earliest = max(row.next_at, now - timedelta(seconds=BURST_SECONDS))
    granted = max(0, min(wanted, int((now - earliest) / interval) + (1 if earliest <= now else 0)))
    row.next_at = earliest + interval * granted
    row.save()
    return granted


@transaction.atomic
def pause(account: str, *, seconds: float, note: str) -> None:
    """A provider that does not work: nothing leaves for `seconds`; the rate stays. `note` is for people."""
    now = database_now()
    row, _ = Throttle.objects.select_for_update().get_or_create(
        account=account, defaults={"per_minute": usual_rate(account), "next_at": now}
    )
    until = now + timedelta(seconds=seconds)
    row.paused_until = max(until, row.paused_until or until)
    row.next_at = max(row.next_at, until)
    row.note = note[:240]
    row.save()


@transaction.atomic
def slow_down(account: str, *, seconds: float, note: str) -> None:
    """A 429: nothing leaves for `seconds`, and then at half the rate, which recovers by a fifth each 30 s."""
    now = database_now()
    row, _ = Throttle.objects.select_for_update().get_or_create(
        account=account, defaults={"per_minute": usual_rate(account), "next_at": now}
    )
    pause = now + timedelta(seconds=seconds)
    if row.paused_until is None or row.paused_until <= now:
        row.per_minute = max(SLOWEST_PER_MINUTE, row.per_minute / 2)
    row.paused_until = max(pause, row.paused_until or pause)
    row.next_at = max(row.next_at, pause)
    row.note = note[:240]
    row.save()
