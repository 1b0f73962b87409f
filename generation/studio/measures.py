"""Measures a picture: numbers only, no opinion. Every figure says its unit and where the method comes from."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps

from generation.studio.colours import Floats, decode, hex_to_lab, to_lab

# Colours and masses are measured on a small copy; edges and noise on one that keeps them.
SMALL_SIDE = 256
LARGE_SIDE = 1024
Codes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Measures:
    """What the picture shows. Shares are 0..1 of the frame."""

    width: int
    height: int
    lightness: float  # mean CIELAB L*, 0..100
    contrast: float  # RMS contrast: standard deviation of L*, in L* units (Peli 1990)
    clipped_low: float  # share of pixels at black (8-bit luma 3 or less)
    clipped_high: float  # share of pixels at white (8-bit luma 252 or more)
    sharpness: float  # 0..1: how steep the steepest edges are (variance of the Laplacian, relative to edge height)
    noise: float  # standard deviation in 8-bit code values (Immerkaer 1996)
    warmth: float  # mean CIELAB b* plus 0.4 a*
    chroma: float  # mean CIELAB chroma
    mass_x: float  # centre of visual mass, 0 left to 1 right
    mass_y: float
    mass_share: float  # share of the frame that stands out from the backdrop
    mass_width: float  # spread of the mass across the frame, two standard deviations each side, as a share of the width
    cut: float  # share of the frame's border that the mass runs into
    standing_out: float  # CIELAB distance of the mass from the backdrop
    colours: tuple[tuple[Floats, float], ...]  # dominant colours (CIELAB) with their shares, largest first


def measure(image: bytes) -> Measures:
    """Measure an encoded picture. Raises ValueError where it cannot be decoded."""
    try:
        opened = Image.open(io.BytesIO(image))
        width, height = opened.size
        if opened.getexif().get(ExifTags.Base.Orientation, 1) >= 5:
            width, height = height, width
        opened.draft("RGB", (LARGE_SIDE, LARGE_SIDE))
        ImageOps.exif_transpose(opened, in_place=True)
        # a picture that is RGB already would be copied
        picture = opened if opened.mode == "RGB" else opened.convert("RGB")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError("The picture cannot be decoded.") from error
    large = _limited(picture, LARGE_SIDE)
    luma = np.asarray(large.convert("L"))
    lab = to_lab(decode(np.asarray(_limited(picture, SMALL_SIDE))))
    salience = salience_of(lab)
    mass_x, mass_y, spread = centre_of(salience)
    standing = salience > 0.35
    return Measures(
        width=width,
        height=height,
        lightness=float(lab[..., 0].mean()),
        contrast=float(lab[..., 0].std()),
        clipped_low=np.count_nonzero(luma <= 3) / luma.size,
        clipped_high=np.count_nonzero(luma >= 252) / luma.size,
        sharpness=sharpness_of(luma),
        noise=noise_of(luma),
        warmth=float((lab[..., 2] + 0.4 * lab[..., 1]).mean()),
        chroma=float(np.hypot(lab[..., 1], lab[..., 2]).mean()),
        mass_x=mass_x,
        mass_y=mass_y,
        mass_share=float(standing.mean()),
        mass_width=spread,
        cut=border_share(standing),
        standing_out=_distance_of(lab, standing),
        colours=dominant_colours(lab),
    )


def _limited(picture: Image.Image, side: int) -> Image.Image:
    factor = side / max(picture.size)
    if factor >= 1:
        return picture
    return picture.resize(
        (max(3, round(picture.width * factor)), max(3, round(picture.height * factor))), Image.Resampling.BOX
    )


def salience_of(lab: Floats) -> Floats:
    """How much each pixel stands out, 0..1: its CIELAB distance from the backdrop.

    The backdrop is a quadratic surface fitted to the border, so that a vignette, a gradient or a floor does not count
    as a thing (frequency-tuned salience of Achanta 2009 with a fitted instead of a mean background). Distances under
    10 are modelling of the backdrop itself, 45 and more is as distinct as can be.
    """
    height, width = lab.shape[:2]
    y, x = np.mgrid[-1 : 1 : complex(height), -1 : 1 : complex(width)].astype(np.float32)
    basis = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y, y * y * y], axis=-1)
    margin = max(1, min(height, width) // 14)
    border = np.zeros((height, width), bool)
    border[:margin] = border[-margin:] = True
    border[:, :margin] = border[:, -margin:] = True
    all_rows, all_values = basis[border].astype(np.float64), lab[border].astype(np.float64)
    rows, values = all_rows, all_values
    for _ in range(3):
        # A subject that runs into the border must not pull the backdrop towards itself: drop the worst and fit again.
        solution = np.linalg.lstsq(rows.T @ rows, rows.T @ values, rcond=None)[0]
        residual = _lengths(all_values - all_rows @ solution)
        keep = residual <= max(8.0, float(np.quantile(residual, 0.75)))
        rows, values = all_rows[keep], all_values[keep]
    distance = _lengths(lab - basis @ solution.astype(np.float32))
    return np.clip((distance - 10) / 35, 0, 1).astype(np.float32)


def _lengths(vectors: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Along the last axis; many times as fast as `np.linalg.norm` where that axis is short."""
    return np.sqrt(np.einsum("...i,...i->...", vectors, vectors))


def centre_of(salience: Floats) -> tuple[float, float, float]:
    """Centre of mass (x, y) and its spread across; the middle of the frame where nothing stands out."""
    total = float(salience.sum())
    height, width = salience.shape
    if total < 0.002 * salience.size:
        return 0.5, 0.5, 0.0
    x = (np.arange(width, dtype=np.float32) + 0.5) / width
    y = (np.arange(height, dtype=np.float32) + 0.5) / height
    across, down = salience.sum(axis=0) / total, salience.sum(axis=1) / total
    centre = float(across @ x)
    return centre, float(down @ y), 4 * float(np.sqrt(across @ (x - centre) ** 2))


def border_share(standing: npt.NDArray[np.bool_]) -> float:
    """Share of the outermost pixels (left, right and top; a thing may stand on the lower edge) that the mass covers."""
    edge = np.concatenate([standing[:, 0], standing[:, -1], standing[0]])
    return float(edge.mean())


def _distance_of(lab: Floats, standing: npt.NDArray[np.bool_]) -> float:
    if not standing.any() or standing.all():
        return 0.0
    return float(np.linalg.norm(lab[standing].mean(axis=0) - lab[~standing].mean(axis=0)))


def sharpness_of(luma: Codes) -> float:
    """Steepness of the strongest edges, 0..1; `luma` in 8-bit code values.

    The variance of the Laplacian (Pech-Pacheco 2000) rises with contrast as well as with focus; dividing the strongest
    Laplacian by the height of its edge leaves the focus. The steepest half percent counts: a soft backdrop is no fault.
    """
    tones = luma.astype(np.int16)
    across = np.abs(tones[4:, 2:-2] - tones[:-4, 2:-2]) + np.abs(tones[2:-2, 4:] - tones[2:-2, :-4])
    strong = across >= max(24.0, _quantile(np.bincount(across.ravel()), 0.995))
    if not strong.any():
        return 0.0
    inner = 4 * tones[2:-2, 2:-2] - tones[1:-3, 2:-2] - tones[3:-1, 2:-2] - tones[2:-2, 1:-3] - tones[2:-2, 3:-1]
    return float(np.clip(np.mean(np.abs(inner[strong]) / across[strong]) / 0.55, 0, 1))


def noise_of(luma: Codes) -> float:
    """Standard deviation of the noise in code values: Immerkaer's mask over the flatter part of the picture."""
    tones = luma.astype(np.int16)
    # the mask is the second difference down, of the second difference across
    across = tones[:, :-2] - 2 * tones[:, 1:-1] + tones[:, 2:]
    response = np.abs(across[:-2] - 2 * across[1:-1] + across[2:])
    counts = np.bincount(response.ravel())
    if not counts.size:
        return 0.0
    flat = counts[: int(_quantile(counts, 0.8)) + 1]
    return float(np.sqrt(np.pi / 2) / 6 * (flat @ np.arange(len(flat))) / flat.sum() * 1.4)


def _quantile(counts: npt.NDArray[np.int_], share: float) -> float:
    """As `np.quantile` of whole numbers that were counted: a million of them need no sorting."""
    if not counts.size:
        return 0.0
    upto = counts.cumsum()
    place = share * (upto[-1] - 1)
    low, high = np.searchsorted(upto, [np.floor(place), np.ceil(place)], side="right")
    return float(low + (high - low) * (place % 1))


def dominant_colours(lab: Floats, *, count: int = 6) -> tuple[tuple[Floats, float], ...]:
    """Dominant colours by k-means in CIELAB (Lloyd, eight rounds), started far apart: repeatable without a seed."""
    pixels = lab.reshape(-1, 3)[:: max(1, lab.shape[0] * lab.shape[1] // 12000)]
    centres = [pixels.mean(axis=0)]
    nearest = _lengths(pixels - centres[0])
    for _ in range(count - 1):
        centres.append(pixels[int(nearest.argmax())])
        nearest = np.minimum(nearest, _lengths(pixels - centres[-1]))
    means = np.array(centres, np.float32)
    for _ in range(8):
        # the pixel's own length is the same for every mean: it does not say which one is nearest
        owner = ((means * means).sum(axis=1) - 2 * (pixels @ means.T)).argmin(axis=1)
        sizes = np.bincount(owner, minlength=count)
        sums = np.stack([np.bincount(owner, weights=channel, minlength=count) for channel in pixels.T], axis=1)
        means = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], means).astype(np.float32)
    shares = sizes / len(owner)
    return tuple((means[i], float(shares[i])) for i in np.argsort(-shares) if shares[i] > 0.004)


def palette_distance(measures: Measures, palette: tuple[str, ...]) -> float:
    """Mean CIELAB distance of the dominant colours to the nearest palette colour, weighted by share.

    Light and shade move a painted surface along L* without changing its colour, therefore lightness counts a third.
    Neutral shadows belong to every palette: very dark colours count half.
    """
    wanted = np.array([hex_to_lab(colour) for colour in palette], np.float32)
    weights = np.array([0.33, 1.0, 1.0], np.float32)
    total = weight_sum = 0.0
    for colour, share in measures.colours:
        nearest = float(np.linalg.norm((wanted - colour) * weights, axis=1).min())
        weight = share * (0.5 if colour[0] < 22 else 1.0)
        total += weight * nearest
        weight_sum += weight
    return total / max(weight_sum, 1e-6)


def palette_missing(measures: Measures, palette: tuple[str, ...], *, near: float = 26.0) -> tuple[str, ...]:
    """Palette colours that no dominant colour comes near (CIELAB, lightness a third)."""
    weights = np.array([0.33, 1.0, 1.0], np.float32)
    missing = []
    for colour in palette:
        wanted = hex_to_lab(colour)
        if min(float(np.linalg.norm((found - wanted) * weights)) for found, _ in measures.colours) > near:
            missing.append(colour)
    return tuple(missing)
