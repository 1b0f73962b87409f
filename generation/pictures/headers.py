"""What an image file says about itself, read from its bytes before any decoder sees it.

Nothing here allocates more than the file itself: a picture of 40,000 x 40,000 in a file of
a few kilobytes is refused from its header. Three formats are taken (PNG, JPEG, WebP); the
others are recognised only to be refused by their name.

Formats: PNG (W3C, third edition), JPEG (ITU T.81 annex B), WebP (RFC 9649).
"""

import struct
import zlib
from dataclasses import dataclass

# WebP cannot hold a longer edge, and every picture gets WebP renditions.
MAX_EDGE = 16_383
# Encoders write IDAT chunks of 8 kB and more: 20,000 of them are 160 MB.
MAX_CHUNKS = 20_000
# Each compressed text chunk may unfold to one megabyte in the decoder.
MAX_COMPRESSED_TEXTS = 16
# A progressive JPEG draws the whole picture again with every scan; encoders write about ten.
MAX_SCANS = 200

_TAKEN = "Loupe takes PNG, JPEG or WebP: export it as PNG and try again."
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Markers without a length: TEM, RST0 to RST7, SOI.
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})

# First bytes of what people upload by mistake, and what to call it.
_REFUSED_BY_NAME: tuple[tuple[bytes, str], ...] = (
    (b"GIF87a", "a GIF"),
    (b"GIF89a", "a GIF"),
    (b"%PDF", "a PDF"),
    (b"%!PS", "a PostScript file"),
    (b"8BPS", "a Photoshop document"),
    (b"II*\x00", "a TIFF"),
    (b"MM\x00*", "a TIFF"),
    (b"II+\x00", "a TIFF"),
    (b"BM", "a BMP"),
    (b"\x00\x00\x01\x00", "an icon file"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL"),
    (b"\xff\x0a", "a JPEG XL"),
    (b"\x00\x00\x00\x0cftyp", "a video"),
    (b"PK\x03\x04", "a ZIP archive or an Office document"),
    (b"\x1f\x8b", "a compressed archive"),
    (b"MZ", "a program"),
    (b"\x7fELF", "a program"),
)
_BRANDS: dict[bytes, str] = {
    b"avif": "an AVIF",
    b"avis": "an AVIF",
    b"heic": "a HEIC photo",
    b"heix": "a HEIC photo",
    b"mif1": "a HEIC photo",
    b"msf1": "a HEIC photo",
}


class ImageRejected(Exception):
    """A file is not a picture we take. The message is for people.

    `kind`: not_an_image (another format, an animation, nothing at all), truncated (cut off
    or damaged), too_large (pixels, edges or parts).
    """

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Header:
    """Media type and the stored size in pixels, before EXIF orientation."""

    media_type: str
    width: int
    height: int


def sniff(content_start: bytes) -> str:
    """The media type by the first bytes (512 are plenty): image/png, image/jpeg or image/webp.

    Raises ImageRejected (kind not_an_image) that names what the file is instead.
    """
    if content_start.startswith(_PNG_SIGNATURE):
        return "image/png"
    if content_start.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content_start[:4] == b"RIFF" and content_start[8:12] == b"WEBP":
        return "image/webp"
    if not content_start:
        raise ImageRejected("This file is empty. Choose the picture again.", "not_an_image")
    raise ImageRejected(f"This file is {_name_of(content_start)}. {_TAKEN}", "not_an_image")


def read_header(content: bytes, *, max_pixels: int) -> Header:
    """The header of a whole file, after a check that its structure is complete and modest.

    The size is judged first (up to `max_pixels`, no edge beyond MAX_EDGE), then lengths,
    checksums (PNG), end markers and the number of parts; animations are refused.
    Raises ImageRejected.
    """
    media_type = sniff(content[:512])
    reader = {"image/png": _read_png, "image/jpeg": _read_jpeg, "image/webp": _read_webp}[media_type]
    try:
        width, height = reader(content, max_pixels)
    except (struct.error, IndexError):
        raise _truncated() from None
    return Header(media_type=media_type, width=width, height=height)


def _check_size(width: int, height: int, max_pixels: int) -> tuple[int, int]:
    if not width or not height:
        raise ImageRejected("This picture has no width or no height: it is damaged. Export it again.", "truncated")
    if width * height > max_pixels:
        limit = f"{max_pixels / 1_000_000:,.0f} megapixels"
    elif max(width, height) > MAX_EDGE:
        limit = f"{MAX_EDGE:,} pixels an edge"
    else:
        return width, height
    raise ImageRejected(
        f"This picture is {width:,} x {height:,} pixels. Loupe takes up to {limit}: scale it down and try again.",
        "too_large",
    )


def _name_of(start: bytes) -> str:
    if start[4:8] == b"ftyp":
        return _BRANDS.get(start[8:12], "a video")
    for prefix, name in _REFUSED_BY_NAME:
        if start.startswith(prefix):
            return name
    text = _as_text(start)
    if text is None:
        return "not a picture that Loupe knows"
    text = text.lstrip("\ufeff \t\r\n").lower()
    if "<svg" in text:
        return "an SVG"
    if text.startswith(("<!doctype html", "<script")) or "<html" in text:
        return "a web page (HTML)"
    if text.startswith("<"):
        return "an XML document"
    if text.startswith(("{", "[")):
        return "a JSON document"
    return "a text"


def _as_text(start: bytes) -> str | None:
    encoding = "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    text = start.decode(encoding, errors="ignore")
    return None if "\x00" in text or len(text) < len(start) // 4 else text


def _truncated() -> ImageRejected:
    return ImageRejected(
        "This picture is cut off: its file ends before the picture does. Upload or export it again.", "truncated"
    )


def _damaged() -> ImageRejected:
    return ImageRejected("This picture is damaged and cannot be read. Export it again.", "truncated")


def _animated() -> ImageRejected:
    # A signature binds to what was looked at; frames that nobody saw cannot be part of it.
    return ImageRejected(
        "This picture is animated. Loupe takes still pictures: export one frame as PNG.", "not_an_image"
    )


def _too_many_parts() -> ImageRejected:
    return ImageRejected(
        "This picture's file is built from an unusual number of parts. Export it again as a plain PNG or JPEG.",
        "too_large",
    )


def _read_png(content: bytes, max_pixels: int) -> tuple[int, int]:
    offset, chunks, compressed_texts, has_pixels = len(_PNG_SIGNATURE), 0, 0, False
    size = (0, 0)
    view = memoryview(content)
    while True:
        length, name = struct.unpack_from(">I4s", content, offset)
        end = offset + 12 + length
        if end > len(content):
            raise _truncated()
        chunks += 1
        compressed_texts += name in (b"zTXt", b"iTXt")
        if chunks > MAX_CHUNKS or compressed_texts > MAX_COMPRESSED_TEXTS:
            raise _too_many_parts()
        if zlib.crc32(view[offset + 4 : end - 4]) != struct.unpack_from(">I", content, end - 4)[0]:
            raise _damaged()
        if chunks == 1:
            if name != b"IHDR" or length != 13:
                raise _damaged()
            width, height = struct.unpack_from(">II", content, offset + 8)
            size = _check_size(width, height, max_pixels)
        if name == b"acTL":
            raise _animated()
        has_pixels = has_pixels or name == b"IDAT"
        if name == b"IEND":
            if not has_pixels:
                raise _truncated()
            return size
        offset = end


def _read_jpeg(content: bytes, max_pixels: int) -> tuple[int, int]:
    if content.count(b"\xff\xda") > MAX_SCANS:
        raise _too_many_parts()
    offset, size = 2, None
    while True:
        if content[offset] != 0xFF:
            raise _damaged()
        while content[offset] == 0xFF:
            offset += 1
        marker = content[offset]
        offset += 1
        if marker in _STANDALONE:
            continue
        if marker == 0xD9:
            raise _truncated()
        (length,) = struct.unpack_from(">H", content, offset)
        if length < 2:
            raise _damaged()
        if marker in _START_OF_FRAME:
            height, width = struct.unpack_from(">HH", content, offset + 3)
            size = _check_size(width, height, max_pixels)
        if marker == 0xDA:
            break
        offset += length
    if size is None:
        raise _damaged()
    if content.rfind(b"\xff\xd9", offset) < 0:
        raise _truncated()
    return size


def _read_webp(content: bytes, max_pixels: int) -> tuple[int, int]:
    (riff_size,) = struct.unpack_from("<I", content, 4)
    end = riff_size + 8
    if end > len(content) + 1:  # some encoders forget the last padding byte
        raise _truncated()
    offset, chunks = 12, 0
    canvas: tuple[int, int] | None = None
    while offset + 8 <= min(end, len(content)):
        name, length = struct.unpack_from("<4sI", content, offset)
        body = offset + 8
        if body + length > len(content):
            raise _truncated()
        chunks += 1
        if chunks > MAX_CHUNKS:
            raise _too_many_parts()
        if name in (b"ANIM", b"ANMF"):
            raise _animated()
        if name == b"VP8X":
            width, height = _read_24(content, body + 4) + 1, _read_24(content, body + 7) + 1
            canvas = _check_size(width, height, max_pixels)
        elif name in (b"VP8 ", b"VP8L"):
            frame = _read_vp8(content, body) if name == b"VP8 " else _read_vp8l(content, body)
            if canvas is not None and canvas != frame:
                raise _damaged()
            return _check_size(*frame, max_pixels)
        offset = body + length + (length & 1)
    raise _truncated()


def _read_24(content: bytes, offset: int) -> int:
    return content[offset] | content[offset + 1] << 8 | content[offset + 2] << 16


def _read_vp8(content: bytes, body: int) -> tuple[int, int]:
    if content[body + 3 : body + 6] != b"\x9d\x01\x2a":
        raise _damaged()
    width, height = struct.unpack_from("<HH", content, body + 6)
    return width & 0x3FFF, height & 0x3FFF


def _read_vp8l(content: bytes, body: int) -> tuple[int, int]:
    if content[body] != 0x2F:
        raise _damaged()
    (bits,) = struct.unpack_from("<I", content, body + 1)
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
