"""Variables from the environment or `.env`: typed, and loud in one line when one is wrong.

An empty variable counts as one that is not set, so that `REDIS_URL=` switches back to what is embedded.
"""

import os
import re
from decimal import Decimal, InvalidOperation
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from dotenv import load_dotenv

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
SDK_PREFIXES = ("ANTHROPIC_", "AWS_", "REPLICATE_")
OWNED_NAME = re.compile(r"[\w.-]+/[\w.-]+")
FALSE_WORDS = frozenset({"0", "false", "no", "off"})


def read_env_file(base_dir: Path) -> None:
    """Puts the lines of `.env` (or of the file in LOUPE_ENV_FILE) into the environment; what is already there wins."""
    named = os.environ.get("LOUPE_ENV_FILE")
    path = base_dir / ".env" if named is None else Path(named)
    if path.is_file():
        load_dotenv(path, override=False)
    elif named:
        raise ImproperlyConfigured(f"LOUPE_ENV_FILE is {named!r}, but there is no such file.")
    # The SDKs read their variables themselves, and take an empty one for a value.
    for name in [name for name, value in os.environ.items() if name.startswith(SDK_PREFIXES) and not value.strip()]:
        del os.environ[name]


def text(name: str, *, default: str = "") -> str:
    """A word or a line."""
    return os.environ.get(name, "").strip() or default


def flag(name: str, *, default: bool = False) -> bool:
    """Yes or no: 1, true, yes, on; 0, false, no, off."""
    word = text(name).lower()
    if not word:
        return default
    if word not in TRUE_WORDS | FALSE_WORDS:
        raise ImproperlyConfigured(f"{name} is {word!r}: it must be true or false.")
    return word in TRUE_WORDS


def whole(name: str, *, default: int, minimum: int = 0, maximum: int | None = None) -> int:
    """A whole number within its bounds."""
    word = text(name)
    bounds = f"from {minimum} to {maximum}" if maximum is not None else f"of at least {minimum}"
    try:
        number = int(word) if word else default
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {word!r}: it must be a whole number {bounds}.") from None
    if number < minimum or (maximum is not None and number > maximum):
        raise ImproperlyConfigured(f"{name} is {number}: it must be a whole number {bounds}.")
    return number


def money(name: str, *, default: str) -> Decimal:
    """An amount in USD, never a float."""
    word = text(name, default=default)
    try:
        amount = Decimal(word)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise ImproperlyConfigured(f"{name} is {word!r}: it must be an amount in USD, such as 50.00.")
    return amount


def listing(name: str, *, default: tuple[str, ...] = ()) -> list[str]:
    """Words separated by commas."""
    words = [word.strip() for word in text(name).split(",")]
    return [word for word in words if word] or list(default)


def words(name: str, *, options: tuple[str, ...], default: tuple[str, ...]) -> list[str]:
    """Some of a few words, in small letters, separated by commas."""
    chosen = [word.lower() for word in listing(name, default=default)]
    for word in chosen:
        if word not in options:
            raise ImproperlyConfigured(f"{name} holds {word!r}: write some of {', '.join(options)}.")
    return chosen


def pairs(name: str) -> dict[str, str]:
    """Pairs of owner/name words, "left=right", separated by commas."""
    found = {}
    for entry in listing(name):
        left, _, right = (part.strip() for part in entry.partition("="))
        if not all(OWNED_NAME.fullmatch(part) for part in (left, right)):
            raise ImproperlyConfigured(f"{name} holds {entry!r}: write each pair as owner/model=owner/deployment.")
        found[left] = right
    return found


def choice(name: str, *, options: tuple[str, ...], default: str) -> str:
    """One of a few words, in capitals."""
    word = text(name, default=default).upper()
    if word not in options:
        raise ImproperlyConfigured(f"{name} is {word!r}: it must be one of {', '.join(options)}.")
    return word


def address(name: str, *, schemes: tuple[str, ...], default: str = "") -> str:
    """A URL of one of the schemes, without a slash at its end."""
    url = text(name, default=default)
    if url and urlsplit(url).scheme not in schemes:
        # The URL itself may carry a password: it is not repeated.
        raise ImproperlyConfigured(f"{name} must be a URL that starts with {' or '.join(f'{s}://' for s in schemes)}.")
    return url.rstrip("/")
