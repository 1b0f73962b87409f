"""Addresses of stored pictures: signed, so that nobody guesses another one; immutable, so that they cache for good."""

import base64
import hmac
import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote

from django.conf import settings
from django.core.files.storage import default_storage
from django.urls import reverse
from django.utils.crypto import salted_hmac

from generation.models import Generation

SALT = "loupe.file"
# 128 bits: nobody guesses one, and sixty of them still fit into a small page.
SIGNATURE_BYTES = 16
_WIDTH = re.compile(r"-\d+\.webp$")


def read_file(path: str | None) -> bytes:
    """The content of a stored file; the handle is closed at once. Raises FileNotFoundError."""
    with default_storage.open(path or "", "rb") as file:
        content: bytes = file.read()
    return content


def file_url(path: str) -> str:
    """The address of a stored file, "" where there is none."""
    return f"{_prefix()}{_sign(path, settings.SECRET_KEY)}/{quote(path)}" if path else ""


def is_signed(*, path: str, signature: str) -> bool:
    """Whether this very path was signed by us, with the present key or one that it replaced."""
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return any(hmac.compare_digest(_sign(path, key).encode(), signature.encode()) for key in keys)


def _sign(path: str, secret: str | bytes) -> str:
    """The renditions of a picture share one signature: who may see it at one width may see it at another."""
    # a stored name holds no star: what is signed for all widths is no file's own name
    signed = hmac.digest(_key(secret), _WIDTH.sub("-*.webp", path).encode(), "sha256")
    return base64.urlsafe_b64encode(signed[:SIGNATURE_BYTES]).decode().rstrip("=")


@lru_cache(maxsize=8)
def _key(secret: str | bytes) -> bytes:
    return salted_hmac(SALT, "", secret=secret, algorithm="sha256").digest()


@lru_cache(maxsize=1)
def _prefix() -> str:
    """What stands before every signature: looking it up would take longer than signing."""
    return reverse("file", kwargs={"signature": "-", "path": "-"}).removesuffix("-/-")


def addresses_of(renditions: Mapping[str, str]) -> list[tuple[int, str]]:
    """Width and address of every rendition of one picture, the narrowest first. One signature for all of them."""
    found: list[tuple[int, str]] = []
    stem = signed = ""
    for width, path in sorted((int(width), path) for width, path in renditions.items()):
        ending = f"-{width}.webp"
        if not stem or path != stem + ending:
            if not path.endswith(ending):
                found.append((width, file_url(path)))
                continue
            stem, signed = path.removesuffix(ending), file_url(path).removesuffix(ending)
        found.append((width, signed + ending))
    return found


def rendition_url(generation: Generation, *, width: int) -> str:
    """The smallest rendition at least `width` wide, else the widest; "" before the picture has arrived."""
    return choose_width(addresses_of(generation.renditions), width=width)


def choose_width(addresses: list[tuple[int, str]], *, width: int) -> str:
    """The address of the smallest that is at least `width` wide, else of the widest; "" where there is none."""
    return next((address for known, address in addresses if known >= width), addresses[-1][1] if addresses else "")


def srcset(generation: Generation) -> str:
    """All renditions for the browser to choose from."""
    return join_widths(addresses_of(generation.renditions))


def join_widths(addresses: list[tuple[int, str]]) -> str:
    """As the attribute `srcset` takes them."""
    return ", ".join(f"{address} {width}w" for width, address in addresses)
