"""The Celery application: queue `cpu` (prefork) for pixels, queue `io` (threads) for words and waiting."""

import os
import warnings

from celery import Celery
from celery.platforms import SecurityWarning

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# The warning is about pickled messages; ours are JSON, and `make run` works for root too.
warnings.filterwarnings("ignore", category=SecurityWarning, module="celery.platforms")

app = Celery("loupe")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
