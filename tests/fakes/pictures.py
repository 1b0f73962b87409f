"""Pictures that the fake image servers hand out: small, quick, different by seed, and the hostile ones."""

import base64
import colorsys
import io
import struct
import zlib
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFilter


@lru_cache(maxsize=256)
def draw_picture(width: int, height: int, seed: int, file_format: str = "png") -> bytes:
    """A lit backdrop with a soft shape whose colour and place follow the seed. Always the same bytes."""
    small = Image.new("RGB", (64, 64))
    pen = ImageDraw.Draw(small)
    hue = (seed * 0.6180339887) % 1.0
    for row in range(64):
        red, green, blue = colorsys.hls_to_rgb(hue, 0.75 - 0.5 * row / 64, 0.35)
        pen.line([(0, row), (63, row)], fill=(int(red * 255), int(green * 255), int(blue * 255)))
    left, top = 12 + seed % 17, 16 + seed // 17 % 13
    red, green, blue = colorsys.hls_to_rgb((hue + 0.5) % 1.0, 0.45, 0.6)
    pen.ellipse([left, top, left + 26, top + 26], fill=(int(red * 255), int(green * 255), int(blue * 255)))
    picture = small.filter(ImageFilter.GaussianBlur(0.6)).resize((width, height), Image.Resampling.BILINEAR)
    target = io.BytesIO()
    picture.save(target, {"jpg": "JPEG", "webp": "WEBP"}.get(file_format, "PNG"), compress_level=1)
    return target.getvalue()


def paint_region(picture: bytes, mask: bytes, seed: int, *, white_changes: bool) -> bytes:
    """The picture with its masked region repainted and the rest left as it was."""
    with Image.open(io.BytesIO(picture)) as opened:
        base = opened.convert("RGB")
    with Image.open(io.BytesIO(mask)) as opened:
        region = opened.convert("L").resize(base.size)
    if not white_changes:
        region = region.point(lambda value: 255 - value)
    with Image.open(io.BytesIO(draw_picture(base.width, base.height, seed))) as opened:
        base.paste(opened.convert("RGB"), (0, 0), region)
    target = io.BytesIO()
    base.save(target, "PNG", compress_level=1)
    return target.getvalue()


def enlarge(picture: bytes, factor: float) -> bytes:
    """The picture `factor` times as wide and high."""
    with Image.open(io.BytesIO(picture)) as opened:
        larger = opened.resize((round(opened.width * factor), round(opened.height * factor)))
    target = io.BytesIO()
    larger.save(target, "PNG", compress_level=1)
    return target.getvalue()


def size_of(picture: bytes) -> tuple[int, int]:
    """Width and height, from the header."""
    with Image.open(io.BytesIO(picture)) as opened:
        return opened.size


def pixel_bomb(side: int = 40_000) -> bytes:
    """A few kilobytes that unpack to a picture of `side` by `side` pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    row = zlib.compress(b"\0" * 1_000_000, 9)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", row) + _chunk(b"IEND", b"")


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


HTML = b"<!doctype html><title>Not found</title><script>alert(1)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><rect width="9" height="9"/></svg>'


def read_data_uri(text: str) -> bytes | None:
    """The content of a data URI, None for anything else."""
    if not text.startswith("data:") or ";base64," not in text:
        return None
    return base64.b64decode(text.split(";base64,", 1)[1])


def as_data_uri(picture: bytes, media_type: str = "image/png") -> str:
    """A picture as Cog returns it."""
    return f"data:{media_type};base64,{base64.b64encode(picture).decode()}"
