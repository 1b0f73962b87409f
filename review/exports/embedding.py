"""XMP into JPEG, PNG and WebP without touching a pixel. Pure: bytes in, bytes out.

Written by hand because a save by Pillow would encode the signed picture again. What tools
leave in text fields (prompts, above all: Stable Diffusion front ends write them into PNG text
and EXIF) is taken out; colour profiles stay, and so do Content Credentials that were there.

Sources: XMP Specification part 3 (2020), sections 1.1.3 (JPEG), 1.1.5 (PNG), WebP container
specification (VP8X); PNG specification 3rd edition.
"""

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO

from PIL import Image

JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\x00"
PNG_KEYWORD = b"XML:com.adobe.xmp"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_ORIENTATION = 0x0112
_LARGEST_JPEG_PACKET = 65_535 - 2 - len(JPEG_XMP)
_PNG_TEXT = {b"tEXt", b"zTXt", b"iTXt", b"eXIf"}
_WEBP_XMP_FLAG, _WEBP_EXIF_FLAG, _WEBP_ALPHA_FLAG, _WEBP_PROFILE_FLAG = 0x04, 0x08, 0x10, 0x20


class NotEmbeddable(ValueError):
    """The bytes are not the container that they claim to be, or the packet does not fit."""


def embed_xmp(content: bytes, *, packet: bytes, media_type: str) -> bytes:
    """The same picture with this XMP packet as its only one. Raises NotEmbeddable."""
    writers = {"image/jpeg": _into_jpeg, "image/png": _into_png, "image/webp": _into_webp}
    if media_type not in writers:
        raise NotEmbeddable(f"No way is known to write metadata into {media_type}.")
    try:
        return writers[media_type](content, packet)
    except (struct.error, IndexError) as error:
        raise NotEmbeddable("The file ends before its picture does.") from error


def read_xmp(content: bytes) -> bytes:
    """The packet as another program finds it (Pillow reads it), b"" where there is none."""
    with Image.open(BytesIO(content), formats=("PNG", "JPEG", "WEBP")) as image:
        image.load()
        found = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    return found.encode() if isinstance(found, str) else bytes(found)


def _into_jpeg(content: bytes, packet: bytes) -> bytes:
    if content[:2] != b"\xff\xd8":
        raise NotEmbeddable("This is not a JPEG.")
    if len(packet) > _LARGEST_JPEG_PACKET:
        raise NotEmbeddable("The metadata is too long for a JPEG: 65 kB is the most.")
    kept, first_frame = [], 2
    for marker, start, end in _jpeg_segments(content):
        body = content[start:end]
        first_frame = end
        if marker == 0xE1 and body.startswith(b"Exif\x00"):
            kept += _orientation_only(body)
        elif marker == 0xFE or (marker == 0xE1 and body.startswith(b"http://ns.adobe.com/")):
            continue  # comments and older XMP
        else:
            kept.append(_jpeg_segment(marker, body))
    # JFIF (APP0) must stay first; XMP follows it
    lead = [kept.pop(0)] if kept and kept[0][1] == 0xE0 else []
    ours = _jpeg_segment(0xE1, JPEG_XMP + packet)
    return b"".join([b"\xff\xd8", *lead, ours, *kept, content[first_frame:]])


def _jpeg_segments(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of the body of every segment before the first scan."""
    at = 2
    while content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker == 0xDA:
            return
        length = struct.unpack_from(">H", content, at + 2)[0]
        yield marker, at + 4, at + 2 + length
        at += 2 + length
    raise NotEmbeddable("This JPEG has no picture.")


def _jpeg_segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _orientation_only(exif_segment: bytes) -> list[bytes]:
    """A turned picture stays turned; everything else of EXIF goes."""
    found = Image.Exif()
    try:
        found.load(exif_segment)
        orientation = found.get(_ORIENTATION, 1)
    except Exception:  # free text by strangers: where it cannot be read there is nothing to keep
        return []
    if orientation not in range(2, 9):
        return []
    kept = Image.Exif()
    kept[_ORIENTATION] = orientation
    body = kept.tobytes()
    return [_jpeg_segment(0xE1, body if body.startswith(b"Exif\x00") else b"Exif\x00\x00" + body)]


def _into_png(content: bytes, packet: bytes) -> bytes:
    if not content.startswith(PNG_SIGNATURE):
        raise NotEmbeddable("This is not a PNG.")
    # iTXt: keyword, no compression, no language, no translated keyword
    ours = _png_chunk(b"iTXt", PNG_KEYWORD + b"\x00\x00\x00\x00\x00" + packet)
    parts = [PNG_SIGNATURE]
    at = len(PNG_SIGNATURE)
    while at < len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        end = at + 12 + length
        if end > len(content):
            raise NotEmbeddable("The file ends before its picture does.")
        if kind not in _PNG_TEXT:
            parts.append(content[at:end])
        if kind == b"IHDR":
            parts.append(ours)
        if kind == b"IEND":
            return b"".join(parts)  # what strangers hid behind the end stays behind
        at = end
    raise NotEmbeddable("This PNG has no end.")


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _into_webp(content: bytes, packet: bytes) -> bytes:
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP":
        raise NotEmbeddable("This is not a WebP.")
    chunks = [chunk for chunk in _webp_chunks(content) if chunk[0] not in (b"EXIF", b"XMP ")]
    header = next((body for kind, body in chunks if kind == b"VP8X"), None)
    if header is None:
        header = _webp_extended_header(content, chunks)
    flags = header[0] & ~_WEBP_EXIF_FLAG | _WEBP_XMP_FLAG
    body = b"".join(
        [
            _webp_chunk(b"VP8X", bytes([flags]) + header[1:]),
            *(_webp_chunk(kind, data) for kind, data in chunks if kind != b"VP8X"),
            _webp_chunk(b"XMP ", packet),
        ]
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def _webp_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    end = min(len(content), 8 + struct.unpack_from("<I", content, 4)[0])
    at = 12
    while at + 8 <= end:
        kind, length = struct.unpack_from("<4sI", content, at)
        if at + 8 + length > end:
            raise NotEmbeddable("The file ends before its picture does.")
        yield kind, content[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _webp_extended_header(content: bytes, chunks: list[tuple[bytes, bytes]]) -> bytes:
    """The VP8X body of a simple file: flags, three reserved bytes, width and height less one in 24 bits each."""
    with Image.open(BytesIO(content), formats=("WEBP",)) as image:
        width, height = image.size
        has_alpha = image.mode == "RGBA"
    flags = _WEBP_ALPHA_FLAG if has_alpha else 0
    if any(kind == b"ICCP" for kind, _ in chunks):
        flags |= _WEBP_PROFILE_FLAG
    return bytes([flags, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")


def _webp_chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\x00" * (len(body) % 2)
