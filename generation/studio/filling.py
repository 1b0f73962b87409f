"""Fills a hole with what is around it: pieces of the same picture that fit at its border and to each other.

Coarse to fine (Wexler, Shechtman and Irani 2007): on a small copy every patch over the hole is compared with all
patches of the surroundings, larger copies only move the found pieces by a pixel, and the last one takes the pieces
from the picture itself, grain and all. What still differs in light at the border is spread smoothly over the hole.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

from generation.studio import finish
from generation.studio.colours import Floats, decode, encode

Places = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.intp]

# Longest sides in pixels: where all is compared with all, and where pieces are only moved a little.
_SEARCHED, _MOVED = (32, 64), (128, 256)
_ROUNDS = 3
_REACH = 2  # pixels from the middle of a patch to its edge
# What was guessed counts less than what is known, and a piece from far away must fit better.
_GUESSED, _FAR = 0.25, 0.012
# Behind a thing that goes lies the ground, not another piece of the thing.
_THING = 0.4
# Light at the border that differs by more (parts of full scale) is another thing, and is not spread.
_MOST_SPREAD = 0.2
_FEWEST_SOURCES = 24
# Parts of full scale: modelling of the ground itself, not a thing on it.
_NEAR_GROUND, _ROUGH_GROUND = 0.08, 0.1


@dataclass(slots=True)
class _Level:
    """A copy of the surroundings: sRGB 0..1, what is known, what is to be filled, and where its pieces come from.

    `ground`: 0..1, how far each pixel belongs to what lies behind the things.
    """

    colour: Floats
    ground: Floats
    known: Places
    target: Places
    rows: Numbers
    columns: Numbers


def continue_around(linear: Floats, hole: Places, where: Places) -> Floats:
    """The picture (linear 0..1) with `where` filled; nothing is taken from the rest of `hole`."""
    window = _window(where)
    near = (np.asarray(encode(linear[window])) / 255).astype(np.float32)
    known, target = ~hole[window], where[window]
    ground, is_smooth = _ground(near, known)
    filled = linear.copy()
    level: _Level | None = None
    for side in (*_SEARCHED, *_MOVED):
        if level is not None and side > max(target.shape):
            break
        level = _shrunk(near, ground, known, target, side, level)
        if _middles(level.known).sum() < _FEWEST_SOURCES:
            filled[window] = np.where(target[..., None], fill_smoothly(linear[window], ~known), linear[window])
            return filled
        for _ in range(_ROUNDS if side in _SEARCHED else 2):
            _search(level) if side in _SEARCHED else _move(level)
            _vote(level)
    assert level is not None
    behind = known & (ground > 0.5)
    pieces, reached = _copy(near, level)
    pieces = _even_out(near, pieces, reached, behind)
    if is_smooth:
        # light comes from the ground around, and only what is finer than it from the pieces
        reach = max(4.0, max(target.shape) / 24)
        alone = fill_smoothly(pieces, ~target)
        pieces = np.clip(fill_smoothly(near, ~behind) + alone - finish.blurred(alone, reach), 0, 1)
    codes = np.rint(pieces * 255).astype(np.uint8)
    filled[window] = np.where(target[..., None], decode(codes), linear[window])
    return filled


def fill_smoothly(linear: Floats, hole: Places) -> Floats:
    """Fill a hole with light alone: averages from fine to coarse and back (push-pull, Gortler 1996)."""
    weight = (~hole).astype(np.float32)
    if not weight.any():
        return np.broadcast_to(linear.mean(axis=(0, 1)), linear.shape).astype(np.float32)
    levels: list[tuple[Floats, Floats]] = [((linear * weight[..., None]).astype(np.float32), weight)]
    while min(levels[-1][1].shape) > 2 and float(levels[-1][1].min()) < 0.05:
        colour, known = levels[-1]
        size = (max(1, known.shape[1] // 2), max(1, known.shape[0] // 2))
        smaller, share = (finish.resized(plane, *size, Image.Resampling.BOX) for plane in (colour, known))
        # a thin line of known pixels stays one: half of a cell tells as much as all of it
        gain = np.minimum(2.0, 1 / np.maximum(share, np.float32(1e-3))).astype(np.float32)
        levels.append((smaller * gain[..., None], np.minimum(1, share * gain)))
    colour, known = levels.pop()
    filled = (colour / np.maximum(known, np.float32(1e-3))[..., None]).astype(np.float32)
    while levels:
        colour, known = levels.pop()
        larger = finish.resized(filled, known.shape[1], known.shape[0], Image.Resampling.BICUBIC)
        filled = (colour + larger * (1 - known)[..., None]).astype(np.float32)
    return np.clip(filled, 0, 1).astype(np.float32)


def _window(where: Places) -> tuple[slice, slice]:
    """The region and as much again on every side."""
    rows, columns = np.flatnonzero(where.any(axis=1)), np.flatnonzero(where.any(axis=0))
    margin = max(48, int(1.1 * max(rows[-1] - rows[0], columns[-1] - columns[0])))
    return (
        slice(max(0, int(rows[0]) - margin), int(rows[-1]) + margin + 1),
        slice(max(0, int(columns[0]) - margin), int(columns[-1]) + margin + 1),
    )


def _ground(near: Floats, known: Places) -> tuple[Floats, bool]:
    """How far each pixel lies on one smooth surface, as a backdrop does, 0..1; and whether the surroundings are one.

    A quadratic surface is fitted to a small copy, and again without what lies furthest from it.
    """
    height, width = near.shape[:2]
    small_size = (min(64, width), min(64, height))
    small = finish.resized(near, *small_size, Image.Resampling.BOX).reshape(-1, 3)
    rows = _quadratic(*small_size)
    keep = sure = finish.resized(known.astype(np.float32), *small_size, Image.Resampling.BOX).ravel() > 0.999
    if sure.sum() < _FEWEST_SOURCES:
        return np.ones((height, width), np.float32), False
    for _ in range(6):
        surface = np.linalg.lstsq(rows[keep], small[keep], rcond=None)[0]
        away = np.linalg.norm(small - rows @ surface, axis=1)
        keep = sure & (away <= max(_NEAR_GROUND, float(np.quantile(away[sure], 0.7))))
    plane = (rows @ surface).reshape(small_size[1], small_size[0], 3).astype(np.float32)
    distance = np.linalg.norm(near - finish.resized(plane, width, height), axis=-1)
    if float(np.quantile(away[sure], 0.6)) > _ROUGH_GROUND:
        # a landscape is no smooth surface: where most lies far from it, it says nothing about things
        return np.ones((height, width), np.float32), False
    return np.exp(-((distance / (3.5 * _NEAR_GROUND)) ** 2)).astype(np.float32), True


def _quadratic(width: int, height: int) -> Floats:
    y, x = np.mgrid[-1 : 1 : complex(height), -1 : 1 : complex(width)].astype(np.float32)
    return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=-1).reshape(-1, 6)


def _shrunk(near: Floats, ground: Floats, known: Places, target: Places, side: int, before: _Level | None) -> _Level:
    factor = min(1.0, side / max(target.shape))
    width, height = (max(2 * _REACH + 2, round(edge * factor)) for edge in (target.shape[1], target.shape[0]))
    share = finish.resized(known.astype(np.float32), width, height, Image.Resampling.BOX)
    colour = finish.resized(near * known[..., None], width, height, Image.Resampling.BOX)
    colour = (colour / np.maximum(share, np.float32(1e-3))[..., None]).astype(np.float32)
    whole = share > 0.999
    wanted = (finish.resized(target.astype(np.float32), width, height, Image.Resampling.BOX) > 0) & ~whole
    behind = finish.resized(ground, width, height, Image.Resampling.BOX)
    shape = (height, width)
    if before is None:
        smooth = fill_smoothly(colour, ~whole | (behind < 0.5))
        start = np.where(whole[..., None], colour, smooth).astype(np.float32)
        return _Level(start, behind, whole, wanted, np.zeros(shape, np.intp), np.zeros(shape, np.intp))
    rows, columns = (_enlarged(offsets, shape) for offsets in (before.rows, before.columns))
    guess = finish.resized(before.colour, width, height)
    return _Level(np.where(whole[..., None], colour, guess).astype(np.float32), behind, whole, wanted, rows, columns)


def _enlarged(offsets: Numbers, shape: tuple[int, int]) -> Numbers:
    """Offsets for a larger copy, the nearest for each pixel, in its own pixels."""
    across = (np.arange(shape[1]) * offsets.shape[1]) // shape[1]
    down = (np.arange(shape[0]) * offsets.shape[0]) // shape[0]
    return np.rint(offsets[down[:, None], across[None, :]] * (shape[1] / offsets.shape[1])).astype(np.intp)


def _middles(known: Places) -> Places:
    """Where a whole patch around is known."""
    size = 2 * _REACH + 1
    inside = np.zeros(known.shape, bool)
    inside[_REACH:-_REACH, _REACH:-_REACH] = sliding_window_view(known, (size, size)).all(axis=(-1, -2))
    return inside


def _patches(level: _Level) -> tuple[Floats, Floats, npt.NDArray[np.intp]]:
    """Patches over the target with their weights (both n x values), and the places of their middles."""
    size = 2 * _REACH + 1
    pad = ((_REACH, _REACH), (_REACH, _REACH))
    colour = np.pad(level.colour, (*pad, (0, 0)), mode="edge")
    trust = np.pad(
        np.where(level.known, np.maximum(level.ground, 0.02), _GUESSED * level.target).astype(np.float32), pad
    )
    places = np.argwhere(level.target)
    picked = sliding_window_view(colour, (size, size), axis=(0, 1))[places[:, 0], places[:, 1]]
    weights = sliding_window_view(trust, (size, size))[places[:, 0], places[:, 1]]
    return picked.reshape(len(places), -1), np.tile(weights.reshape(len(places), -1), (1, 3)), places


def _search(level: _Level) -> None:
    """The best source of every patch over the target, out of all."""
    wanted, weights, places = _patches(level)
    sources = np.argwhere(_middles(level.known))
    size = 2 * _REACH + 1
    view = sliding_window_view(level.colour, (size, size), axis=(0, 1))
    offered = view[sources[:, 0] - _REACH, sources[:, 1] - _REACH].reshape(len(sources), -1)
    cost = weights @ (offered * offered).T - 2 * (weights * wanted) @ offered.T
    cost /= np.maximum(weights.sum(axis=1, keepdims=True) / 3, 1e-3)
    away = np.abs(places[:, None, :] - sources[None, :, :]).max(axis=-1) / max(level.target.shape)
    thing = 1 - level.ground[sources[:, 0], sources[:, 1]]
    best = (cost + np.float32(_FAR) * away.astype(np.float32) + np.float32(_THING) * thing).argmin(axis=1)
    found = sources[best] - places
    level.rows[level.target], level.columns[level.target] = found[:, 0], found[:, 1]


def _move(level: _Level) -> None:
    """Each piece by a pixel, or as its neighbour lies, where that fits better."""
    wanted, weights, places = _patches(level)
    allowed = _middles(level.known)
    size = 2 * _REACH + 1
    view = sliding_window_view(level.colour, (size, size), axis=(0, 1))
    own = np.stack([level.rows[level.target], level.columns[level.target]], axis=1)
    around = [(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1)]
    offered = [own + np.array(step) for step in around]
    for step in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        at = np.clip(places + np.array(step), 0, np.array(level.target.shape) - 1)
        beside = np.stack([level.rows[at[:, 0], at[:, 1]], level.columns[at[:, 0], at[:, 1]]], axis=1)
        offered.append(np.where(level.target[at[:, 0], at[:, 1]][:, None], beside, own))
    best, least = own.copy(), np.full(len(places), np.inf, np.float32)
    for offsets in offered:
        at = np.clip(places + offsets, _REACH, np.array(level.target.shape) - 1 - _REACH)
        patch = view[at[:, 0] - _REACH, at[:, 1] - _REACH].reshape(len(places), -1)
        cost = (weights * (patch - wanted) ** 2).sum(axis=1)
        cost[~allowed[at[:, 0], at[:, 1]]] = 1e6
        better = cost < least
        best[better], least[better] = (at - places)[better], cost[better]
    level.rows[level.target], level.columns[level.target] = best[:, 0], best[:, 1]


def _vote(level: _Level) -> None:
    """Every pixel of the target as the pieces over it agree."""
    height, width = level.target.shape
    total, count = np.zeros_like(level.colour), np.zeros((height, width), np.float32)
    places = np.argwhere(level.target)
    come_from = places + np.stack([level.rows[level.target], level.columns[level.target]], axis=1)
    for row in range(-_REACH, _REACH + 1):
        for column in range(-_REACH, _REACH + 1):
            step = np.array((row, column))
            at, source = places + step, come_from + step
            inside = (at >= 0).all(axis=1) & (at[:, 0] < height) & (at[:, 1] < width)
            inside &= (source >= 0).all(axis=1) & (source[:, 0] < height) & (source[:, 1] < width)
            at, source = at[inside], source[inside]
            # within one step every place comes once
            total[at[:, 0], at[:, 1]] += level.colour[source[:, 0], source[:, 1]]
            count[at[:, 0], at[:, 1]] += 1
    agreed = total / np.maximum(count, 1)[..., None]
    level.colour = np.where((level.target & (count > 0))[..., None], agreed, level.colour).astype(np.float32)


def _copy(near: Floats, level: _Level) -> tuple[Floats, Places]:
    """The pieces from the picture itself: between the middles of four, a mixture; and where they reach."""
    height, width = near.shape[:2]
    down, across = level.target.shape
    scale = width / across
    y, x = np.mgrid[0:height, 0:width]
    row, column = (y + 0.5) * down / height - 0.5, (x + 0.5) * across / width - 0.5
    top, left = np.floor(row).astype(np.intp), np.floor(column).astype(np.intp)
    mixed, total = np.zeros_like(near), np.zeros((height, width), np.float32)
    for step_down in (0, 1):
        for step_across in (0, 1):
            at = np.clip(top + step_down, 0, down - 1), np.clip(left + step_across, 0, across - 1)
            weight = np.abs(1 - step_down - (row - top)) * np.abs(1 - step_across - (column - left))
            weight = np.where(level.target[at], weight + 1e-4, 0).astype(np.float32)
            source_row = np.clip(y + np.rint(level.rows[at] * scale).astype(np.intp), 0, height - 1)
            source_column = np.clip(x + np.rint(level.columns[at] * scale).astype(np.intp), 0, width - 1)
            mixed += near[source_row, source_column] * weight[..., None]
            total += weight
    reached = total > 0
    return np.where(reached[..., None], mixed / np.maximum(total, 1e-6)[..., None], near).astype(np.float32), reached


def _even_out(near: Floats, pieces: Floats, reached: Places, known: Places) -> Floats:
    """Light that differs at the border of the hole is spread over it, so that it ends nowhere in a line."""
    rim = known & reached
    if not rim.any():
        return pieces
    apart = np.clip(near - pieces, -_MOST_SPREAD, _MOST_SPREAD)
    spread = fill_smoothly((apart + 0.5).astype(np.float32), ~rim) - 0.5
    return np.clip(pieces + spread, 0, 1).astype(np.float32)
