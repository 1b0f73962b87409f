"""The local studio's renderer: repeatable, visibly varied, exact in size, honest about what it touches."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from generation.rules.values import ImageInput, RenderRequest
from generation.studio.colours import find_colours, hex_to_lab, to_lab, to_linear
from generation.studio.corrections import read_corrections
from generation.studio.measures import measure
from generation.studio.renderer import render
from generation.studio.vocabulary import read_direction

HERO = (
    "Matte black Aurora headphones standing on a low plinth. Soft key light from the left, warm rim from behind. "
    "Palette: warm sand #d9c2a3, deep navy #1b2a41, burnt orange #c2571f. Composition: subject on the right third, "
    "negative space on the left. Mood: calm, premium. No text, no watermarks, no logos."
)


def request_for(
    prompt: str = HERO, *, size: tuple[int, int] = (256, 160), seed: int | None = 7, **fields
) -> RenderRequest:
    return RenderRequest(
        key="gen_1",
        model="local/comp",
        prompt=prompt,
        negative_prompt="",
        width=size[0],
        height=size[1],
        seed=seed,
        **fields,
    )


def as_png(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def given(picture: Image.Image, role: str) -> ImageInput:
    return ImageInput(as_png(picture), "image/png", role)


def pixels(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("RGB"), dtype=np.int16)


SCENES = {
    "studio": HERO,
    "macro": "Macro detail of a wristwatch, light from the right. Palette: graphite, copper, sand.",
    "interior": "A coffee bag and a cup on a table by the window, morning light. Colours: espresso, cream, terracotta.",
    "outdoor": "A running shoe in the dunes outdoors, hard sun from the left. Palette: coral, sky blue, sand.",
    "person": "A person wearing headphones, golden hour, backlit. Palette: amber, navy, sand.",
    "flatlay": "Flat lay of a phone and a notebook, overhead view. Palette: teal, mustard, off-white.",
    "poster": "Poster illustration of a lamp, flat shapes. Palette: navy, coral, cream, mustard.",
    "vista": "A wide mountain landscape at sunrise. Palette: indigo, peach, lavender.",
    "city": "City skyline at dusk. Palette: midnight blue, magenta, amber.",
    "nothing": "",
}


@pytest.mark.parametrize("scene", SCENES)
def test_the_same_request_gives_the_same_bytes_and_another_seed_another_picture(scene):
    first, again, other = (render(request_for(SCENES[scene], size=(192, 144), seed=seed)) for seed in (3, 3, 4))
    assert as_png(first) == as_png(again)
    assert np.abs(pixels(first) - pixels(other)).mean() > 1.0


def test_the_picture_depends_on_model_and_prompt_too():
    base = pixels(render(request_for()))
    other_model = pixels(render(RenderRequest("gen_1", "local/other", HERO, "", 256, 160, 7)))
    other_light = pixels(render(request_for(HERO.replace("from the left", "from the right"))))
    assert np.abs(base - other_model).mean() > 1.0
    assert np.abs(base - other_light).mean() > 1.0


def test_without_a_seed_the_prompt_decides():
    assert as_png(render(request_for(seed=None))) == as_png(render(request_for(seed=None)))


@pytest.mark.parametrize("size", [(1, 1), (37, 211), (333, 77), (64, 64), (257, 255)])
@pytest.mark.parametrize("scene", ["studio", "poster", "vista", "outdoor"])
def test_the_size_is_exact_whatever_it_is(size, scene):
    assert render(request_for(SCENES[scene], size=size)).size == size


def test_a_large_picture_is_drawn_smaller_and_enlarged_to_the_exact_size():
    picture = render(request_for(SCENES["macro"], size=(1300, 901)))
    assert picture.size == (1300, 901)
    assert picture.mode == "RGB"


def test_the_subject_stands_where_the_words_say():
    left = "A speaker on a plinth. Palette: #e9e4da, #22262e, #c2571f. Composition: subject on the left third."
    right = left.replace("left third", "right third")
    differences = [
        measure(as_png(render(request_for(right, size=(192, 120), seed=seed)))).mass_x
        - measure(as_png(render(request_for(left, size=(192, 120), seed=seed)))).mass_x
        for seed in range(1, 5)
    ]
    assert min(differences) > 0.0
    assert np.mean(differences) > 0.2


def test_brightness_follows_the_mood_and_colour_follows_the_palette():
    def lightness(mood: str) -> float:
        prompt = f"A bottle. Palette: #f4efe6, #1d2733, #a06a3a. Mood: {mood}."
        return float(
            np.mean(
                [
                    measure(as_png(render(request_for(prompt, size=(160, 100), seed=seed)))).lightness
                    for seed in range(6)
                ]
            )
        )

    assert lightness("bright, airy") > lightness("dark, moody") + 25
    blue = measure(as_png(render(request_for("A bottle. Palette: #bcd2e6, #6f95b8, #1f3a5c."))))
    sand = measure(as_png(render(request_for("A bottle. Palette: #ead7ba, #c79a63, #6b4226."))))
    assert sand.warmth > blue.warmth + 15


def bottle_photograph(*, transparent: bool) -> Image.Image:
    ground = (0, 0, 0, 0) if transparent else (243, 243, 240, 255)
    picture = Image.new("RGBA", (200, 320), ground)
    ImageDraw.Draw(picture).rounded_rectangle((60, 30, 140, 300), 18, fill=(214, 20, 160, 255))
    return picture if transparent else picture.convert("RGB")


@pytest.mark.parametrize("transparent", [True, False])
@pytest.mark.parametrize("scene", ["studio", "interior", "poster", "flatlay"])
def test_the_product_stands_in_the_picture_without_its_background(transparent, scene):
    product = given(bottle_photograph(transparent=transparent), "product")
    picture = pixels(render(request_for(SCENES[scene], size=(256, 192), inputs=(product,))))
    magenta = (picture[..., 0] - picture[..., 1] > 60) & (picture[..., 2] - picture[..., 1] > 30)
    assert magenta.mean() > 0.01
    rows, columns = np.nonzero(magenta)
    filled = magenta[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].mean()
    assert filled > 0.75, "the cut-out is one compact thing"
    assert (rows.max() - rows.min()) > 1.8 * (columns.max() - columns.min()), "its proportions are kept"


def test_an_input_that_is_no_picture_says_which_one():
    broken = ImageInput(b"<svg/>", "image/svg+xml", "product")
    with pytest.raises(ValueError, match="product picture cannot be read"):
        render(request_for(inputs=(broken,)))


def masked(parent: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    mask = Image.new("L", parent.size, 0)
    ImageDraw.Draw(mask).ellipse(box, fill=255)
    return mask


@pytest.mark.parametrize(
    "words", ["Remove the plate", "Make it brighter", "Change it to teal #1f7a7a", "a different thing"]
)
def test_an_inpaint_changes_the_mask_and_not_one_byte_outside(words):
    parent = render(request_for(size=(240, 160)))
    mask = masked(parent, (130, 60, 200, 120))
    edited = render(
        request_for(words, size=(240, 160), purpose="inpaint", inputs=(given(parent, "parent"), given(mask, "mask")))
    )
    white = np.asarray(mask) > 0
    before, after = pixels(parent), pixels(edited)
    assert np.array_equal(before[~white], after[~white])
    assert np.abs(before - after)[white].mean() > 2.0
    reopened = pixels(Image.open(io.BytesIO(as_png(edited))))
    assert np.array_equal(reopened, after)


def revision(*lines: str) -> str:
    return "\n".join(
        ["Revise the picture:", *lines, "Keep everything else unchanged.", "", f"The picture shows: {HERO}"]
    )


def test_each_marked_region_answers_to_its_own_line_and_a_removal_elsewhere_erases_nothing():
    size = (320, 200)
    parent = render(request_for(size=size))
    mask = Image.new("L", size, 0)
    pencil = ImageDraw.Draw(mask)
    pencil.rectangle((192, 40, 256, 120), fill=255)
    pencil.rectangle((16, 10, 80, 70), fill=255)
    words = revision(
        "- upper right (60 % from the left, 20 % from the top, 20 % wide, 40 % high): change: Hinge too shiny.",
        "- lower centre (point at 50 % from the left, 90 % from the top): remove: this glint.",
        "- upper left (5 % from the left, 5 % from the top, 20 % wide, 30 % high): change: too dark.",
    )
    inputs = (given(parent, "parent"), given(mask, "mask"))
    before = pixels(parent)
    after = pixels(render(request_for(words, size=size, purpose="inpaint", inputs=inputs)))
    black = np.asarray(mask) == 0
    assert np.array_equal(before[black], after[black])
    # the hinge keeps its drawing and loses light; the other region gains light
    hinge, corner = (slice(40, 121), slice(192, 257)), (slice(10, 71), slice(16, 81))
    assert np.corrcoef(before[hinge].ravel(), after[hinge].ravel())[0, 1] > 0.9
    assert after[hinge].max() < before[hinge].max()
    assert (after[corner] - before[corner]).mean() > 2
    # the change fades in: no step where the mask begins
    rim = np.abs(after - before)[40:121, 192:194]
    assert rim.mean() < 1.5
    removed = words.replace("change: Hinge too shiny", "remove: the hinge")
    gone = pixels(render(request_for(removed, size=size, purpose="inpaint", inputs=inputs)))
    assert gone[hinge][8:-8, 8:-8].std() < 0.5 * before[hinge][8:-8, 8:-8].std()
    assert (gone[corner] - before[corner]).mean() > 2


def marked_ground(words: str, *, square: tuple[int, int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A bright square on grey, and what becomes of it where the left upper quarter is marked with these words."""
    size = (240, 160)
    parent = Image.new("RGB", size, (120, 122, 126))
    ImageDraw.Draw(parent).rectangle(square, fill=(236, 232, 224))
    mask = masked(parent, (20, 15, 120, 80))
    line = f"- upper left (8 % from the left, 9 % from the top, 42 % wide, 41 % high): change: {words}"
    inputs = (given(parent, "parent"), given(mask, "mask"))
    after = render(request_for(revision(line), size=size, purpose="inpaint", inputs=inputs))
    return pixels(parent), pixels(after)


def test_a_mark_that_only_cuts_a_things_corner_means_the_ground():
    before, after = marked_ground("Darker here please.", square=(105, 60, 220, 150))
    middle = (slice(35, 60), slice(45, 90))
    assert (after[middle] - before[middle]).mean() < -8


def test_a_change_that_says_remove_removes_but_not_where_it_is_light_that_is_to_go():
    thing = (slice(35, 60), slice(55, 85))
    before, after = marked_ground("Please remove that.", square=(50, 30, 90, 65))
    assert np.abs(after[thing] - 122).mean() < 12
    before, after = marked_ground("Remove the glare.", square=(50, 30, 90, 65))
    assert (after[thing] - 122).mean() > 25
    assert after[thing].mean() < before[thing].mean()


def test_a_black_mask_changes_nothing_and_an_edit_without_its_parent_is_refused_in_words():
    parent = render(request_for(size=(120, 80)))
    black = Image.new("L", parent.size, 0)
    same = render(
        request_for(
            "brighter", size=(120, 80), purpose="inpaint", inputs=(given(parent, "parent"), given(black, "mask"))
        )
    )
    assert np.array_equal(pixels(parent), pixels(same))
    with pytest.raises(ValueError, match="needs the picture it starts from"):
        render(request_for("brighter", purpose="inpaint", inputs=(given(black, "mask"),)))
    with pytest.raises(ValueError, match="needs a mask"):
        render(request_for("brighter", purpose="inpaint", inputs=(given(parent, "parent"),)))


def test_a_refinement_does_what_the_words_say():
    parent = render(request_for(size=(200, 140)))

    def refined(words: str):
        return measure(
            as_png(render(request_for(words, size=(200, 140), purpose="refine", inputs=(given(parent, "parent"),))))
        )

    base = measure(as_png(parent))
    assert refined("brighter").lightness > base.lightness + 3
    assert refined("darker").lightness < base.lightness - 3
    assert refined("warmer").warmth > base.warmth + 3
    assert refined("more contrast").contrast > base.contrast + 1
    assert refined("less saturated").chroma < base.chroma - 1


def test_upscaling_keeps_the_picture_and_grows_it():
    parent = render(request_for(size=(120, 90)))
    grown = render(request_for("", size=(480, 360), purpose="upscale", inputs=(given(parent, "parent"),)))
    assert grown.size == (480, 360)
    back = grown.resize((120, 90), Image.Resampling.BOX)
    assert np.abs(pixels(back) - pixels(parent)).mean() < 3


def test_colours_are_read_as_names_and_hex_without_counting_one_twice():
    assert find_colours("warm sand #d9c2a3, rose gold and Navy") == ("#d9c2a3", "#c98f7c", "#1b2748")
    assert find_colours("golden hour") == ()
    assert np.allclose(hex_to_lab("#ffffff"), (100, 0, 0), atol=0.1)
    assert np.allclose(to_lab(to_linear((1.0, 0.0, 0.0))), (53.24, 80.09, 67.2), atol=0.2)


def test_constraints_are_not_read_as_subjects():
    direction = read_direction("A bottle on stone. No people, no phones. Negative: laptop, dark.")
    assert direction.subjects == ("bottle",)
    assert direction.mood.words == 0


def test_a_finding_is_not_mistaken_for_an_instruction():
    fixed = read_corrections(
        "visual mass sits 31 % right of centre; move the subject to the left, more empty space on the right"
    )
    assert (fixed.shift, fixed.place, fixed.exposure) == (-1, True, 0)
    assert not read_corrections("the mass sits right of centre").any


def wall(*, stripes: float) -> np.ndarray:
    """A wall that is lit from the left, with grain; `stripes` in code values."""
    down, across = np.mgrid[0:160, 0:240].astype(float)
    light = 190 - 0.25 * across - 0.15 * down + stripes * np.sign(np.sin(2 * np.pi * down / 16))
    grain = np.random.default_rng(5).normal(0, 1.5, light.shape)
    return np.clip(np.stack([light, light * 0.92, light * 0.8], axis=-1) + grain[..., None], 0, 255).astype(np.uint8)


@pytest.mark.parametrize("stripes", [0.0, 40.0])
def test_what_is_removed_gives_way_to_what_is_around_it(stripes):
    truth = wall(stripes=stripes)
    parent = Image.fromarray(truth, "RGB")
    # on the plain wall only the middle of a post is marked: what is cut must not smear into the mark
    ImageDraw.Draw(parent).rectangle((100, 60, 132, 100) if stripes else (100, 30, 132, 160), fill=(60, 20, 16))
    mask = Image.new("L", parent.size, 0)
    ImageDraw.Draw(mask).rectangle((80, 50, 150, 110), fill=255)
    inputs = (given(parent, "parent"), given(mask, "mask"))
    words = "Remove the post."
    filled = pixels(render(request_for(words, size=parent.size, purpose="inpaint", inputs=inputs)))
    hole = np.asarray(mask) > 0
    assert np.array_equal(filled[~hole], pixels(parent)[~hole])
    inner = (slice(54, 107), slice(84, 147))
    astray = np.abs(filled[inner] - truth[inner].astype(float)).mean()
    assert astray < (3.5 if not stripes else 15.0)
    if stripes:
        assert np.corrcoef(filled[inner].ravel(), truth[inner].ravel().astype(float))[0, 1] > 0.8
    else:
        # the grain goes on too
        assert np.diff(filled[inner][..., 1], axis=0).std() > 1.0
