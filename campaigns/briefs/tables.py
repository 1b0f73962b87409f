"""CSV in the dialects that people's tools write: comma, semicolon, tab or pipe; any of the usual encodings."""

import csv
import io
import re
from collections.abc import Sequence

from campaigns.briefs.fields import build_import
from campaigns.briefs.posts import check_file_size, name_unused
from campaigns.briefs.text import decode
from campaigns.briefs.types import DEFAULT_LIMITS, BriefError, Import, Problems

SEPARATORS = (",", ";", "\t", "|")
# Field names and what people call them, lower case, without spaces, hyphens and underscores.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "slug": ("slug", "id", "key", "shortname", "kürzel", "kuerzel"),
    "title": ("title", "name", "titel", "headline", "überschrift", "ueberschrift", "shot", "posttitle", "titre"),
    "description": ("description", "text", "beschreibung", "body", "content", "summary", "caption", "inhalt", "desc"),
    "mood": ("mood", "tone", "stimmung", "feeling", "tonality", "tonalität", "style", "ambiance"),
    "kind": ("kind", "type", "category", "art"),
    "aspect_ratio": ("aspectratio", "ratio", "aspect", "format", "seitenverhältnis"),
    "width": ("width", "breite", "widthpx"),
    "height": ("height", "höhe", "hoehe", "heightpx"),
    "model": ("model", "modell"),
    "wants_text": ("wantstext", "textinimage", "legibletext"),
}
_FIELD_OF = {synonym: field for field, synonyms in SYNONYMS.items() for synonym in synonyms}
_SAMPLE_CHARACTERS = 65_536
_SAMPLE_ROWS = 50
_MOST_SHORT_ROWS_NAMED = 5
_ADVICE = "The first line must name the columns: title, and if you like description, mood and slug."


def read_table(
    content: bytes, *, most: int = DEFAULT_LIMITS.most_posts, max_bytes: int = DEFAULT_LIMITS.max_file_bytes
) -> Import:
    """All rows as posts. Cells are data, formulas included. Raises BriefError that names every problem."""
    check_file_size(content, max_bytes=max_bytes)
    text, decoded = decode(content)
    text, announced = _take_announced_separator(text)
    rows = _read_rows(text, announced or find_separator(text))
    if not rows:
        raise BriefError(f"The table is empty. {_ADVICE}")
    (_, header), body = rows[0], rows[1:]
    columns, unused = _read_header(header)
    if not body:
        raise BriefError("The table has a header and no rows: there is nothing to render.")
    if len(body) > most:
        raise BriefError(f"The table has {len(body):,} rows; a campaign takes up to {most:,}. Split it.")
    problems, notices, short = Problems(), list(decoded), []
    posts: list[tuple[str, dict[str, str]]] = []
    for line, cells in body:
        if any(cell.strip() for cell in cells[len(header) :]):
            problems.add(
                f"Line {line}",
                f"has {len(cells)} fields where the header names {len(header)}: "
                "put texts that hold the separator into quotation marks",
            )
        if len(cells) < len(header):
            short.append(line)
        posts.append((f"Line {line}", {field: cells[at] for field, at in columns.items() if at < len(cells)}))
    if unused:
        notices.append(name_unused(unused))
    if short:
        notices.append(_name_short_rows(short))
    return build_import(posts, problems=problems, notices=notices)


def find_separator(text: str) -> str:
    """The separator under which the header names most known fields, then the rows agree most in length; else comma."""

    def score(separator: str) -> tuple[int, float, int]:
        rows = _sample_rows(text, separator)
        if not rows:
            return (0, 0.0, 0)
        width = len(rows[0])
        known = len({_FIELD_OF[name] for name in map(_normalise, rows[0]) if name in _FIELD_OF})
        agreeing = sum(len(row) == width for row in rows) / len(rows)
        return (known if width > 1 else 0, agreeing if width > 1 else 0.0, width)

    return max(SEPARATORS, key=score)


def looks_like_table(text: str) -> bool:
    """Whether the first line is a header with a title and at least one more known column."""
    rows = _sample_rows(text, find_separator(text))
    known = {_FIELD_OF[name] for name in map(_normalise, rows[0] if rows else ()) if name in _FIELD_OF}
    return "title" in known and len(known) > 1 and len(rows[0]) > 1


def _take_announced_separator(text: str) -> tuple[str, str]:
    """Spreadsheets write "sep=;" into the first line."""
    announced = re.match(r"\ufeff?sep=(.)\r?\n", text)
    if announced and announced.group(1) in SEPARATORS:
        return text[announced.end() :], announced.group(1)
    return text, ""


def _sample_rows(text: str, separator: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text[:_SAMPLE_CHARACTERS], newline=""), delimiter=separator)
    rows: list[list[str]] = []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append(row)
            if len(rows) >= _SAMPLE_ROWS:
                break
    except csv.Error:
        pass  # the whole file is read later, with a message
    return rows


def _read_rows(text: str, separator: str) -> list[tuple[int, list[str]]]:
    """(line in the file, cells) of every row that is not empty."""
    try:
        return list(_rows(text, separator, strict=True))
    except csv.Error as error:
        if "unexpected end of data" in str(error):
            line = _line_of_open_quote(text, separator)
            raise BriefError(
                f"A quotation mark opens in line {line} and is never closed. Nothing was imported.", f"line {line}"
            ) from error
    try:
        # Words after a closing quotation mark: not by the rule, yet common and clear enough.
        return list(_rows(text, separator, strict=False))
    except csv.Error as error:
        raise BriefError(
            "A field of the table is longer than 131,072 characters: is a quotation mark missing?"
        ) from error


def _rows(text: str, separator: str, *, strict: bool) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), delimiter=separator, strict=strict)
    rows: list[tuple[int, list[str]]] = []
    previous = 0
    for row in reader:
        if any(cell.strip() for cell in row):
            rows.append((previous + 1, row))
        previous = reader.line_num
    return rows


def _line_of_open_quote(text: str, separator: str) -> int:
    reader = csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), delimiter=separator, strict=True)
    line = 0
    try:
        for _ in reader:
            line = reader.line_num
    except csv.Error:
        pass
    return line + 1


def _normalise(name: str) -> str:
    return re.sub(r"[\s_*\ufeff-]+", "", name).lower()


def _read_header(header: Sequence[str]) -> tuple[dict[str, int], list[str]]:
    """Field to column, and the columns not used. Raises BriefError where two mean one field, or none is a title."""
    candidates: dict[str, list[int]] = {}
    for position, name in enumerate(header):
        if field := _FIELD_OF.get(_normalise(name)):
            candidates.setdefault(field, []).append(position)
    columns: dict[str, int] = {}
    problems = Problems()
    for field, positions in candidates.items():
        # "title" beside "name" is the title; twice "title" is a question for its author.
        exact = [at for at in positions if _normalise(header[at]) == SYNONYMS[field][0]]
        chosen = exact or positions
        if len(chosen) > 1:
            names = " and ".join(f"“{header[at].strip()[:40]}” (column {at + 1})" for at in chosen[:4])
            problems.add("The header", f"names the {field} more than once: {names}")
        columns[field] = chosen[0]
    if "title" not in columns:
        found = ", ".join(f"“{name.strip()[:40]}”" for name in header[:8])
        problems.add("The header", f"has no title column (it names {found}). {_ADVICE.rstrip('.')}")
    problems.raise_if_any()
    return columns, [name.strip() for at, name in enumerate(header) if at not in columns.values() and name.strip()]


def _name_short_rows(lines: list[int]) -> str:
    shown = ", ".join(map(str, lines[:_MOST_SHORT_ROWS_NAMED]))
    more = f" and {len(lines) - _MOST_SHORT_ROWS_NAMED:,} more" if len(lines) > _MOST_SHORT_ROWS_NAMED else ""
    return f"Rows with fewer fields than the header, the rest left empty: line {shown}{more}."
