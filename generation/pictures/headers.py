"""What an image file says about itself, read by Pillow before a pixel is decoded.

Three formats are taken (PNG, JPEG, WebP); the others are recognised only to be refused by their name. Nothing here
allocates more than the file itself: 40,000 x 40,000 pixels in a few kilobytes are refused from the header. Pillow has
no limit on the number of a PNG's chunks, of its compressed texts and of a JPEG's scans: those are counted here.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

from PIL import Image

# WebP cannot hold a longer edge, and every image gets WebP renditions.
MAX_EDGE = 16_383
# Encoders write IDAT chunks of 8 kB and more: 20,000 of them are 160 MB.
MAX_CHUNKS = 20_000
# Each compressed text chunk may unfold to one megabyte in the decoder.
MAX_COMPRESSED_TEXTS = 16
# A progressive JPEG draws the whole image again with every scan; encoders write about ten.
MAX_SCANS = 200
FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}
# `read_header` judges the size itself, with a message for people, where Pillow only warns.
Image.MAX_IMAGE_PIXELS = None

UNREADABLE = "This picture is cut off or damaged and cannot be read. Upload or export it again."
_TAKEN = "Loupe takes PNG, JPEG or WebP: export it as PNG and try again."
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

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
    """Read the header of a whole file and judge its size (up to `max_pixels`, no edge beyond MAX_EDGE) and its parts.

    Animations are refused. Raises ImageRejected.
    """
    media_type = sniff(content[:512])
    if media_type == "image/webp":
        _check_size(*_webp_size(content), max_pixels)
    elif _has_too_many_parts(content, media_type):
        raise ImageRejected(
            "This picture's file is built from an unusual number of parts. Export it again as a plain PNG or JPEG.",
            "too_large",
        )
    try:
        image = Image.open(BytesIO(content), formats=[FORMATS[media_type]])
    except Exception as error:  # decoders raise nearly every class on hostile bytes
        raise ImageRejected(UNREADABLE, "truncated") from error
    _check_size(image.width, image.height, max_pixels)
    if getattr(image, "n_frames", 1) > 1:
        # A signature binds to what was looked at; frames that nobody saw cannot be part of it.
        raise ImageRejected(
            "This picture is animated. Loupe takes still pictures: export one frame as PNG.", "not_an_image"
        )
    return Header(media_type=media_type, width=image.width, height=image.height)


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if not width or not height:
        raise ImageRejected(UNREADABLE, "truncated")
    if width * height > max_pixels:
        limit = f"{max_pixels / 1_000_000:,.0f} megapixels"
    elif max(width, height) > MAX_EDGE:
        limit = f"{MAX_EDGE:,} pixels an edge"
    else:
        return
    raise ImageRejected(
        f"This picture is {width:,} x {height:,} pixels. Loupe takes up to {limit}: scale it down and try again.",
        "too_large",
    )


def _has_too_many_parts(content: bytes, media_type: str) -> bool:
    if media_type == "image/jpeg":
        return content.count(b"\xff\xda") > MAX_SCANS
    compressed_texts = 0
    for count, name in enumerate(_png_chunks(content), start=1):
        compressed_texts += name in (b"zTXt", b"iTXt")
        if count > MAX_CHUNKS or compressed_texts > MAX_COMPRESSED_TEXTS:
            return True
    return False


def _png_chunks(content: bytes) -> Iterator[bytes]:
    offset = len(_PNG_SIGNATURE)
    while offset + 8 <= len(content):
        length, name = struct.unpack_from(">I4s", content, offset)
        yield name
        offset += 12 + length


def _webp_size(content: bytes) -> tuple[int, int]:
    """The canvas, before Pillow's decoder allocates it (RFC 9649); (1, 1) where the decoder is to say what is wrong."""
    name, start = content[12:16], content[20:30]
    if len(start) < 10:
        return 1, 1
    if name == b"VP8X":
        return 1 + int.from_bytes(start[4:7], "little"), 1 + int.from_bytes(start[7:10], "little")
    if name == b"VP8L":
        bits = int.from_bytes(start[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return int.from_bytes(start[6:8], "little") & 0x3FFF, int.from_bytes(start[8:10], "little") & 0x3FFF


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
