"""Raw fields of one post (from JSON or a table row) to a Post, with every problem named."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.text import slugify

from campaigns.briefs.text import clean_text
from campaigns.briefs.types import Import, Post, Problems

KINDS = ("hero", "lifestyle", "detail", "social", "illustration", "draft", "other")
TEXT_LIMITS = {
    "slug": 80,
    "title": 160,
    "description": 10_000,
    "mood": 240,
    "kind": 40,
    "aspect_ratio": 12,
    "model": 120,
}
NAMES = (*TEXT_LIMITS, "width", "height", "wants_text")

_LONGEST_SLUG = 70
_SMALLEST_EDGE, _LARGEST_EDGE = 64, 4096
_RATIO = re.compile(r"^(\d{1,2}) ?[:/x×] ?(\d{1,2})$")
_YES = frozenset({"yes", "y", "true", "1", "x", "ja", "wahr", "oui"})
_NO = frozenset({"", "no", "n", "false", "0", "nein", "falsch", "non"})
_JSON_NAMES = {
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
}


def build_import(rows: Sequence[tuple[str, Mapping[str, Any]]], *, problems: Problems, notices: list[str]) -> Import:
    """Posts from (place, fields) pairs; the place is "Post 3" or "Line 4". Raises BriefError with all problems."""
    cleaned = [(where, _clean_fields(fields, where, problems)) for where, fields in rows]
    slugs = _choose_slugs(cleaned, problems)
    posts = [_build_post(fields, slug, where, problems) for (where, fields), slug in zip(cleaned, slugs, strict=True)]
    problems.raise_if_any()
    return Import(tuple(posts), tuple(notices))


def _clean_fields(fields: Mapping[str, Any], where: str, problems: Problems) -> dict[str, Any]:
    cleaned: dict[str, Any] = {}
    for name, value in fields.items():
        if value is None or name not in NAMES:
            continue
        if name not in TEXT_LIMITS:
            cleaned[name] = value
        elif not isinstance(value, str):
            problems.add(
                where, f"has {_JSON_NAMES.get(type(value), 'something else')} as its {name}; it must be a text"
            )
        else:
            text = clean_text(value).strip()
            if len(text) > TEXT_LIMITS[name]:
                problems.add(where, f"has a {name} of {len(text):,} characters; {TEXT_LIMITS[name]:,} is the limit")
            cleaned[name] = text
    if not cleaned.get("title") and not (fields.get("title") is not None and not isinstance(fields["title"], str)):
        problems.add(where, "has no title")
    return cleaned


def _choose_slugs(rows: Sequence[tuple[str, Mapping[str, Any]]], problems: Problems) -> list[str]:
    """Slugs as they were given, each once; where there is none, one from the title that nobody else has."""
    places: dict[str, str] = {}
    given: list[str] = []
    for where, fields in rows:
        slug = _as_slug(fields.get("slug", ""))
        if slug and slug in places:
            problems.add(where, f"has the slug “{slug}”, which {places[slug].lower()} has already")
        elif slug:
            places[slug] = where
        given.append(slug)
    slugs: list[str] = []
    endings: dict[str, int] = {}
    for number, ((where, fields), slug) in enumerate(zip(rows, given, strict=True), start=1):
        if not slug:
            stem = _as_slug(fields.get("title", "")) or f"post-{number}"
            slug = stem
            while slug in places:
                endings[stem] = endings.get(stem, 1) + 1
                slug = f"{stem[: _LONGEST_SLUG - 8]}-{endings[stem]}"
            places[slug] = where
        slugs.append(slug)
    return slugs


def _as_slug(text: str) -> str:
    return slugify(text)[:_LONGEST_SLUG].strip("-_")


def _build_post(fields: Mapping[str, Any], slug: str, where: str, problems: Problems) -> Post:
    width, height = (_read_edge(fields.get(name), name, where, problems) for name in ("width", "height"))
    if (fields.get("width") in (None, "")) != (fields.get("height") in (None, "")):
        problems.add(where, "has only one of width and height; give both, or an aspect_ratio")
    return Post(
        slug=slug,
        title=" ".join(fields.get("title", "").split()),
        description=fields.get("description", ""),
        mood=" ".join(fields.get("mood", "").split()),
        kind=_read_kind(fields.get("kind", ""), where, problems),
        aspect_ratio=_read_ratio(fields.get("aspect_ratio", ""), where, problems),
        width=width,
        height=height,
        model=fields.get("model", ""),
        wants_text=_read_answer(fields.get("wants_text", False), where, problems),
    )


def _read_kind(text: str, where: str, problems: Problems) -> str:
    kind = text.lower()
    if kind and kind not in KINDS:
        problems.add(where, f"has the kind “{_short(text)}”; it may be {', '.join(KINDS[:-1])} or {KINDS[-1]}")
    return kind


def _read_ratio(text: str, where: str, problems: Problems) -> str:
    if not text:
        return ""
    sides = _RATIO.match(text)
    if sides is None or "0" in (sides.group(1).lstrip("0") or "0", sides.group(2).lstrip("0") or "0"):
        problems.add(where, f"has the aspect_ratio “{_short(text)}”; write it like 16:9")
        return ""
    return f"{int(sides.group(1))}:{int(sides.group(2))}"


def _read_edge(value: Any, name: str, where: str, problems: Problems) -> int | None:
    """Pixels from a number or a text of digits; empty is None."""
    if value is None or value == "":
        return None
    edge: int | None = None
    if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,6}\s*", value):
        edge = int(value)
    elif isinstance(value, int | float) and not isinstance(value, bool) and _SMALLEST_EDGE <= value <= _LARGEST_EDGE:
        edge = int(value) if value == int(value) else None
    if edge is None or not _SMALLEST_EDGE <= edge <= _LARGEST_EDGE:
        allowed = f"{_SMALLEST_EDGE} to {_LARGEST_EDGE:,} whole pixels"
        problems.add(where, f"has the {name} “{_short(value)}”; it must be {allowed}")
        return None
    return edge


def _read_answer(value: Any, where: str, problems: Problems) -> bool:
    if isinstance(value, bool):
        return value
    answer = value.strip().lower() if isinstance(value, str) else None
    if answer in _YES:
        return True
    if answer not in _NO:
        problems.add(where, f"has “{_short(value)}” as wants_text; it must be yes or no (in JSON true or false)")
    return False


def _short(value: Any) -> str:
    # A number of thousands of digits cannot be written out; its type says enough.
    text = value if isinstance(value, str) else type(value).__name__ if _is_huge(value) else str(value)
    text = " ".join(clean_text(text).split())
    return text if len(text) <= 40 else text[:39] + "…"


def _is_huge(value: Any) -> bool:
    return isinstance(value, list | dict) or (isinstance(value, int) and abs(value) > 10**40)
