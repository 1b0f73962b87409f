"""Follows rays through a scene of signed distance solids standing in front of a studio sweep.

Sphere tracing: Hart, "Sphere tracing" (1996). Soft shadows: Quilez, "Soft shadows in raymarched SDFs" (2010, with the
2020 inner penumbra). Ambient occlusion: Evans, "Fast approximations for global illumination on dynamic scenes" (2006).
Every solid is marched alone, inside its bounding sphere and in its own frame: that is what makes numpy fast enough.
"""

from dataclasses import dataclass

import numpy as np

from generation.studio.solids import Floats, Frame, Solid, rotation_of

FAR = np.float32(1e6)
# Rays followed at once: few enough that their arrays stay in the processor's cache.
BLOCK = 32_768


@dataclass(frozen=True, slots=True)
class Camera:
    """A shift lens: `centre_x` and `centre_y` say where in the frame (shares) the target lands.

    `focal` is in frame heights; `roll` in degrees.
    """

    position: Floats
    rotation: Floats
    focal: float
    width: int
    height: int
    centre_x: float
    centre_y: float

    @staticmethod
    def aimed(
        target: tuple[float, float, float], *, distance: float, yaw: float, pitch: float, focal: float, width: int,
        height: int, centre: tuple[float, float], roll: float = 0.0,
    ) -> "Camera":  # fmt: skip
        """Look at `target` from `distance`; yaw 0 looks along +z, positive pitch looks down (degrees)."""
        rotation = rotation_of(yaw=yaw, pitch=pitch, roll=roll)
        position = np.array(target, np.float32) - rotation @ np.array([0, 0, distance], np.float32)
        return Camera(position, rotation, focal, width, height, centre[0], centre[1])

    def rays(self, columns: Floats, rows: Floats) -> Floats:
        """Unit directions (3, n) through pixel positions."""
        u = (columns - np.float32(self.centre_x * self.width)) / np.float32(self.height)
        v = (np.float32(self.centre_y * self.height) - rows) / np.float32(self.height)
        w = np.float32(self.focal)
        inverse = 1 / np.sqrt(u * u + v * v + w * w)
        return (self.rotation @ np.stack([u * inverse, v * inverse, w * inverse])).astype(np.float32)

    def project(self, point: Floats) -> tuple[float, float, float]:
        """Pixel column, row and depth of one world point (depth below zero: behind the camera)."""
        x, y, z = (float(value) for value in self.rotation.T @ (point - self.position))
        depth = max(z, 1e-3)
        column = self.centre_x * self.width + x / depth * self.focal * self.height
        row = self.centre_y * self.height - y / depth * self.focal * self.height
        return column, row, z

    def window_of(self, solid: Solid) -> tuple[int, int, int, int] | None:
        """Pixel box (left, top, right, bottom) around the solid's bounding sphere; None where it is not in sight."""
        column, row, depth = self.project(solid.world_centre)
        if depth < -solid.world_radius:
            return None
        if depth < solid.world_radius * 1.3:
            return 0, 0, self.width, self.height
        reach = (
            solid.world_radius / np.sqrt(depth * depth - solid.world_radius**2) * self.focal * self.height * 1.08 + 2
        )
        left, right = int(max(0, column - reach)), int(min(self.width, column + reach + 1))
        top, bottom = int(max(0, row - reach)), int(min(self.height, row + reach + 1))
        return (left, top, right, bottom) if left < right and top < bottom else None


def intersect(solid: Solid, origin: Floats, rays: Floats, *, steps: int = 44) -> Floats:
    """Distance along each ray (3, n) from one origin to the solid, FAR where it misses. World units."""
    scale = np.float32(solid.frame.scale)
    start = solid.frame.to_local(origin[:, None])[:, 0]
    local = (solid.frame.rotation.T @ rays).astype(np.float32)
    offset = np.array(solid.centre, np.float32) - start
    along = offset @ local
    gap = np.float32(offset @ offset) - along * along
    chord = np.float32(solid.radius * 1.02) ** 2 - gap
    found = np.full(rays.shape[1], FAR, np.float32)
    live = np.flatnonzero((chord > 0) & (along + solid.radius > 0))
    if live.size == 0:
        return found
    half = np.sqrt(chord[live])
    travelled, limit = np.maximum(along[live] - half, 0.0), along[live] + half
    rays_left = local[:, live]
    for step in range(steps):
        gap_left = solid.distance(start[:, None] + rays_left * travelled)
        travelled = travelled + gap_left
        arrived = gap_left < 0.0007
        gone = travelled > limit
        if step % 3 == 2 or step == steps - 1:
            found[live[arrived & ~gone]] = travelled[arrived & ~gone] * scale
            going = ~(arrived | gone)
            if not going.any():
                break
            live, travelled, limit, rays_left = live[going], travelled[going], limit[going], rays_left[:, going]
    return found


def normals_of(solid: Solid, points: Floats) -> Floats:
    """Unit outward normals (3, n) at world points, by the four-tap tetrahedron difference."""
    local = solid.frame.to_local(points)
    reach = np.float32(0.0012)
    total = np.zeros_like(local)
    for sign in ((1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1)):
        tap = np.array(sign, np.float32)[:, None]
        total += tap * solid.distance(local + tap * reach)
    total = solid.frame.rotation @ total
    return (total / (np.sqrt((total * total).sum(axis=0)) + np.float32(1e-9))).astype(np.float32)


def shadow(solids: list[Solid], points: Floats, light: Floats, *, softness: float, steps: int = 14) -> Floats:
    """How much of the key light reaches each point, 0..1. `softness` 0..1 is the width of the lamp."""
    reached = np.ones(points.shape[1], np.float32)
    spread = 0.03 + 0.34 * softness
    for solid in solids:
        if not solid.casts:
            continue
        offset = solid.world_centre[:, None] - points
        along = light @ offset
        aside = (offset * offset).sum(axis=0) - along * along
        reach = solid.world_radius * 1.02 + np.maximum(along, 0) * np.float32(spread)
        near = np.flatnonzero((along > -solid.world_radius) & (aside < reach * reach) & (reached > 0.02))
        if near.size:
            kept = _march_shadow(solid, points[:, near], light, along[near], spread=spread, steps=steps)
            reached[near] *= kept
    return reached


def _march_shadow(solid: Solid, points: Floats, light: Floats, along: Floats, *, spread: float, steps: int) -> Floats:
    """Penumbra of one solid over its candidate points: the narrowest cone on the way to the lamp."""
    scale = np.float32(solid.frame.scale)
    local = solid.frame.to_local(points)
    ray = (solid.frame.rotation.T @ light).astype(np.float32)[:, None]
    travelled = np.maximum((along - solid.world_radius) / scale, 0.012).astype(np.float32)
    limit = (along + solid.world_radius) / scale
    narrowest = np.ones(points.shape[1], np.float32)
    for _ in range(steps):
        gap = solid.distance(local + ray * travelled)
        narrowest = np.minimum(narrowest, gap / (np.float32(spread) * travelled))
        travelled = travelled + np.clip(gap, 0.02, 0.3)
        np.minimum(travelled, limit, out=travelled)
    narrowest = np.maximum(narrowest, -1)
    return (0.25 * (1 + narrowest) ** 2 * (2 - narrowest)).astype(np.float32)


def occlusion(solids: list[Solid], points: Floats, normals: Floats, *, reach: float = 0.42) -> Floats:
    """Ambient light left at each point, 0..1: taps along the normal that come nearer than they should."""
    hidden = np.zeros(points.shape[1], np.float32)
    for solid in solids:
        offset = points - solid.world_centre[:, None]
        # The farthest tap stands `reach` above the point and looks `reach` far from there.
        limit = solid.world_radius + 1.8 * reach
        near = np.flatnonzero((offset * offset).sum(axis=0) < limit * limit)
        if not near.size:
            continue
        local, outward = solid.frame.to_local(points[:, near]), solid.frame.rotation.T @ normals[:, near]
        scale = np.float32(solid.frame.scale)
        taken = np.zeros(near.size, np.float32)
        for share, weight in ((0.12, 1.0), (0.35, 0.7), (1.0, 0.5)):
            height = np.float32(reach * share)
            gap = solid.distance(local + outward * (height / scale)) * scale
            taken = np.maximum(taken, weight * np.clip(1 - gap / height, 0, 1))
        hidden[near] = 1 - (1 - hidden[near]) * (1 - 0.78 * taken)
    return 1 - hidden


@dataclass(slots=True)
class Hits:
    """What the camera sees of the solids. `index` -1 is backdrop; `depth` is the distance from the camera."""

    index: np.ndarray  # (height, width) int16
    depth: Floats  # (height, width)


def trace(camera: Camera, solids: list[Solid]) -> Hits:
    """The nearest solid behind every pixel centre."""
    index = np.full((camera.height, camera.width), -1, np.int16)
    depth = np.full((camera.height, camera.width), FAR, np.float32)
    for number, solid in enumerate(solids):
        window = camera.window_of(solid) if solid.seen else None
        if window is None:
            continue
        left, top, right, bottom = window
        band = max(1, BLOCK // (right - left))
        for first in range(top, bottom, band):
            last = min(bottom, first + band)
            columns, rows = np.meshgrid(
                np.arange(left, right, dtype=np.float32) + 0.5, np.arange(first, last, dtype=np.float32) + 0.5
            )
            found = intersect(solid, camera.position, camera.rays(columns.ravel(), rows.ravel())).reshape(columns.shape)
            nearer = found < depth[first:last, left:right]
            depth[first:last, left:right][nearer] = found[nearer]
            index[first:last, left:right][nearer] = number
    return Hits(index, depth)


# Rotated grid: four positions that share neither row nor column, the cheapest good antialiasing pattern.
GRID = ((-0.125, -0.375), (0.375, -0.125), (0.125, 0.375), (-0.375, 0.125))


def soften_edges(camera: Camera, solids: list[Solid], hits: Hits, picture: Floats) -> None:
    """Antialias silhouettes in place: four more rays through edge pixels, coloured from the neighbour they belong to.

    `picture` is (height, width, 3). Only coverage is traced again, never the shading.
    """
    index = hits.index
    edge = np.zeros(index.shape, bool)
    across, down = index[:, 1:] != index[:, :-1], index[1:] != index[:-1]
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge[1:] |= down
    edge[:-1] |= down
    rows, columns = np.nonzero(edge)
    if not rows.size:
        return
    source, blended = picture.copy(), np.zeros((rows.size, 3), np.float32)
    for dx, dy in GRID:
        owner = _owner_of(camera, solids, columns + np.float32(0.5 + dx), rows + np.float32(0.5 + dy))
        beside = np.clip(columns + (1 if dx > 0 else -1), 0, camera.width - 1)
        above = np.clip(rows + (1 if dy > 0 else -1), 0, camera.height - 1)
        row, column = rows.copy(), columns.copy()
        settled = index[rows, columns] == owner
        for r, c in (
            (rows, beside),
            (above, columns),
            (above, beside),
            (2 * rows - above, columns),
            (rows, 2 * columns - beside),
        ):
            r, c = np.clip(r, 0, camera.height - 1), np.clip(c, 0, camera.width - 1)
            take = ~settled & (index[r, c] == owner)
            row[take], column[take] = r[take], c[take]
            settled |= take
        blended += source[row, column]
    picture[rows, columns] = blended / len(GRID)


def _owner_of(camera: Camera, solids: list[Solid], columns: Floats, rows: Floats) -> np.ndarray:
    rays = camera.rays(columns.astype(np.float32), rows.astype(np.float32))
    nearest = np.full(columns.shape[0], FAR, np.float32)
    owner = np.full(columns.shape[0], -1, np.int16)
    for number, solid in enumerate(solids):
        window = camera.window_of(solid) if solid.seen else None
        if window is None:
            continue
        left, top, right, bottom = window
        inside = np.flatnonzero((columns >= left) & (columns < right) & (rows >= top) & (rows < bottom))
        if inside.size:
            found = intersect(solid, camera.position, rays[:, inside])
            closer = found < nearest[inside]
            owner[inside[closer]] = number
            nearest[inside[closer]] = found[closer]
    return owner


__all__ = ["FAR", "Camera", "Frame", "Hits", "intersect", "normals_of", "occlusion", "shadow", "soften_edges", "trace"]
