"""The settings of the house, with what tests need otherwise: fast passwords, plain static files, loud templates."""

from typing import Any

from config.settings import *  # noqa: F403
from config.settings import DATABASES, INSTALLED_APPS, STATIC_ROOT, STORAGES, TEMPLATES, VAR_DIR
from tests.templates import UndefinedVariable

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

# Its `flush` stands in for Django's own.
INSTALLED_APPS = [*INSTALLED_APPS, "tests.services"]

STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}

_options: Any = TEMPLATES[0]["OPTIONS"]
_options["string_if_invalid"] = UndefinedVariable()

_database = DATABASES["default"]
# A kept connection of a server thread would hold the test database when it is to go.
_database["CONN_MAX_AGE"] = 0
_database["CONN_HEALTH_CHECKS"] = False
if _database["ENGINE"].endswith("sqlite3"):
    # A file, so that threads and processes share it as they do in the embedded start.
    _database["TEST"] = {"NAME": VAR_DIR / "test.sqlite3"}
