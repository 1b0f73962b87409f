"""Measures a picture: numbers only, no opinion. Every figure says its unit and where the method comes from."""

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps

from generation.providers.local.colours import Floats, decode, hex_to_lab, to_lab

# Colours and masses are measured on a small copy; edges and noise on one that keeps them.
SMALL_SIDE = 256
LARGE_SIDE = 1024


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
        picture = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError("The picture cannot be decoded.") from error
    large = _limited(picture, LARGE_SIDE)
    luma = np.asarray(large.convert("L"), dtype=np.float32)
    lab = to_lab(decode(np.asarray(_limited(picture, SMALL_SIDE))))
    salience = salience_of(lab)
    mass_x, mass_y, spread = centre_of(salience)
    standing = salience > 0.35
    return Measures(
        width=width,
        height=height,
        lightness=float(lab[..., 0].mean()),
        contrast=float(lab[..., 0].std()),
        clipped_low=float((luma <= 3).mean()),
        clipped_high=float((luma >= 252).mean()),
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
    basis = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y, y**3], axis=-1)
    margin = max(1, min(height, width) // 14)
    border = np.zeros((height, width), bool)
    border[:margin] = border[-margin:] = True
    border[:, :margin] = border[:, -margin:] = True
    rows, values = basis[border], lab[border]
    keep = np.ones(len(rows), bool)
    for _ in range(3):
        # A subject that runs into the border must not pull the backdrop towards itself: drop the worst and fit again.
        solution = np.linalg.lstsq(rows[keep], values[keep], rcond=None)[0]
        residual = np.linalg.norm(values - rows @ solution, axis=1)
        keep = residual <= max(8.0, float(np.quantile(residual, 0.75)))
    distance = np.linalg.norm(lab - basis @ solution, axis=-1)
    return np.clip((distance - 10) / 35, 0, 1).astype(np.float32)


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


def sharpness_of(luma: Floats) -> float:
    """Steepness of the strongest edges, 0..1.

    The variance of the Laplacian (Pech-Pacheco 2000) rises with contrast as well as with focus; dividing the strongest
    Laplacian by the height of its edge leaves the focus. The steepest half percent counts: a soft backdrop is no fault.
    """
    centre = luma[1:-1, 1:-1]
    laplacian = np.abs(4 * centre - luma[:-2, 1:-1] - luma[2:, 1:-1] - luma[1:-1, :-2] - luma[1:-1, 2:])
    across = np.abs(luma[4:, 2:-2] - luma[:-4, 2:-2]) + np.abs(luma[2:-2, 4:] - luma[2:-2, :-4])
    inner = laplacian[1:-1, 1:-1]
    strong = across >= max(24.0, float(np.quantile(across, 0.995)))
    if not strong.any():
        return 0.0
    return float(np.clip(np.mean(inner[strong] / across[strong]) / 0.55, 0, 1))


def noise_of(luma: Floats) -> float:
    """Standard deviation of the noise in code values: Immerkaer's mask over the flatter half of the picture."""
    centre = luma[1:-1, 1:-1]
    sides = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    corners = luma[:-2, :-2] + luma[:-2, 2:] + luma[2:, :-2] + luma[2:, 2:]
    response = np.abs(4 * centre - 2 * sides + corners)
    flat = response[response <= np.quantile(response, 0.8)]
    return float(np.sqrt(np.pi / 2) / 6 * flat.mean() * 1.4) if flat.size else 0.0


def dominant_colours(lab: Floats, *, count: int = 6) -> tuple[tuple[Floats, float], ...]:
    """Dominant colours by k-means in CIELAB (Lloyd, eight rounds), started far apart: repeatable without a seed."""
    pixels = lab.reshape(-1, 3)[:: max(1, lab.shape[0] * lab.shape[1] // 12000)]
    centres = [pixels.mean(axis=0)]
    nearest = np.linalg.norm(pixels - centres[0], axis=1)
    for _ in range(count - 1):
        centres.append(pixels[int(nearest.argmax())])
        nearest = np.minimum(nearest, np.linalg.norm(pixels - centres[-1], axis=1))
    means = np.array(centres, np.float32)
    for _ in range(8):
        owner = np.linalg.norm(pixels[:, None] - means[None], axis=2).argmin(axis=1)
        means = np.array(
            [pixels[owner == i].mean(axis=0) if (owner == i).any() else means[i] for i in range(count)], np.float32
        )
    shares = np.bincount(owner, minlength=count) / len(owner)
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
