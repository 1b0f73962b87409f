"""A brief as lines with roles: heading, item, field, text. Markdown, e-mail and plain notes alike."""

import re
from dataclasses import dataclass

from generation.studio.wording import clean, count_words

_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+(\S.*)$")
_UNDERLINE = re.compile(r"^\s*(?:={3,}|-{3,})\s*$")
_ITEM = re.compile(r"^\s*(?:[-*+•–·▪◦‣]|\(?\d{1,2}[.)]|\(?[a-h][.)]|\[[ xX]?\])\s+(\S.*)$")
_FIELD = re.compile(r"^\s*\**([A-Z][A-Za-z &/'-]{1,40}?)\**\s?[:：]\**\s+(\S.*)$")
_TABLE_RULE = re.compile(r"^[\s|:-]+$")
_LINE_END = re.compile(r"\r\n|\r|\n|\u2028|\u2029")
# A line at least this long was wrapped, so the next one goes on with its sentence.
_WRAPPED_LENGTH = 50


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a brief. `role`: heading, item, field or text; `section`: the heading above it, lower case."""

    role: str
    text: str
    section: str
    name: str = ""  # of a field, lower case


@dataclass(slots=True)
class _Draft:
    role: str
    parts: list[str]
    section: str
    name: str = ""

    def finished(self) -> Line:
        return Line(self.role, " ".join(part for part in self.parts if part), self.section, self.name)


def split_lines(brief: str) -> list[Line]:
    """Headings, list items, fields and text, each cleaned of markup; wrapped lines are joined. Linear in the length."""
    drafts: list[_Draft] = []
    section, is_wrapped = "", False
    for raw in _LINE_END.split(brief):
        if _UNDERLINE.match(raw) and drafts and drafts[-1].role == "text" and len(drafts[-1].parts) == 1:
            drafts[-1].role, section = "heading", drafts[-1].parts[0].lower()
        elif _TABLE_RULE.match(raw) and "|" in raw and drafts and drafts[-1].role == "item":
            drafts.pop()  # the table's head
        elif raw.strip() and not _TABLE_RULE.match(raw):
            draft = _read_line(raw, section)
            if draft.role == "heading":
                section = draft.parts[0].lower()
            if draft.role == "text" and is_wrapped:
                drafts[-1].parts += draft.parts
            else:
                drafts.append(draft)
        is_wrapped = bool(drafts) and drafts[-1].role != "heading" and len(raw.strip()) >= _WRAPPED_LENGTH
    return [line for line in (draft.finished() for draft in drafts) if line.text]


def _read_line(raw: str, section: str) -> _Draft:
    if raw.lstrip().startswith("|") and raw.count("|") >= 3:
        cells = [clean(cell) for cell in raw.strip().strip("|").split("|")]
        return _Draft("item", [f"{cells[0]}: {', '.join(cell for cell in cells[1:] if cell)}"], section)
    if heading := _HEADING.match(raw):
        text = clean(heading.group(1)).rstrip("# ")
        return _Draft("heading", [text], text.lower())
    if item := _ITEM.match(raw):
        return _Draft("item", [clean(item.group(1))], section)
    if named := _FIELD.match(raw):
        return _Draft("field", [clean(named.group(2))], section, name=clean(named.group(1)).lower())
    text = clean(raw)
    if text.endswith(":") and count_words(text) <= 12:
        return _Draft("heading", [text.rstrip(":")], text.rstrip(":").lower())
    return _Draft("text", [text], section)
