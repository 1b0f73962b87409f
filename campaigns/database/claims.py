"""Claims: a row that one holder at a time works on, until a moment on the database's clock.

A claim is one conditional UPDATE, so that of two who claim at once one wins. A holder that dies keeps nobody waiting
for longer than its claim lasts. Work that takes longer keeps its claim alive, so that claims may be short.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Self, TypeVar

from django.db import DatabaseError, InterfaceError, connection, models
from django.db.models import Q

from campaigns.database.clock import database_now

logger = logging.getLogger(__name__)

Row = TypeVar("Row", bound=models.Model)


class ClaimQuerySet(models.QuerySet[Row]):
    """Rows of a Claimable model."""

    def free(self, now: datetime) -> Self:
        """Keep rows that nobody holds at `now`."""
        return self.filter(Q(claimed_until__isnull=True) | Q(claimed_until__lt=now))

    def due(self, now: datetime) -> Self:
        """Keep rows of a ClaimableStep that may be tried at `now`."""
        return self.filter(Q(due_at__isnull=True) | Q(due_at__lte=now))

    def lock_free(self, now: datetime, *, most: int) -> Self:
        """Lock up to `most` free rows, without those that somebody else is just claiming, where the database can."""
        return self.free(now).select_for_update(skip_locked=True, of=("self",))[:most]

    def claim(self, *, holder: Any, seconds: float, **changes: Any) -> int:
        """Hold the free rows for `seconds` and write `changes` with it; returns how many were won."""
        now = database_now()
        return self.free(now).update(claimed_by=holder, claimed_until=now + timedelta(seconds=seconds), **changes)

    def renew(self, *, holder: Any, seconds: float) -> int:
        """Hold for `seconds` from now what this holder has claimed and nobody else since; returns how many."""
        held = self.filter(claimed_by=holder, claimed_until__isnull=False)
        return held.update(claimed_until=database_now() + timedelta(seconds=seconds))

    def release(self, *, holder: Any, **changes: Any) -> int:
        """Let go what this holder has claimed, and write `changes` with it; returns how many."""
        return self.filter(claimed_by=holder).update(claimed_by=self._nobody(), claimed_until=None, **changes)

    def _nobody(self) -> str | None:
        return None if self.model._meta.get_field("claimed_by").null else ""


class Claimable(models.Model):
    """A row that one holder at a time works on. A subclass may make `claimed_by` a person."""

    claimed_by = models.CharField(max_length=80, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)

    objects = ClaimQuerySet.as_manager()

    class Meta:
        abstract = True


class ClaimableStep(Claimable):
    """Work that is tried again later where it fails."""

    due_at = models.DateTimeField(null=True, blank=True, help_text="When the next step may begin.")
    tries = models.PositiveSmallIntegerField(default=0, db_default=0, help_text="How often the present step was begun.")

    class Meta:
        abstract = True


@contextmanager
def keep_claim_alive(row: Claimable, *, holder: str, seconds: float) -> Iterator[None]:
    """Renew the claim of `holder` every third of `seconds` while the block runs, from a thread of its own.

    A step that ends sooner costs no query.
    """
    done = threading.Event()
    thread = threading.Thread(target=_renew, args=(type(row), row.pk, holder, seconds, done), name="claim", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _renew(model: type[Claimable], pk: Any, holder: str, seconds: float, done: threading.Event) -> None:
    try:
        while not done.wait(seconds / 3):
            try:
                if model._default_manager.filter(pk=pk).renew(holder=holder, seconds=seconds) != 1:
                    return
            except (DatabaseError, InterfaceError) as error:
                logger.warning("The claim of %s could not be renewed (%s).", pk, error)
                connection.close()
    finally:
        connection.close()
