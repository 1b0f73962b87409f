"""Stored pictures leave by signed address, and not through Python.

Where LOUPE_ACCEL_PREFIX names an internal location of the proxy, the answer is a word to the proxy, which sends the
file; else gunicorn has the kernel send it (sendfile).
"""

from pathlib import PurePosixPath
from urllib.parse import quote

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_safe

from generation.pictures.files import is_signed

MEDIA_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp"}


@require_safe
def serve_file(request: HttpRequest, signature: str, path: str) -> HttpResponseBase:
    """The file behind a signed address, to be kept for a year; anything else does not exist."""
    if not is_signed(path=path, signature=signature):
        raise Http404
    media_type = MEDIA_TYPES.get(PurePosixPath(path).suffix, "application/octet-stream")
    response: HttpResponseBase
    if settings.LOUPE_ACCEL_PREFIX:
        response = HttpResponse(content_type=media_type)
        response["X-Accel-Redirect"] = f"{settings.LOUPE_ACCEL_PREFIX.rstrip('/')}/{quote(path)}"
    else:
        try:
            response = FileResponse(default_storage.open(path, "rb"), content_type=media_type)
        except (FileNotFoundError, IsADirectoryError, SuspiciousFileOperation) as error:
            raise Http404 from error
    response["Cache-Control"] = "private, max-age=31536000, immutable"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
