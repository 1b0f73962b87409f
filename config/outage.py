"""When the database does not answer: a page that says so, needs no database itself and comes back by itself."""

import logging
import sys
from collections.abc import Callable

from django.db import InterfaceError, OperationalError, connections
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views import defaults

logger = logging.getLogger(__name__)

# Seconds until the page, or a polite client, asks again.
RETRY_SECONDS = 5
OUTAGES = (OperationalError, InterfaceError)
KEPT = "The database does not answer. Nothing that you saved is lost. "
FOR_A_FRAGMENT = KEPT + "What you entered is still on this page: send it again in a moment."


class OutageMiddleware:
    """Turns a database that goes away under a view into 503. What happens outside of views is `server_error`'s."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """A view, or something that it asked for, lost the database."""
        return apologise(request, exception) if isinstance(exception, OUTAGES) else None


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's last resort (`handler500`): sessions and other middleware may lose the database too."""
    error = sys.exc_info()[1]
    return apologise(request, error) if isinstance(error, OUTAGES) else defaults.server_error(request)


def apologise(request: HttpRequest, error: BaseException) -> HttpResponse:
    """503 as a page, or as words for a toast."""
    logger.warning("%s %s: the database does not answer (%s)", request.method, request.path, error)
    for connection in connections.all(initialized_only=True):
        # a broken connection must not be kept for the next request
        if not connection.in_atomic_block:
            connection.close()
    if request.headers.get("HX-Request") or "json" in request.headers.get("Accept", ""):
        response = HttpResponse(FOR_A_FRAGMENT, status=503, content_type="text/plain; charset=utf-8")
    else:
        again = RETRY_SECONDS if request.method in {"GET", "HEAD"} else 0
        response = HttpResponse(render_to_string("outage.html", {"kept": KEPT, "again": again}), status=503)
    response["Retry-After"] = str(RETRY_SECONDS)
    response["Cache-Control"] = "no-store"
    return response
