"""Materials for subjects: which colour and finish the main body, its second part and its accent get."""

from dataclasses import dataclass

import numpy as np

from generation.studio.colours import Floats, from_lab, to_lab
from generation.studio.solids import Material, Vector

_FINISHES: dict[str, tuple[float, float, float]] = {  # roughness, gloss, metal
    "matte": (0.72, 0.22, 0.0),
    "glossy": (0.16, 0.9, 0.0),
    "metal": (0.3, 0.8, 0.85),
    "glass": (0.08, 1.0, 0.0),
    "": (0.42, 0.5, 0.0),
}


@dataclass(frozen=True, slots=True)
class Wardrobe:
    """Three materials that go together, and chrome for small parts."""

    main: Material
    second: Material
    accent: Material
    metal: Material
    soft: Material

    def tinted(self, colour: Floats) -> Material:
        """A material of another colour with the main finish."""
        return Material(as_vector(colour), self.main.roughness, self.main.gloss, self.main.metal)


def as_vector(colour: Floats) -> Vector:
    """Linear colour array to the tuple a material holds."""
    return (float(colour[0]), float(colour[1]), float(colour[2]))


def shade(colour: Floats, *, lightness: float = 0.0, chroma: float = 1.0) -> Floats:
    """A colour moved along CIELAB lightness (units of L) and scaled in chroma: stays in its family."""
    lab = to_lab(colour).copy()
    lab[0] = np.clip(lab[0] + lightness, 3, 97)
    lab[1:] *= chroma
    return from_lab(lab)


def dress(*, main: Floats, accent: Floats, finish: str) -> Wardrobe:
    """Materials for a subject whose body is `main` and whose detail is `accent` (linear light)."""
    roughness, gloss, metal = _FINISHES[finish]
    lightness = float(to_lab(main)[0])
    step = 14.0 if lightness < 45 else -16.0
    grey = np.array([0.62, 0.61, 0.6], np.float32) if lightness < 60 else np.array([0.3, 0.3, 0.31], np.float32)
    return Wardrobe(
        main=Material(as_vector(main), roughness, gloss, metal, translucency=0.35 if finish == "glass" else 0.0),
        second=Material(
            as_vector(shade(main, lightness=step, chroma=0.9)), min(roughness + 0.1, 0.9), gloss * 0.8, metal
        ),
        accent=Material(as_vector(accent), 0.35, 0.6, 0.0),
        metal=Material(as_vector(0.6 * grey + 0.4 * accent), 0.22, 0.9, 0.9),
        soft=Material(as_vector(shade(main, lightness=-10.0 if lightness > 25 else 5.0, chroma=0.8)), 0.85, 0.12, 0.0),
    )
