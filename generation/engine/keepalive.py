"""Claims that last as long as the work: a step keeps its short claim alive, and a killed process frees it soon."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, InterfaceError, connection

from generation.models import Generation

logger = logging.getLogger(__name__)


@contextmanager
def keep_claim_alive(generation: Generation, *, holder: str, seconds: float) -> Iterator[None]:
    """Renew the claim of `holder` every third of `seconds` while the block runs, from a thread of its own.

    A step that ends sooner costs no query.
    """
    done = threading.Event()
    thread = threading.Thread(target=_renew, args=(generation.pk, holder, seconds, done), name="claim", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _renew(pk: str, holder: str, seconds: float, done: threading.Event) -> None:
    try:
        while not done.wait(seconds / 3):
            try:
                if Generation.objects.filter(pk=pk).renew(holder=holder, seconds=seconds) != 1:
                    return
            except (DatabaseError, InterfaceError) as error:
                logger.warning("The claim of %s could not be renewed (%s).", pk, error)
                connection.close()
    finally:
        connection.close()
