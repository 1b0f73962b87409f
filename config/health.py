"""Two questions of whoever runs Loupe: does the process live, and can it serve pages?

Redis is no part of the second: pages work without it, and say so themselves.
"""

from django.contrib.staticfiles.storage import staticfiles_storage
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """200 as long as this process answers at all."""
    return JsonResponse({"alive": True})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """200 once every migration is applied and static files are collected; else 503 with what is missing."""
    missing = [word for word in (_database_complaint(), _static_complaint()) if word]
    return JsonResponse({"ready": not missing, "missing": missing}, status=503 if missing else 200)


def _database_complaint() -> str:
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return "database: migrations are not applied"
    except DatabaseError:
        return "database: no answer"
    return ""


def _static_complaint() -> str:
    # Only storages with a manifest know names that must have been collected.
    if getattr(staticfiles_storage, "hashed_files", True):
        return ""
    return "static files: not collected"
