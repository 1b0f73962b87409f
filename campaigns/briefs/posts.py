"""posts.json: `[{"slug", "title", "description", "mood"}, ...]`, and the optional fields of a shot."""

import json
import math
import re
from typing import Any

from campaigns.briefs.fields import NAMES, build_import
from campaigns.briefs.text import decode
from campaigns.briefs.types import DEFAULT_LIMITS, BriefError, Import, Problems

_EXAMPLE = '[{"slug": "hero", "title": "Hero", "description": "...", "mood": "calm"}]'
_MOST_NAMES = 8

# What the decoder says, in words that tell what to do.
_ADVICE: tuple[tuple[str, str], ...] = (
    (
        "Expecting ',' delimiter",
        "a comma is missing before this place, or a quotation mark inside a text needs a backslash",
    ),
    ("Expecting property name", "a field name in double quotation marks was expected (is there a comma too many?)"),
    ("Expecting ':' delimiter", "a colon is missing after the field name"),
    ("Expecting value", "a value was expected (is there a comma too many, or a text without quotation marks?)"),
    ("Unterminated string", "a text begins here and its closing quotation mark is missing"),
    ("Invalid control character", "a text holds a line break or tab; write it as \\n or \\t"),
    ("Invalid \\", "a backslash in a text stands alone; write it twice"),
    ("Extra data", "the list ends before this place and more follows"),
)


class _RepeatedField(ValueError):
    pass


def read_posts(
    content: bytes, *, most: int = DEFAULT_LIMITS.most_posts, max_bytes: int = DEFAULT_LIMITS.max_file_bytes
) -> Import:
    """All posts of the file. `{"posts": [...]}` is read as well. Raises BriefError that names every problem."""
    check_file_size(content, max_bytes=max_bytes)
    text, decoded = decode(content)
    if not text.strip():
        raise BriefError(f"The file is empty. posts.json is a list like {_EXAMPLE}.")
    # Posts hold no objects of their own: this many braces are a bomb, refused before it unfolds.
    if text.count("{") + text.count("[") > 8 * most + 1_000:
        raise BriefError(_too_many(f"more than {most:,}", most))
    items = _unwrap(_parse(text))
    if not items:
        raise BriefError(f"The list is empty: there is nothing to render. posts.json is a list like {_EXAMPLE}.")
    if len(items) > most:
        raise BriefError(_too_many(f"{len(items):,}", most))
    problems, notices = Problems(), list(decoded)
    rows: list[tuple[str, dict[str, Any]]] = []
    unknown: dict[str, None] = {}
    for number, item in enumerate(items, start=1):
        if not isinstance(item, dict):
            problems.add(f"Post {number}", "is not an object in braces")
            continue
        unknown |= dict.fromkeys(name for name in item if name not in NAMES)
        rows.append((f"Post {number}", item))
    if unknown:
        notices.append(name_unused(list(unknown)))
    return build_import(rows, problems=problems, notices=notices)


def check_file_size(content: bytes, *, max_bytes: int) -> None:
    """Raises BriefError where the file is larger than `max_bytes`."""
    if len(content) > max_bytes:
        raise BriefError(
            f"The file has {len(content) / 1_000_000:,.1f} MB; Loupe reads up to {max_bytes / 1_000_000:,.0f} MB. "
            "Split it into several campaigns."
        )


def name_unused(names: list[str]) -> str:
    """The notice about fields or columns that mean nothing to Loupe."""
    shown = ", ".join(f"“{_plain(name)}”" for name in names[:_MOST_NAMES])
    more = f" and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else ""
    return f"Not used: {shown}{more}."


def _plain(name: str) -> str:
    name = re.sub(r"[^\w .:/-]+", "", name)
    return name if len(name) <= 40 else name[:39] + "…"


def _too_many(found: str, most: int) -> str:
    return f"The file holds {found} posts; a campaign takes up to {most:,}. Split it into several files."


def _parse(text: str) -> Any:
    try:
        return json.loads(text.lstrip("\ufeff"), object_pairs_hook=_read_object, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno:,}, column {error.colno:,}"
        advice = next((better for said, better in _ADVICE if error.msg.startswith(said)), error.msg)
        raise BriefError(f"This is not valid JSON. In {where} {advice}. Nothing was imported.", where) from error
    except _RepeatedField as error:
        raise BriefError(f"A post has the field “{_plain(str(error))}” twice. Nothing was imported.") from error
    except RecursionError:
        raise BriefError(f"The file is nested too deeply. posts.json is a plain list like {_EXAMPLE}.") from None
    except ValueError as error:
        # Numbers of thousands of digits.
        raise BriefError("The file holds a number that is too long to be one. Nothing was imported.") from error


def _read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        names = [name for name, _ in pairs]
        raise _RepeatedField(next(name for name in names if names.count(name) > 1))
    return fields


def _refuse_constant(_: str) -> float:
    return math.nan


def _unwrap(document: Any) -> list[Any]:
    if isinstance(document, dict) and isinstance(document.get("posts"), list):
        document = document["posts"]
    if isinstance(document, list):
        return document
    if isinstance(document, dict) and "title" in document:
        raise BriefError("The file holds one post without a list around it. Put it into square brackets.")
    raise BriefError(f"The file holds no list of posts. posts.json is a list like {_EXAMPLE}.")
