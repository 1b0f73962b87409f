"""Whether an edit shows where it ends: steps of tone along the border of its mask that its sides do not have."""

import io

import numpy as np
from PIL import Image

from generation.studio import finish
from generation.studio.colours import Floats, decode, to_lab

_LONGEST = 640
# Pixels from the border, inwards and outwards: across the step, and from there on into either side.
_ACROSS, _BESIDE = 3.0, 8.0
# CIELAB: a step of less is not noticed along a soft border (a just noticeable difference is about 2.3, Mahy 1994).
_NOTICED = 5.0
# A slope that goes on beside the border is the picture's own.
_OWN_SLOPE = 1.3


def seam_share(picture: bytes, mask: bytes) -> float:
    """The share of the border of the mask (white changes) along which a step shows, 0 to 1.

    0 where the mask has no border inside the frame. Raises ValueError where one of the two cannot be decoded.
    """
    lab, inside = _read(picture, mask)
    height, width = inside.shape
    soft = finish.blurred(inside.astype(np.float32), 2.5)
    down, across = (np.asarray(slope, np.float32) for slope in np.gradient(soft))
    length: Floats = np.hypot(down, across).astype(np.float32)
    border = (soft > 0.4) & (soft < 0.6) & (length > 0.03)
    reach = int(_BESIDE) + 1
    border[:reach] = border[-reach:] = False
    border[:, :reach] = border[:, -reach:] = False
    places = np.argwhere(border)
    if not len(places):
        return 0.0
    normal = np.stack([down[border], across[border]], axis=1) / length[border][:, None]

    def tone(distance: float) -> Floats:
        at = np.rint(places + distance * normal).astype(np.intp)
        return lab[np.clip(at[:, 0], 0, height - 1), np.clip(at[:, 1], 0, width - 1)]

    far_in, near_in, near_out, far_out = (tone(distance) for distance in (_BESIDE, _ACROSS, -_ACROSS, -_BESIDE))
    step = np.linalg.norm(near_in - near_out, axis=1)
    beside = np.maximum(np.linalg.norm(far_in - near_in, axis=1), np.linalg.norm(far_out - near_out, axis=1))
    return float((step > _NOTICED + _OWN_SLOPE * beside).mean())


def _read(picture: bytes, mask: bytes) -> tuple[Floats, np.ndarray]:
    """The picture in CIELAB and where the mask is white, both at the same small size."""
    try:
        shown = Image.open(io.BytesIO(picture)).convert("RGB")
        drawn = Image.open(io.BytesIO(mask)).convert("L")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError("The picture or its mask cannot be decoded.") from error
    factor = min(1.0, _LONGEST / max(shown.size))
    size = (max(8, round(shown.width * factor)), max(8, round(shown.height * factor)))
    lab = to_lab(decode(np.asarray(shown.resize(size, Image.Resampling.BOX))))
    # grain is no step
    return finish.blurred(lab, 1.2), np.asarray(drawn.resize(size, Image.Resampling.BOX)) >= 128
