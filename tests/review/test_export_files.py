"""Names, renditions and provenance of exported pictures, without a database."""

from datetime import UTC, date, datetime
from io import BytesIO
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image, ImageCms, ImageDraw, PngImagePlugin

from review.exports import naming
from review.exports.embedding import NotEmbeddable, embed_xmp, read_xmp
from review.exports.metadata import ALGORITHMIC, COMPOSITE, TRAINED, PictureMetadata, source_type, xmp_packet
from review.exports.renditions import CHANNELS, Channel, Fit, frame_for, render

CHANNEL = {channel.name: channel for channel in CHANNELS}
FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}


def encode(image: Image.Image, media_type: str, **extras: Any) -> bytes:
    target = BytesIO()
    image.save(target, FORMATS[media_type], **extras)
    return target.getvalue()


def decode(content: bytes) -> Image.Image:
    image = Image.open(BytesIO(content))
    image.load()
    return image


def noisy(mode: str = "RGB") -> Image.Image:
    return Image.effect_noise((61, 47), 80).convert(mode)


def metadata(**fields: Any) -> PictureMetadata:
    return PictureMetadata(
        **{
            "title": "Aurora: Hero",
            "alt_text": "Headphones <on> a “plinth” & cloth\x00",
            "source_type": TRAINED,
            "system": "black-forest-labs/flux-1.1-pro",
            "image_id": "gen_01",
            "ticket": "MKT-2241",
            "campaign": "Aurora",
            "credit": "Studio",
            "keywords": ("Aurora",),
            "created_at": datetime(2026, 11, 21, 9, 14, tzinfo=UTC),
            "signed_at": datetime(2026, 11, 21, 11, 0, tzinfo=UTC),
            "tool": "Loupe",
            "licence_until": date(2027, 1, 31),
            **fields,
        }
    )


# --- names -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Aurora Kopfhörer", "aurora-kopfhorer"),
        ("../../etc/passwd", "etc-passwd"),
        ("a\r\nSet-Cookie: x", "a-set-cookie-x"),
        ("Straße Øre Łódź", "strasse-ore-lodz"),
        ("日本", "untitled"),
        ("", "untitled"),
        ("CON", "con-file"),
        ("x" * 200, "x" * 60),
        ("..", "untitled"),
        ('a\\b:c*d?"<>|\x00', "a-b-c-d"),
    ],
)
def test_a_slug_is_safe_and_readable(text: str, expected: str) -> None:
    assert naming.slug(text) == expected


def test_a_name_follows_the_pattern() -> None:
    beginning = naming.stem(ticket="MKT-2241", campaign="Aurora launch", shot="hero", version=3)
    name = naming.complete(beginning=f"{beginning}_web", width=1920, height=1080, extension="webp")
    assert name == "MKT-2241_aurora-launch_hero_v3_web_1920x1080.webp"
    assert naming.size_in(name) == (1920, 1080)
    assert naming.stem(ticket="", campaign="Aurora", shot="hero", version=1) == "aurora_hero_v1"
    assert naming.size_in("aurora_hero_v1.json") is None


def test_stems_are_unique_without_regard_to_case() -> None:
    assert naming.make_unique(["a", "A", "b", "a"]) == ["a", "A-2", "b", "a-3"]


# --- provenance ------------------------------------------------------------------------
def test_a_comp_never_claims_to_be_from_a_trained_model() -> None:
    assert source_type(made_by_model=False, on_photograph=True) == ALGORITHMIC
    assert source_type(made_by_model=True, on_photograph=False) == TRAINED
    assert source_type(made_by_model=True, on_photograph=True) == COMPOSITE


def test_the_packet_is_well_formed_and_holds_no_prompt_unless_asked() -> None:
    packet = xmp_packet(metadata())
    root = ElementTree.fromstring(packet)
    text = {element.tag.rpartition("}")[2]: "".join(element.itertext()) for element in root.iter()}
    assert text["DigitalSourceType"] == "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    assert text["AISystemUsed"] == "black-forest-labs/flux-1.1-pro"
    assert text["AltTextAccessibility"] == "Headphones <on> a “plinth” & cloth"
    assert text["TransmissionReference"] == "MKT-2241"
    assert text["LicenseEndDate"] == "2027-01-31"
    assert "AIPromptInformation" not in text
    assert "LicenseStartDate" not in text
    assert b"AIPromptInformation>a prompt<" in xmp_packet(metadata(prompt="a prompt"))


@pytest.mark.parametrize("media_type", FORMATS)
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_the_packet_is_read_by_others_and_no_pixel_changes(media_type: str, mode: str) -> None:
    image = noisy(mode)
    if media_type == "image/jpeg" and mode == "RGBA":
        image = image.convert("RGB")
    content = encode(image, media_type)
    packet = xmp_packet(metadata())
    written = embed_xmp(content, packet=packet, media_type=media_type)
    assert read_xmp(written) == packet
    assert decode(written).tobytes() == decode(content).tobytes()
    assert decode(written).mode == decode(content).mode
    again = embed_xmp(written, packet=packet, media_type=media_type)
    assert again.count(b"W5M0MpCehiHzreSzNTczkc9d") == 1
    assert again == written


@pytest.mark.parametrize("media_type", FORMATS)
def test_hidden_prompts_go_and_the_colour_profile_stays(media_type: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x9286] = "secret prompt"  # UserComment
    exif[0x010E] = "secret prompt"  # ImageDescription
    exif[0x0112] = 6
    extras: dict[str, Any] = {"icc_profile": profile, "exif": exif}
    if media_type == "image/png":
        extras["pnginfo"] = PngImagePlugin.PngInfo()
        extras["pnginfo"].add_text("parameters", "secret prompt")
        extras["pnginfo"].add_itxt("prompt", "secret prompt", zip=True)
    if media_type == "image/jpeg":
        extras["comment"] = b"secret prompt"
    content = encode(noisy(), media_type, **extras)
    assert b"secret prompt" in content
    written = embed_xmp(content, packet=xmp_packet(metadata()), media_type=media_type)
    assert b"secret prompt" not in written
    assert decode(written).info["icc_profile"] == profile
    assert "parameters" not in decode(written).info
    if media_type == "image/jpeg":  # a turned picture stays turned
        assert decode(written).getexif()[0x0112] == 6


@pytest.mark.parametrize("media_type", FORMATS)
def test_torn_and_foreign_files_are_refused(media_type: str) -> None:
    content = encode(noisy(), media_type)
    for broken in (b"", b"<svg/>", content[: len(content) // 20]):
        with pytest.raises(NotEmbeddable):
            embed_xmp(broken, packet=b"x", media_type=media_type)
    with pytest.raises(NotEmbeddable):
        embed_xmp(content, packet=b"x", media_type="image/gif")


# --- renditions ------------------------------------------------------------------------
def scene(width: int, height: int, *, subject: tuple[int, int, int, int]) -> Image.Image:
    image = Image.new("RGB", (width, height), (214, 210, 204))
    ImageDraw.Draw(image).ellipse(subject, fill=(40, 30, 90))
    return image


def test_a_crop_follows_the_subject() -> None:
    at_the_right = scene(1200, 675, subject=(850, 200, 1100, 450))
    frame = frame_for(image=at_the_right, channel=CHANNEL["social"], width=1200, height=675)
    assert not frame.ground
    assert (frame.width, frame.height) == (675, 675)
    assert frame.left * 1200 < 850
    assert frame.right * 1200 > 1100
    mirrored = at_the_right.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    other = frame_for(image=mirrored, channel=CHANNEL["social"], width=1200, height=675)
    assert other.left * 1200 < 100
    assert other.position[0] < 50 < frame.position[0]


def test_a_crop_that_would_cut_the_subject_shows_the_whole_picture() -> None:
    wide = scene(1600, 900, subject=(150, 350, 1450, 600))
    rendition = render(content=encode(wide, "image/png"), channel=CHANNEL["story"], max_pixels=10_000_000)
    assert (rendition.width, rendition.height) == (1080, 1920)
    image = decode(rendition.content).convert("RGB")
    assert image.size == (1080, 1920)
    assert all(abs(a - b) < 6 for a, b in zip(image.getpixel((5, 5)), (214, 210, 204), strict=True))
    dark = [x for x in range(1080) if sum(image.getpixel((x, 970))) < 300]
    assert min(dark) > 90
    assert max(dark) < 990


@pytest.mark.parametrize(
    "channel", [channel for channel in CHANNELS if channel.width], ids=lambda channel: channel.name
)
@pytest.mark.parametrize("size", [(96, 64), (1024, 1024), (2400, 1350), (700, 1400)])
def test_a_rendition_has_its_shape_is_never_enlarged_and_always_the_same(
    channel: Channel, size: tuple[int, int]
) -> None:
    width, height = size
    content = encode(scene(width, height, subject=(width // 3, height // 3, width // 2, height // 2)), "image/png")
    rendition = render(content=content, channel=channel, max_pixels=10_000_000)
    assert channel.width
    assert channel.height
    assert decode(rendition.content).size == (rendition.width, rendition.height)
    assert rendition.width <= channel.width
    assert rendition.height <= channel.height
    assert rendition.width / rendition.height == pytest.approx(channel.width / channel.height, rel=0.03)
    assert render(content=content, channel=channel, max_pixels=10_000_000) == rendition
    image = decode(content)
    frame = frame_for(image=image, channel=channel, width=width, height=height)
    if not frame.ground:
        assert rendition.width <= width
        assert rendition.height <= height


def test_a_see_through_picture_stays_so() -> None:
    image = scene(300, 300, subject=(100, 100, 200, 200)).convert("RGBA")
    image.putalpha(Image.new("L", (300, 300), 100))
    rendition = render(content=encode(image, "image/png"), channel=CHANNEL["social"], max_pixels=1_000_000)
    assert rendition.media_type == "image/png"
    assert decode(rendition.content).mode == "RGBA"


def test_a_channel_may_contain_instead_of_crop() -> None:
    channel = Channel("letter", "Newsletter", "Width of a mail", Fit.CONTAIN, 600, 600, "image/jpeg")
    content = encode(scene(1200, 800, subject=(0, 0, 9, 9)), "image/png")
    assert (render(content=content, channel=channel, max_pixels=2_000_000).width) == 600
    assert (render(content=content, channel=channel, max_pixels=2_000_000).height) == 400
