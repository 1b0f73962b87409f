"""P8: the 640 and 320 of a 1024 PNG, from its bytes, on one core; as good as what Lanczos and slow WebP would give."""

import time
from collections.abc import Callable, Iterator
from io import BytesIO

import numpy as np
from PIL import Image

from generation.pictures import images
from tests.bench.measure import Measure, median

EDGE = 1024
WIDTHS = (320, 640)
ROUNDS = 15
# Similarity to the uncompressed Lanczos picture may differ from the naive file's by this much: nobody sees it.
LEAST_DIFFERENCE = 0.01


def run(*, full: bool) -> Iterator[Measure]:
    """Processor time, and structural similarity beside the naive way."""
    del full
    content = draw()

    def ours() -> dict[int, bytes]:
        image, _ = images.open_still(content, max_pixels=50_000_000)
        return images.make_renditions(images._narrow(image, WIDTHS[-1]), widths=WIDTHS)

    spent, naive = processor_ms(ours), processor_ms(lambda: naive_renditions(content))
    yield Measure(
        "P8 640 + 320 of a 1024 PNG, processor time",
        spent,
        45,
        "ms",
        note=f"the naive way (a decode each, Lanczos, WebP method 4): {naive:.0f} ms",
    )
    made, simple = ours(), naive_renditions(content)
    original = Image.open(BytesIO(content)).convert("RGB")
    for width in WIDTHS:
        ideal = original.resize((width, width), Image.Resampling.LANCZOS)
        difference = similarity(simple[width], ideal) - similarity(made[width], ideal)
        yield Measure(
            f"P8 similarity lost at {width} against the naive file",
            max(0.0, difference),
            LEAST_DIFFERENCE,
            "SSIM",
            note=f"{len(made[width]):,} bytes, naively {len(simple[width]):,}",
        )


def processor_ms(work: Callable[[], object]) -> float:
    """The median of several rounds, in processor time of this process."""
    spent = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        spent.append((time.process_time() - began) * 1_000)
    return median(spent)


def naive_renditions(content: bytes) -> dict[int, bytes]:
    """What one writes first."""
    files = {}
    for width in WIDTHS:
        target = BytesIO()
        small = Image.open(BytesIO(content)).convert("RGB").resize((width, width), Image.Resampling.LANCZOS)
        small.save(target, "WEBP", quality=82, method=4)
        files[width] = target.getvalue()
    return files


def draw() -> bytes:
    """A PNG with slopes of light, edges, and texture of every size, as a render has it; about 1.4 MB."""
    random = np.random.default_rng(3)
    down, across = np.mgrid[0:EDGE, 0:EDGE] / EDGE
    light = np.stack([200 - 80 * down + 30 * np.sin(9 * across), 170 - 60 * down, 140 - 40 * down], axis=-1)
    for size, strength in ((8, 18), (32, 14), (128, 10), (512, 6), (1024, 3)):
        grain = Image.fromarray(random.integers(0, 255, (size, size, 3), dtype="uint8"))
        light += (np.asarray(grain.resize((EDGE, EDGE), Image.Resampling.BICUBIC), float) - 127) / 127 * strength
    inside = (across - 0.55) ** 2 + (down - 0.5) ** 2 < 0.08
    light[inside] *= 0.25
    target = BytesIO()
    Image.fromarray(np.clip(light, 0, 255).astype("uint8")).save(target, "PNG")
    return target.getvalue()


def similarity(file: bytes, ideal: Image.Image) -> float:
    """Mean structural similarity of the brightness, 0 to 1 (Wang et al. 2004: window of 11, deviation 1.5)."""
    first = np.asarray(Image.open(BytesIO(file)).convert("L"), float)
    second = np.asarray(ideal.convert("L"), float)
    steady, contrast = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_1, mean_2 = blur(first), blur(second)
    spread_1, spread_2 = blur(first * first) - mean_1**2, blur(second * second) - mean_2**2
    shared = blur(first * second) - mean_1 * mean_2
    above = (2 * mean_1 * mean_2 + steady) * (2 * shared + contrast)
    below = (mean_1**2 + mean_2**2 + steady) * (spread_1 + spread_2 + contrast)
    return float((above / below).mean())


def blur(values: np.ndarray) -> np.ndarray:
    """A Gaussian window over both axes, without the margin."""
    kernel = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    kernel /= kernel.sum()
    for axis in (0, 1):
        values = np.apply_along_axis(np.convolve, axis, values, kernel, "valid")
    return values
