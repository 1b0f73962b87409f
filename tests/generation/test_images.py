"""Pictures as bytes: what is taken, what is refused and how cheaply, and what is made of them."""

import base64
import hashlib
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms
from thumbhash import rgba_to_thumb_hash

from generation.pictures import images
from generation.pictures.headers import MAX_EDGE, ImageRejected, read_header
from generation.pictures.placeholders import placeholder_data_uri

MAX_PIXELS = 50_000_000
ROOT = Path(__file__).resolve().parents[2]


def photograph(width: int = 640, height: int = 480) -> Image.Image:
    """Soft gradients and a bright disc: what a comp or a product photo looks like to an encoder."""
    y, x = np.mgrid[0:height, 0:width]
    layers = np.stack(
        [
            128 + 80 * np.sin(x / 97) + 40 * np.cos(y / 61),
            120 + 60 * np.cos(x / 143 + y / 99),
            90 + 70 * np.sin(y / 170),
        ],
        axis=-1,
    )
    disc = (x - width / 2) ** 2 + (y - height / 2) ** 2 < (min(width, height) / 4) ** 2
    return Image.fromarray(np.clip(layers + 60 * disc[..., None], 0, 255).astype(np.uint8))


def encode(image: Image.Image, image_format: str, **options: object) -> bytes:
    target = BytesIO()
    image.save(target, image_format, **options)
    return target.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(
    width: int, height: int, *, pixels: bytes = b"", extra: bytes = b"", colour: int = 2, end: bool = True
) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(pixels))
    return b"\x89PNG\r\n\x1a\n" + header + extra + body + (chunk(b"IEND", b"") if end else b"")


def jpeg_claiming(width: int, height: int) -> bytes:
    content = bytearray(encode(photograph(64, 64), "JPEG"))
    at = content.index(b"\xff\xc0")
    content[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(content)


def webp_claiming(width: int, height: int) -> bytes:
    extended = b"\x10\x00\x00\x00" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    frame = encode(photograph(64, 64), "WEBP")[12:]
    body = b"WEBP" + b"VP8X" + struct.pack("<I", 10) + extended + frame
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp_lossless_claiming(width: int, height: int) -> bytes:
    bits = (width - 1) | (height - 1) << 14
    body = b"WEBPVP8L" + struct.pack("<I", 10) + b"\x2f" + struct.pack("<I", bits) + bytes(5)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def progressive_with_scans(count: int) -> bytes:
    content = encode(photograph(512, 512), "JPEG", progressive=True)
    last = content.rindex(b"\xff\xda")
    return content[:last] + content[last:-2] * count + content[-2:]


def animated(image_format: str) -> bytes:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    return encode(frames[0], image_format, save_all=True, append_images=frames[1:])


def refusal_of(act: Callable[[], object]) -> ImageRejected | None:
    """The refusal, or None where the file is taken; any other error fails the test."""
    try:
        act()
    except ImageRejected as refusal:
        return refusal
    return None


PHOTO_PNG = encode(photograph(), "PNG")
PHOTO_JPEG = encode(photograph(), "JPEG")
PHOTO_WEBP = encode(photograph(), "WEBP")
UNFOLDING_TEXT = chunk(b"zTXt", b"Comment\x00\x00" + zlib.compress(bytes(1_000_000)))
HUGE_TEXT = chunk(b"iTXt", b"XML:com.adobe.xmp\x00\x01\x00\x00\x00" + zlib.compress(bytes(60_000_000)))

HOSTILE: dict[str, tuple[bytes, str, str]] = {
    "png 40,000 x 40,000": (png(40_000, 40_000), "too_large", "40,000 x 40,000"),
    "png 40,000 x 40,000 without an end": (png(40_000, 40_000, end=False), "too_large", "40,000 x 40,000"),
    "png of 2 billion an edge": (png(2**31 - 1, 2**31 - 1), "too_large", "2,147,483,647"),
    "png of one endless line": (png(1_000_000, 1), "too_large", "16,383 pixels an edge"),
    "png of no width": (png(0, 10), "truncated", "cut off or damaged"),
    "jpeg 40,000 x 40,000": (jpeg_claiming(40_000, 40_000), "too_large", "40,000 x 40,000"),
    "jpeg 65,535 x 65,535": (jpeg_claiming(65_535, 65_535), "too_large", "65,535 x 65,535"),
    "webp canvas 40,000 x 40,000": (webp_claiming(40_000, 40_000), "too_large", "40,000 x 40,000"),
    "webp lossless 16,384 x 16,384": (webp_lossless_claiming(16_384, 16_384), "too_large", "16,384 x 16,384"),
    "webp canvas larger than its frame": (webp_claiming(4_000, 4_000), "truncated", "cut off or damaged"),
    "png with fifty unfolding texts": (png(8, 8, extra=UNFOLDING_TEXT * 50), "too_large", "number of parts"),
    "png with a text of 60 MB": (png(8, 8, extra=HUGE_TEXT), "truncated", "cut off or damaged"),
    "png with 200,000 parts": (png(8, 8, extra=chunk(b"tIME", b"") * 200_000), "too_large", "number of parts"),
    "png with too few pixels": (png(6_000, 6_000, pixels=bytes(100)), "truncated", "cut off or damaged"),
    "png with a wrong checksum": (PHOTO_PNG[:60] + b"\x00\x01" + PHOTO_PNG[62:], "truncated", "cut off or damaged"),
    "png cut in half": (PHOTO_PNG[: len(PHOTO_PNG) // 2], "truncated", "cut off or damaged"),
    "jpeg cut in half": (PHOTO_JPEG[: len(PHOTO_JPEG) // 2], "truncated", "cut off or damaged"),
    "webp cut in half": (PHOTO_WEBP[: len(PHOTO_WEBP) // 2], "truncated", "cut off or damaged"),
    "jpeg with a thousand scans": (progressive_with_scans(1_000), "too_large", "number of parts"),
    "jpeg of nothing but its start": (b"\xff\xd8\xff\xe0", "truncated", "cut off or damaged"),
    "png of nothing but its start": (b"\x89PNG\r\n\x1a\n", "truncated", "cut off or damaged"),
    "animated png": (animated("PNG"), "not_an_image", "animated"),
    "animated webp": (animated("WEBP"), "not_an_image", "animated"),
    "nothing": (b"", "not_an_image", "empty"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "not_an_image", "an SVG"),
    "svg after a declaration": (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- x -->\n<svg/>', "not_an_image", "an SVG"),
    "html": (b"<!doctype html><html><body>502 Bad Gateway", "not_an_image", "a web page (HTML)"),
    "pdf": (b"%PDF-1.7\n", "not_an_image", "a PDF"),
    "gif": (encode(photograph(32, 32), "GIF"), "not_an_image", "a GIF"),
    "avif": (encode(photograph(32, 32), "AVIF"), "not_an_image", "an AVIF"),
    "tiff": (encode(photograph(32, 32), "TIFF"), "not_an_image", "a TIFF"),
    "zip": (b"PK\x03\x04rest", "not_an_image", "a ZIP archive"),
    "json error": (b'{"detail": "Not found."}', "not_an_image", "a JSON document"),
    "text": (b"Four launch shots, please.", "not_an_image", "a text"),
    "noise": (bytes(range(128, 256)) * 4, "not_an_image", "not a picture that Loupe knows"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_by_name_and_quickly(name: str) -> None:
    content, kind, words = HOSTILE[name]
    started = time.perf_counter()
    with pytest.raises(ImageRejected) as refusal:
        images.inspect(content, max_pixels=MAX_PIXELS)
    assert time.perf_counter() - started < 1.0
    assert refusal.value.kind == kind
    assert words in str(refusal.value)
    with pytest.raises(ImageRejected):
        images.clean_reference(content, max_pixels=MAX_PIXELS)


def test_all_hostile_files_together_grow_memory_by_less_than_64_megabytes(tmp_path: Path) -> None:
    """In a fresh process, for the peak of a process never falls again."""
    for number, (content, _, _) in enumerate(HOSTILE.values()):
        # The one that claims honest dimensions within the limit may cost what they cost: it is no bomb.
        if content is not HOSTILE["png with too few pixels"][0]:
            (tmp_path / f"{number}").write_bytes(content)
    program = """
import resource, sys
from io import BytesIO
from pathlib import Path
from PIL import Image
from generation.pictures import images
for image_format in ("PNG", "JPEG", "WEBP"):  # the decoders themselves, loaded once
    target = BytesIO(); Image.new("RGB", (64, 64)).save(target, image_format)
    images.inspect(target.getvalue(), max_pixels=50_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        images.inspect(path.read_bytes(), max_pixels=50_000_000)
    except images.ImageRejected:
        continue
    raise SystemExit(f"{path} was taken")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(done.stdout) * unit < 64_000_000


def test_pixels_beyond_what_the_header_says_are_never_unpacked() -> None:
    facts = images.inspect(png(8, 8, pixels=bytes(200_000_000)), max_pixels=MAX_PIXELS)
    assert (facts.width, facts.height) == (8, 8)


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP"])
def test_facts_describe_the_very_bytes(image_format: str) -> None:
    content = encode(photograph(300, 200), image_format)
    facts = images.inspect(content, max_pixels=MAX_PIXELS)
    assert facts == images.ImageFacts(
        media_type=f"image/{image_format.lower()}",
        width=300,
        height=200,
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
    )


def test_the_limit_itself_is_taken_and_one_pixel_more_is_not() -> None:
    content = encode(photograph(100, 50), "PNG")
    assert images.inspect(content, max_pixels=5_000).width == 100
    with pytest.raises(ImageRejected, match="100 x 50"):
        images.inspect(content, max_pixels=4_999)
    assert read_header(png(MAX_EDGE, 1), max_pixels=MAX_PIXELS).width == MAX_EDGE


def test_facts_are_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encode(photograph(300, 200), "JPEG", exif=exif)
    facts = images.inspect(content, max_pixels=MAX_PIXELS)
    assert (facts.width, facts.height) == (200, 300)


@pytest.mark.parametrize(
    ("mode", "image_format", "expected"),
    [
        ("L", "PNG", "RGB"),
        ("1", "PNG", "RGB"),
        ("P", "PNG", "RGB"),
        ("LA", "PNG", "RGBA"),
        ("RGBA", "PNG", "RGBA"),
        ("RGBA", "WEBP", "RGBA"),
        ("I;16", "PNG", "RGB"),
        ("CMYK", "JPEG", "RGB"),
        ("L", "JPEG", "RGB"),
    ],
)
def test_every_pixel_mode_becomes_plain_colour(mode: str, image_format: str, expected: str) -> None:
    grey = photograph(64, 48).convert("L")
    if mode == "I;16":
        source = Image.fromarray(np.asarray(grey, dtype=np.uint16) * 257)
    elif mode in ("LA", "RGBA"):
        source = photograph(64, 48).convert(mode)
        source.putalpha(grey)
    else:
        source = photograph(64, 48).convert(mode)
    opened, _ = images.open_still(encode(source, image_format), max_pixels=MAX_PIXELS)
    assert opened.mode == expected
    if mode in ("L", "I;16") and image_format == "PNG":
        difference = np.abs(np.asarray(opened.convert("L"), dtype=int) - np.asarray(grey, dtype=int))
        assert difference.max() <= 1


def test_an_opaque_alpha_channel_is_dropped() -> None:
    opened, _ = images.open_still(encode(photograph(32, 32).convert("RGBA"), "PNG"), max_pixels=MAX_PIXELS)
    assert opened.mode == "RGB"


def test_a_reference_is_encoded_anew_without_what_it_carried() -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    exif[0x010E] = "<script>alert(1)</script>"
    source = photograph(300, 200)
    content = encode(source, "JPEG", exif=exif, comment=b"secret") + b"<?php echo 1; ?>PK\x03\x04"
    cleaned, facts = images.clean_reference(content, max_pixels=MAX_PIXELS)
    assert facts.media_type == "image/jpeg" == images.sniff(cleaned)
    assert facts.sha256 == hashlib.sha256(cleaned).hexdigest()
    for trace in (b"script", b"secret", b"php", b"Exif"):
        assert trace not in cleaned
    turned = np.asarray(source.rotate(180), dtype=int)
    assert np.abs(np.asarray(Image.open(BytesIO(cleaned)), dtype=int) - turned).mean() < 3


def test_a_reference_keeps_its_transparency() -> None:
    source = photograph(64, 64).convert("RGBA")
    source.putalpha(Image.linear_gradient("L").resize((64, 64)))
    cleaned, facts = images.clean_reference(encode(source, "WEBP", lossless=True), max_pixels=MAX_PIXELS)
    assert facts.media_type == "image/png"
    assert np.array_equal(np.asarray(Image.open(BytesIO(cleaned)))[..., 3], np.asarray(source)[..., 3])


def test_a_reference_is_scaled_to_the_edge_asked_for() -> None:
    _, facts = images.clean_reference(encode(photograph(1200, 300), "PNG"), max_pixels=MAX_PIXELS, max_edge=600)
    assert (facts.width, facts.height) == (600, 150)


def test_a_wide_gamut_profile_is_converted_and_a_broken_one_ignored() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for profile in (lab, b"not a profile", b"\x00" * 200):
        opened, _ = images.open_still(encode(photograph(32, 32), "PNG", icc_profile=profile), max_pixels=MAX_PIXELS)
        assert opened.mode == "RGB"
        assert not opened.info


@pytest.mark.parametrize(
    ("size", "widths"),
    [
        ((2048, 1024), [320, 640, 1280]),
        ((1280, 720), [320, 640, 1280]),
        ((1024, 1024), [320, 640, 1024]),
        ((320, 320), [320]),
        ((100, 3000), [100]),
        ((2000, 1), [320, 640, 1280]),
    ],
)
def test_renditions_are_webp_of_the_width_they_say(size: tuple[int, int], widths: list[int]) -> None:
    renditions = images.make_renditions(photograph(*size))
    assert list(renditions) == widths
    for width, content in renditions.items():
        facts = images.inspect(content, max_pixels=MAX_PIXELS)
        assert facts.media_type == "image/webp"
        assert facts.width == width
        assert abs(facts.height - max(1, size[1] * width / size[0])) <= 1


def test_renditions_look_like_the_picture() -> None:
    source = photograph(1024, 768)
    renditions = images.make_renditions(source)
    assert renditions
    for width, content in renditions.items():
        height = round(768 * width / 1024)
        expected = np.asarray(source.resize((width, height), Image.Resampling.LANCZOS), dtype=float)
        error = np.asarray(Image.open(BytesIO(content)).convert("RGB"), dtype=float) - expected
        assert 10 * np.log10(255**2 / np.mean(error**2)) > 36  # dB
        assert len(content) < width * height / 4


def test_transparent_renditions_stay_transparent() -> None:
    source = photograph(700, 700).convert("RGBA")
    source.putalpha(Image.linear_gradient("L").resize((700, 700)))
    modes = [Image.open(BytesIO(content)).mode for content in images.make_renditions(source).values()]
    assert modes == ["RGBA"] * 3


def test_preparing_does_all_at_once() -> None:
    content = encode(photograph(900, 600), "PNG")
    prepared = images.prepare(content, max_pixels=MAX_PIXELS)
    opened, facts = images.open_still(content, max_pixels=MAX_PIXELS)
    assert prepared.facts == facts
    assert prepared.renditions == images.make_renditions(opened)
    # Both are read from the smallest rendition, and show the picture as well as if they were read from all of it.
    assert astray(prepared.thumbhash, opened) <= 1.05 * astray(images.thumbhash(opened), opened)
    assert np.abs(rgb(prepared.average_colour) - rgb(images.average_colour(opened))).max() <= 1


def astray(thumbhash: str, picture: Image.Image) -> float:
    """How far what a page shows before the file is there is from the picture: mean levels of 255."""
    content = base64.b64decode(placeholder_data_uri(thumbhash).partition(",")[2])
    shown = Image.open(BytesIO(content)).convert("RGB")
    ideal = picture.convert("RGB").resize(shown.size, Image.Resampling.BOX)
    return float(np.abs(np.asarray(shown, float) - np.asarray(ideal, float)).mean())


def rgb(colour: str) -> np.typing.NDArray[np.int64]:
    """#rrggbb as numbers."""
    return np.asarray([int(colour[start : start + 2], 16) for start in (1, 3, 5)], dtype=np.int64)


def test_average_colour_is_the_mean_and_ignores_what_is_see_through() -> None:
    assert images.average_colour(Image.new("RGB", (10, 10), "#336699")) == "#336699"
    half = Image.new("RGBA", (10, 10), (255, 0, 0, 255))
    half.paste((0, 0, 0, 0), (0, 0, 5, 10))
    assert images.average_colour(half) == "#ff0000"


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (500, 500), (1600, 90), (3, 900), (1, 1)])
def test_a_placeholder_has_the_shape_and_light_of_the_picture(size: tuple[int, int]) -> None:
    source = photograph(*size)
    uri = placeholder_data_uri(images.thumbhash(source))
    assert uri.startswith("data:image/png;base64,")
    assert len(uri) < 1_200
    placeholder = Image.open(BytesIO(base64.b64decode(uri.partition(",")[2])))
    assert max(placeholder.size) == 16
    assert (placeholder.width >= placeholder.height) == (size[0] >= size[1])
    expected = np.asarray(source.resize(placeholder.size, Image.Resampling.BOX), dtype=float)
    assert np.abs(np.asarray(placeholder.convert("RGB"), dtype=float) - expected).mean() < 25


def test_a_placeholder_of_a_cut_out_is_see_through() -> None:
    source = Image.new("RGBA", (200, 200), (200, 40, 40, 0))
    source.paste((200, 40, 40, 255), (50, 50, 150, 150))
    uri = placeholder_data_uri(images.thumbhash(source))
    placeholder = Image.open(BytesIO(base64.b64decode(uri.partition(",")[2])))
    assert placeholder.mode == "RGBA"
    corner, middle = placeholder.getpixel((0, 0)), placeholder.getpixel((8, 8))
    assert corner[3] < 90 < 160 < middle[3]
    assert middle[0] > middle[1] + 80


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (500, 500), (320, 100)])
def test_an_opaque_hash_equals_the_reference(size: tuple[int, int]) -> None:
    source = photograph(*size)
    scale = 32 / max(size)
    small = source.resize((round(size[0] * scale), round(size[1] * scale)), Image.Resampling.BOX).convert("RGBA")
    reference = bytes(rgba_to_thumb_hash(small.width, small.height, list(small.tobytes())))
    assert base64.b64decode(images.thumbhash(source)) == reference


@pytest.mark.parametrize("broken", ["", "AAAA", "not base64!", "3OcRJYB4d3h/iIeHeEh3eIhw", "////////", "ü"])
def test_a_broken_hash_is_an_empty_or_valid_placeholder(broken: str) -> None:
    uri = placeholder_data_uri(broken)
    assert uri == "" or uri.startswith("data:image/png;base64,")


def test_the_critic_gets_a_small_jpeg() -> None:
    small = encode(photograph(640, 480), "PNG")
    assert images.downscale_for_critic(small) == (small, "image/png")
    content, media_type = images.downscale_for_critic(encode(photograph(4000, 1000), "JPEG"))
    assert media_type == "image/jpeg"
    facts = images.inspect(content, max_pixels=MAX_PIXELS)
    assert (facts.width, facts.height) == (1568, 392)
    clear = Image.new("RGBA", (2000, 2000), (0, 0, 0, 0))
    content, _ = images.downscale_for_critic(encode(clear, "PNG"))
    assert Image.open(BytesIO(content)).getpixel((10, 10)) == (255, 255, 255)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    source=st.sampled_from([PHOTO_PNG[:4000], PHOTO_JPEG, PHOTO_WEBP]),
    flips=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=20),
    cut=st.integers(0, 100_000),
)
def test_damage_is_refused_or_survived_but_never_another_error(
    source: bytes, flips: list[tuple[int, int]], cut: int
) -> None:
    content = bytearray(source[:cut])
    for position, value in flips:
        if position < len(content):
            content[position] = value
    refusal = refusal_of(lambda: images.prepare(bytes(content), max_pixels=1_000_000))
    if refusal is not None:
        assert refusal.kind in ("not_an_image", "truncated", "too_large")
        assert str(refusal).endswith(".")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=600))
def test_any_bytes_are_named(content: bytes) -> None:
    refusal = refusal_of(lambda: images.sniff(content))
    assert refusal is None or str(refusal).startswith("This file is ")
