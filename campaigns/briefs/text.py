"""Bytes to text, and text to a brief: encodings, line ends, characters that nobody typed."""

import codecs
import json
import re
import unicodedata

from campaigns.briefs.types import BriefError

# The longer marks first: UTF-32 little-endian begins like UTF-16.
_MARKS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WINDOWS_NOTICE = "The file is not in UTF-8; it was read as Windows-1252. Please check umlauts and accents."

# Everything invisible but tab and line feed: controls, bidirectional marks, lone surrogates, non-characters.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"
)
_BINARY = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\ufffd]")
_LINE_END = re.compile("\r\n|\r|\x85|\u2028|\u2029|\x0b|\x0c")
_SPACE_AT_END = re.compile(r"[ \t]+$", re.MULTILINE)

# First bytes of files that are no text, and what to call them.
_NOT_TEXT: tuple[tuple[bytes, str, str], ...] = (
    (b"%PDF", "a PDF", "Copy its text and paste it as the brief."),
    (b"PK\x03\x04", "an Office document or a ZIP archive", "Save a document as text, a table as CSV, and try again."),
    (b"\xd0\xcf\x11\xe0", "an old Office document", "Save a document as text, a table as CSV, and try again."),
    (b"{\\rtf", "a rich text document (RTF)", "Save it as plain text and try again."),
    (b"\x89PNG", "a picture", "Add pictures as references, beside the brief."),
    (b"\xff\xd8\xff", "a picture", "Add pictures as references, beside the brief."),
    (b"GIF8", "a picture", "Add pictures as references, beside the brief."),
    (b"\x1f\x8b", "a compressed archive", "Unpack it and upload what is inside."),
)


def decode(content: bytes) -> tuple[str, tuple[str, ...]]:
    """Text and notices: by its byte order mark, else UTF-8, else UTF-16 by its zeros, else Windows-1252 with a notice.

    Raises BriefError where it is no text.
    """
    refuse_known_binaries(content)
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _decode_as(content[len(mark) :], encoding), ()
    encoding = json.detect_encoding(content[:4]) if b"\x00" in content[:4] else "utf-8"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        return _decode_as(content, "cp1252"), (_WINDOWS_NOTICE,)
    _refuse_binary(text)
    return text, ()


def refuse_known_binaries(content: bytes) -> None:
    """Raises BriefError that names what the file is, where its first bytes tell."""
    for start, name, advice in _NOT_TEXT:
        if content.startswith(start):
            raise BriefError(f"This file is {name}. Loupe reads text, posts.json and CSV. {advice}")
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        raise BriefError("This file is a picture. Add pictures as references, beside the brief.")


def read_brief(text: str, *, max_bytes: int) -> str:
    """A pasted brief: Unicode in composed form, plain line ends, nothing invisible; `max_bytes` counts its UTF-8.

    Raises BriefError where it is empty, too long, or no text.
    """
    size = len(text.encode("utf-8", errors="replace"))
    if size > max_bytes:
        raise BriefError(
            f"The brief is {size / 1000:,.0f} kB long; Loupe reads up to {max_bytes / 1000:,.0f} kB. "
            "Leave out what no picture needs, and paste it again."
        )
    _refuse_binary(text)
    brief = clean_text(text)
    brief = re.sub(r"\n{4,}", "\n\n\n", _SPACE_AT_END.sub("", brief)).strip("\n")
    if not brief.strip():
        raise BriefError("The brief is empty. Paste what the pictures are for, or upload posts.json or a CSV file.")
    return brief


def clean_text(text: str) -> str:
    """Composed Unicode, line feeds, without invisible characters. Tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return _INVISIBLE.sub("", unicodedata.normalize("NFC", _LINE_END.sub("\n", text)))


def _decode_as(content: bytes, encoding: str) -> str:
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise BriefError(
            "This file cannot be read as text: it is damaged or in an encoding that Loupe does not know. "
            "Save it as UTF-8 and try again."
        ) from error
    _refuse_binary(text)
    return text


def _refuse_binary(text: str) -> None:
    """More than one unprintable character in a hundred is no text."""
    strange = len(_BINARY.findall(text))
    if strange * 100 > max(len(text), 100):
        raise BriefError("This is not text but the content of some other kind of file. Paste the text itself.")
