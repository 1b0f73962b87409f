"""Addresses of stored pictures: signed, so that nobody guesses another one; immutable, so that they cache for good."""

from django.core import signing
from django.core.files.storage import default_storage
from django.urls import reverse

from generation.models import Generation

SALT = "loupe.file"


def read_file(path: str | None) -> bytes:
    """The content of a stored file; the handle is closed at once. Raises FileNotFoundError."""
    with default_storage.open(path or "", "rb") as file:
        content: bytes = file.read()
    return content


def file_url(path: str) -> str:
    """The address of a stored file, "" where there is none."""
    if not path:
        return ""
    return reverse("file", kwargs={"signature": signing.Signer(salt=SALT).signature(path), "path": path})


def is_signed(*, path: str, signature: str) -> bool:
    """Whether this very path was signed by us."""
    return signing.Signer(salt=SALT).unsign(f"{path}:{signature}") == path if signature else False


def rendition_url(generation: Generation, *, width: int) -> str:
    """The smallest rendition at least `width` wide, else the widest; "" before the picture has arrived."""
    widths = sorted(int(known) for known in generation.renditions)
    if not widths:
        return ""
    chosen = next((known for known in widths if known >= width), widths[-1])
    return file_url(generation.renditions[str(chosen)])


def srcset(generation: Generation) -> str:
    """All renditions for the browser to choose from."""
    return ", ".join(
        f"{file_url(generation.renditions[str(width)])} {width}w" for width in sorted(map(int, generation.renditions))
    )
