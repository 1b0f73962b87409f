"""Stored pictures leave by signed address; gunicorn sends the file with sendfile."""

from pathlib import PurePosixPath

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import default_storage
from django.core.signing import BadSignature
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase

from generation.files import is_signed

MEDIA_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp"}


def serve_file(request: HttpRequest, signature: str, path: str) -> HttpResponseBase:
    """The file behind a signed address, to be kept for a year; anything else does not exist."""
    try:
        if not is_signed(path=path, signature=signature):
            raise Http404
        file = default_storage.open(path, "rb")
    except (BadSignature, FileNotFoundError, SuspiciousFileOperation) as error:
        raise Http404 from error
    media_type = MEDIA_TYPES.get(PurePosixPath(path).suffix, "application/octet-stream")
    response = FileResponse(file, content_type=media_type)
    response["Cache-Control"] = "private, max-age=31536000, immutable"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
