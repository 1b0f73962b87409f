"""The Celery application: queue `cpu` (prefork) for pixels, queue `io` (threads) for words and waiting."""

import os
import warnings
from typing import Any

from celery import Celery
from celery.platforms import SecurityWarning
from celery.signals import task_prerun
from django.db import close_old_connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Several pictures are worked on at once: a matrix product that spreads over all cores would take them from the others
# and, waiting for its own threads, burn twice the time. Read by NumPy when it is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# The warning is about pickled messages; ours are JSON, and `make run` works for root too.
warnings.filterwarnings("ignore", category=SecurityWarning, module="celery.platforms")

app = Celery("loupe")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@task_prerun.connect
def mind_connections(task: Any, **_: Any) -> None:
    """A worker keeps its database connections as long as a web process does, instead of one for each step.

    Celery's own closing is switched off (CELERY_DB_REUSE_MAX). One that is old is closed here, and one that broke
    is found out before its next use.
    """
    # a task called in place is in the middle of somebody else's work
    if not task.request.is_eager:
        close_old_connections()
