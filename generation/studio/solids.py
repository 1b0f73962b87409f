"""Signed distance solids: the clay an art director blocks a shot with.

Points are float32 arrays of shape (3, n) in the local frame of a solid; distances have shape (n,).
Formulas: Inigo Quilez, "Distance functions" (iquilezles.org/articles/distfunctions).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Vector = tuple[float, float, float]
Distance = Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True)
class Material:
    """How a surface answers light. `colour` in linear light; `roughness` 0 mirror to 1 chalk; `metal` and `gloss` 0..1.

    `glow` adds light of its own (a screen, a lamp shade); `translucency` lets the light from behind through.
    """

    colour: Vector
    roughness: float = 0.55
    gloss: float = 0.35
    metal: float = 0.0
    glow: float = 0.0
    translucency: float = 0.0


@dataclass(frozen=True, slots=True)
class Frame:
    """A local frame: world = origin + scale * rotation @ local."""

    origin: Floats
    rotation: Floats
    scale: float = 1.0

    @staticmethod
    def at(
        x: float = 0.0, y: float = 0.0, z: float = 0.0, *, yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0,
        scale: float = 1.0,
    ) -> "Frame":  # fmt: skip
        """Position in scene units and angles in degrees: yaw about y, then pitch about x, then roll about z."""
        return Frame(np.array([x, y, z], np.float32), rotation_of(yaw=yaw, pitch=pitch, roll=roll), scale)

    def inside(self, child: "Frame") -> "Frame":
        """The child's frame, given in this one."""
        return Frame(
            self.origin + self.scale * (self.rotation @ child.origin),
            (self.rotation @ child.rotation).astype(np.float32),
            self.scale * child.scale,
        )

    def to_local(self, points: Floats) -> Floats:
        """World points (3, n) to local."""
        return (self.rotation.T @ (points - self.origin[:, None]) / np.float32(self.scale)).astype(np.float32)

    def to_world(self, point: Vector) -> Floats:
        """One local point to world, shape (3,)."""
        return self.origin + self.scale * (self.rotation @ np.array(point, np.float32))


def rotation_of(*, yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> Floats:
    """Rotation matrix from degrees, applied roll first, then pitch, then yaw."""
    cy, sy = np.cos(np.radians(yaw)), np.sin(np.radians(yaw))
    cp, sp = np.cos(np.radians(pitch)), np.sin(np.radians(pitch))
    cr, sr = np.cos(np.radians(roll)), np.sin(np.radians(roll))
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return (about_y @ about_x @ about_z).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Solid:
    """One closed shape with its material. `centre` and `radius`: a bounding sphere in the local frame."""

    distance: Distance
    centre: Vector
    radius: float
    material: Material
    frame: Frame = field(default_factory=Frame.at)
    casts: bool = True  # whether it throws shadows (a glass shade hardly does)
    seen: bool = True  # False: a stand-in that only throws shadows (a placed photograph)

    def moved(self, frame: Frame) -> "Solid":
        """The same solid carried by an outer frame."""
        return Solid(
            self.distance, self.centre, self.radius, self.material, frame.inside(self.frame), self.casts, self.seen
        )

    @property
    def world_centre(self) -> Floats:
        """Centre of the bounding sphere in the scene."""
        return self.frame.to_world(self.centre)

    @property
    def world_radius(self) -> float:
        """Radius of the bounding sphere in the scene."""
        return self.radius * self.frame.scale


def sphere(radius: float, at: Vector = (0, 0, 0)) -> Distance:
    """A ball."""

    def measure(p: Floats) -> Floats:
        x, y, z = p[0] - at[0], p[1] - at[1], p[2] - at[2]
        return np.sqrt(x * x + y * y + z * z) - np.float32(radius)

    return measure


def ellipsoid(radii: Vector, at: Vector = (0, 0, 0)) -> Distance:
    """An ellipsoid; a bound of the distance, good enough to march."""
    a, b, c = radii

    def measure(p: Floats) -> Floats:
        x, y, z = (p[0] - at[0]) / a, (p[1] - at[1]) / b, (p[2] - at[2]) / c
        near = np.sqrt(x * x + y * y + z * z)
        x, y, z = x / a, y / b, z / c
        slope = np.sqrt(x * x + y * y + z * z) + np.float32(1e-6)
        return near * (near - 1) / slope

    return measure


def rounded_box(half: Vector, radius: float, at: Vector = (0, 0, 0)) -> Distance:
    """A box of the given half sizes with edges rounded by `radius` (inside the half sizes)."""
    hx, hy, hz = (max(size - radius, 1e-4) for size in half)

    def measure(p: Floats) -> Floats:
        x, y, z = np.abs(p[0] - at[0]) - hx, np.abs(p[1] - at[1]) - hy, np.abs(p[2] - at[2]) - hz
        outside = np.sqrt(np.maximum(x, 0) ** 2 + np.maximum(y, 0) ** 2 + np.maximum(z, 0) ** 2)
        return outside + np.minimum(np.maximum(np.maximum(x, y), z), 0) - np.float32(radius)

    return measure


def cylinder(radius: float, half: float, rounding: float = 0.02, at: Vector = (0, 0, 0), axis: int = 1) -> Distance:
    """A rounded cylinder along `axis` (0 x, 1 y, 2 z) of half height `half`."""
    first, second = [index for index in range(3) if index != axis]
    inner, inner_half = radius - rounding, half - rounding

    def measure(p: Floats) -> Floats:
        u, v, w = p[first] - at[first], p[second] - at[second], p[axis] - at[axis]
        across = np.sqrt(u * u + v * v) - np.float32(inner)
        along = np.abs(w) - np.float32(inner_half)
        outside = np.sqrt(np.maximum(across, 0) ** 2 + np.maximum(along, 0) ** 2)
        return outside + np.minimum(np.maximum(across, along), 0) - np.float32(rounding)

    return measure


def capped_cone(low: float, high: float, half: float, rounding: float = 0.02, at: Vector = (0, 0, 0)) -> Distance:
    """A frustum along y: radius `low` at the foot, `high` at the top; the distance is a bound (slope corrected)."""
    slope = (high - low) / (2 * half)
    correction = np.float32(1 / np.sqrt(1 + slope * slope))

    def measure(p: Floats) -> Floats:
        x, y, z = p[0] - at[0], p[1] - at[1], p[2] - at[2]
        across = (np.sqrt(x * x + z * z) - (low + (y + half) * slope)) * correction + rounding
        along = np.abs(y) - np.float32(half) + rounding
        outside = np.sqrt(np.maximum(across, 0) ** 2 + np.maximum(along, 0) ** 2)
        return outside + np.minimum(np.maximum(across, along), 0) - np.float32(rounding)

    return measure


def tapered_slab(
    outline: tuple[tuple[float, float], ...], half: float, rounding: float, *, narrowing: float
) -> Distance:
    """A closed outline in x and y, extruded to `half` along z with round edges; `narrowing` thins it with height.

    Exact polygon distance after Quilez; shrunk a little because the taper bends space.
    """
    corners = [(float(x), float(y)) for x, y in outline]

    def measure(p: Floats) -> Floats:
        x, y = p[0], p[1]
        nearest = np.full_like(x, 1e6)
        inside = np.zeros(x.shape, bool)
        for (ax, ay), (bx, by) in zip(corners, [corners[-1], *corners[:-1]], strict=True):
            ex, ey = bx - ax, by - ay
            wx, wy = x - ax, y - ay
            along = np.clip((wx * ex + wy * ey) / (ex * ex + ey * ey), 0, 1)
            dx, dy = wx - ex * along, wy - ey * along
            np.minimum(nearest, dx * dx + dy * dy, out=nearest)
            crosses = (ay > y) != (by > y)
            if ey:
                inside ^= crosses & (x < ax + ex * (y - ay) / ey)
        flat = np.where(inside, -1, 1) * np.sqrt(nearest) + rounding
        thick = np.abs(p[2]) * (1 + narrowing * np.clip(y, 0, 1)) - (half - rounding)
        outside = np.sqrt(np.maximum(flat, 0) ** 2 + np.maximum(thick, 0) ** 2)
        return ((outside + np.minimum(np.maximum(flat, thick), 0) - rounding) * np.float32(0.85)).astype(np.float32)

    return measure


def torus(ring: float, tube: float, at: Vector = (0, 0, 0), axis: int = 1) -> Distance:
    """A ring of radius `ring` and thickness `tube` around `axis`."""
    first, second = [index for index in range(3) if index != axis]

    def measure(p: Floats) -> Floats:
        u, v, w = p[first] - at[first], p[second] - at[second], p[axis] - at[axis]
        across = np.sqrt(u * u + v * v) - np.float32(ring)
        return np.sqrt(across * across + w * w) - np.float32(tube)

    return measure


def capsule(start: Vector, end: Vector, radius: float, end_radius: float | None = None) -> Distance:
    """A rod between two points, thickness running from `radius` to `end_radius`."""
    sx, sy, sz = start
    dx, dy, dz = end[0] - sx, end[1] - sy, end[2] - sz
    length = dx * dx + dy * dy + dz * dz
    change = (radius if end_radius is None else end_radius) - radius

    def measure(p: Floats) -> Floats:
        x, y, z = p[0] - sx, p[1] - sy, p[2] - sz
        along = np.clip((x * dx + y * dy + z * dz) / np.float32(length), 0, 1)
        x, y, z = x - along * dx, y - along * dy, z - along * dz
        return np.sqrt(x * x + y * y + z * z) - (np.float32(radius) + along * np.float32(change))

    return measure


def arc_band(ring: float, width: float, thickness: float, rounding: float) -> Distance:
    """The upper half of a flat ring around z (a headband): `width` along z, `thickness` along the radius, halves."""

    def measure(p: Floats) -> Floats:
        x, y, z = p
        above = np.sqrt(x * x + np.maximum(y, 0) ** 2) - np.float32(ring)
        across = np.abs(above) - np.float32(thickness - rounding)
        along = np.abs(z) - np.float32(width - rounding)
        below = np.maximum(-y - 0.12, 0)
        outside = np.sqrt(np.maximum(across, 0) ** 2 + np.maximum(along, 0) ** 2 + below * below)
        return outside + np.minimum(np.maximum(across, along), 0) - np.float32(rounding)

    return measure


def melt(first: Distance, second: Distance, softness: float) -> Distance:
    """Union with a fillet (polynomial smooth minimum)."""

    def measure(p: Floats) -> Floats:
        a, b = first(p), second(p)
        blend = np.maximum(np.float32(softness) - np.abs(a - b), 0) / np.float32(softness)
        return np.minimum(a, b) - blend * blend * np.float32(softness * 0.25)

    return measure


def carve(first: Distance, second: Distance, softness: float = 0.01) -> Distance:
    """The first without the second, with a rounded rim."""

    def measure(p: Floats) -> Floats:
        a, b = first(p), -second(p)
        blend = np.maximum(np.float32(softness) - np.abs(a - b), 0) / np.float32(softness)
        return np.maximum(a, b) + blend * blend * np.float32(softness * 0.25)

    return measure


def together(*parts: Distance) -> Distance:
    """Plain union."""

    def measure(p: Floats) -> Floats:
        nearest = parts[0](p)
        for part in parts[1:]:
            np.minimum(nearest, part(p), out=nearest)
        return nearest

    return measure
