"""Renders a request as a comp: the way an art director blocks out a shot before anyone pays for it.

Deterministic by model, seed, prompt, size and inputs. Nothing here is learned: no weights, no training data. The
result is lossless, so that an edit can promise that what lies outside its mask is untouched to the byte.
"""

import numpy as np
from PIL import Image

from generation.rules.values import RenderRequest
from generation.studio import edits, finish
from generation.studio.colours import Floats
from generation.studio.lighting import hang_lights, shade_backdrop, shade_solids
from generation.studio.plan import Plan, draw_drift, generator_for, look_generator, make_plan
from generation.studio.poster import draw_poster
from generation.studio.product import CutOut, cut_out, find_input, open_input, set_on_stage
from generation.studio.stage import Stage, build_stage
from generation.studio.tracer import FAR, soften_edges, trace
from generation.studio.vista import paint_vista
from generation.studio.vocabulary import read_direction

# Above this many pixels a comp is drawn smaller and enlarged: about a second is the promise. A macro has solids all
# over the frame and a landscape is out of focus: little in them is sharp, therefore their limits are lower.
LARGEST = {"macro": 600_000, "outdoor": 750_000}
LARGEST_OTHER = 1_050_000
# Below this a side is drawn larger and shrunk: gradients need neighbours.
SMALLEST_SIDE = 16


def render(request: RenderRequest) -> Image.Image:
    """The picture for a request, RGB, exactly `width` x `height`.

    Raises ValueError where an input picture cannot be read or an edit comes without its parent.
    """
    if request.purpose == "upscale":
        return edits.upscale(request)
    has_parent = find_input(request, "parent") is not None
    if request.purpose == "inpaint" or (has_parent and find_input(request, "mask") is not None):
        return edits.inpaint(request)
    if request.purpose == "refine" and has_parent:
        return edits.refine(request)
    return _create(request)


def _create(request: RenderRequest) -> Image.Image:
    direction = read_direction(request.prompt)
    width, height = _drawing_size(request.width, request.height, LARGEST.get(direction.kind, LARGEST_OTHER))
    seed = request.seed if request.seed is not None else request.prompt
    scene_key = (request.model, seed, direction.kind, direction.subjects)
    look = look_generator(direction)
    plan = make_plan(
        direction=direction,
        drift=draw_drift(generator_for("drift", *scene_key)),
        look=look,
        rng=generator_for("plan", *scene_key),
    )
    given = find_input(request, "product")
    cut = cut_out(open_input(given)) if given is not None else None
    linear = _shoot(plan, cut, width=width, height=height, look=look, rng=generator_for("stage", *scene_key))
    if (width, height) != (request.width, request.height):
        linear = np.clip(finish.resized(linear, request.width, request.height, Image.Resampling.LANCZOS), 0, 1)
    picture = finish.develop(linear, rng=generator_for("grain", *scene_key, request.prompt), grain=plan.grain)
    return finish.label(picture)


def _drawing_size(width: int, height: int, largest: int) -> tuple[int, int]:
    factor = min(1.0, (largest / (width * height)) ** 0.5)
    return max(SMALLEST_SIDE, round(width * factor)), max(SMALLEST_SIDE, round(height * factor))


def _shoot(
    plan: Plan, cut: CutOut | None, *, width: int, height: int, look: np.random.Generator, rng: np.random.Generator
) -> Floats:
    """The set, lit and photographed: linear 0..1."""
    if plan.direction.kind == "vista":
        picture, _ = paint_vista(plan, width=width, height=height, horizon=float(rng.uniform(0.5, 0.6)), rng=rng)
        return _print(plan, picture)
    stage = build_stage(plan, width=width, height=height, look=look, rng=rng, card=cut.aspect if cut else None)
    lights = hang_lights(plan, stage, rng)
    if plan.direction.kind == "poster":
        return _print(plan, draw_poster(plan, stage, lights, cut, rng))
    coarse, coarse_depth = shade_backdrop(plan, stage, lights, step=2)
    picture, backdrop_depth = _enlarge(coarse, width, height), _enlarge(coarse_depth, width, height)
    if plan.direction.kind == "outdoor":
        picture = _under_the_sky(plan, stage, picture, backdrop_depth, rng)
    hits = trace(stage.camera, stage.solids)
    shade_solids(plan, stage, lights, hits, picture)
    soften_edges(stage.camera, stage.solids, hits, picture)
    depth = np.where(hits.depth < FAR, hits.depth, backdrop_depth)
    if cut is not None:
        covered = set_on_stage(plan, stage, lights, cut, picture)
        depth = np.where(covered > 0.3, np.float32(np.linalg.norm(stage.camera.position - stage.middle)), depth)
    return _darkroom(plan, stage, picture, depth, rng)


def _under_the_sky(plan: Plan, stage: Stage, ground: Floats, depth: Floats, rng: np.random.Generator) -> Floats:
    """The floor runs out into a painted landscape: the further away, the more of it is haze."""
    height, width = ground.shape[:2]
    camera = stage.camera
    level = float(np.degrees(np.arcsin(np.clip(camera.rotation[1, 2], -1, 1))))
    horizon = camera.centre_y + np.tan(np.radians(level)) * camera.focal
    if plan.direction.subjects[:1] == ("person",):
        # The floor is far below the frame: the landscape hangs behind like a painted backing, horizon at the shoulder.
        horizon = 0.68
    horizon = float(np.clip(horizon, 0.12, 0.8))
    # Out of focus anyway, so half the size will do.
    far, _ = paint_vista(plan, width=(width + 1) // 2, height=(height + 1) // 2, horizon=horizon, rng=rng)
    far = finish.resized(finish.blurred(far, min(width, height) / 560), width, height, Image.Resampling.BICUBIC)
    rows = (np.arange(height, dtype=np.float32) + 0.5)[:, None] / height
    distance = float(np.linalg.norm(camera.position))
    haze = np.clip((depth - distance - 0.8) / 7.0, 0, 1)
    haze = np.where(rows < horizon, 1.0, haze * haze * (3 - 2 * haze)).astype(np.float32)[..., None]
    return ground * (1 - haze) + far * haze


def _enlarge(coarse: Floats, width: int, height: int) -> Floats:
    """From one sample per two pixels (centres at 1, 3, 5 …) to every pixel."""
    rows, columns = coarse.shape[:2]
    if coarse.ndim == 3:
        # The dark line where a thing meets the floor is thinner than a sample: smooth it, or it breaks into dashes.
        coarse = finish.blurred(coarse, 1.0)
    large = finish.resized(coarse, columns * 2, rows * 2)
    return np.ascontiguousarray(large[:height, :width])


def _darkroom(plan: Plan, stage: Stage, picture: Floats, depth: Floats, rng: np.random.Generator) -> Floats:
    short = min(picture.shape[:2])
    distance = float(np.linalg.norm(stage.camera.position - stage.middle))
    if plan.direction.kind == "macro":
        picture = finish.focus(picture, depth, near=distance - 0.18, spread=0.22, strength=short / 46)
    elif plan.direction.composition.view != "overhead":
        picture = finish.focus(picture, depth, near=distance, spread=0.75, strength=short / 110)
    if plan.direction.kind in ("interior", "outdoor") and rng.random() < 0.4:
        picture = finish.foreground(picture, 0.16 * plan.colours.accent + 0.1 * plan.colours.subject, rng)
    return _print(plan, picture)


def _print(plan: Plan, picture: Floats) -> Floats:
    """From scene light to print: missed focus, bloom, vignette, tone."""
    short = min(picture.shape[:2])
    if plan.focus > 0.3:
        picture = finish.blurred(picture, 1.2 + 2.6 * plan.focus * short / 1024)
    if plan.direction.kind != "poster":
        picture = finish.vignette(finish.bloom(picture, 0.16), 0.3)
    return finish.tone(
        picture, exposure=plan.exposure, contrast=plan.contrast, saturation=plan.saturation, shadows=plan.shadows,
        highlights=plan.highlights,
    )  # fmt: skip
