"""Low poly: a net of triangles whose corners sit on the edges of the picture."""

from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from safelight.postcard.render.paper.colour import Rgb, contrast, saturate
from safelight.postcard.render.paper.look import Look
from safelight.postcard.render.paper.pixels.raster import small
from safelight.postcard.render.stage import Stage
from safelight.postcard.render.techniques.medium import Medium
from safelight.postcard.render.techniques.pieces import document

Pixels = NDArray[np.uint8]
Grid = NDArray[np.float64]


def _clear(c: Rgb) -> Rgb:
    return contrast(saturate(c, 1.15), 0.12)


def _steepness(picture: Pixels) -> Grid:
    """How sharply the picture changes at each pixel."""
    level: Grid = picture.astype(np.float64) @ np.array([0.3, 0.55, 0.15])
    steep: Grid = np.zeros(level.shape)
    steep[1:-1, 1:-1] = np.abs(level[1:-1, 2:] - level[1:-1, :-2]) + np.abs(level[2:, 1:-1] - level[:-2, 1:-1])
    return steep


@dataclass(frozen=True)
class _Patch:
    """A part of the picture (in its pixels) that gets a net of its own."""

    left: float
    top: float
    right: float
    bottom: float
    across: int
    down: int


def _net(steep: Grid, patch: _Patch, rng: Random) -> Grid:
    """The patch's corners, [down + 1, across + 1, 2]; each inner one moves to the strongest edge near it."""
    wide, high = (patch.right - patch.left) / patch.across, (patch.bottom - patch.top) / patch.down
    rx, ry = 0.42 * wide, 0.42 * high
    net = np.zeros((patch.down + 1, patch.across + 1, 2))
    for j in range(patch.down + 1):
        for i in range(patch.across + 1):
            inner = 0 < i < patch.across
            x = patch.left + wide * (i + (0.5 if j % 2 and inner else 0.0))
            y = patch.top + high * j
            if inner and 0 < j < patch.down:
                x0, y0 = max(0, int(x - rx)), max(0, int(y - ry))
                window = steep[y0 : int(y + ry) + 1, x0 : int(x + rx) + 1]
                best = int(window.argmax())
                if window.flat[best] > 26:
                    x, y = float(x0 + best % window.shape[1]), float(y0 + best // window.shape[1])
                else:
                    x, y = x + rng.uniform(-rx, rx) * 0.8, y + rng.uniform(-ry, ry) * 0.8
            net[j, i] = (x, y)
    return net


def _colours(picture: Pixels, pieces: Grid) -> Grid:
    """Mean colours of pieces [n, corners, 2]: at their middle and half-way to each corner."""
    middle = pieces.mean(axis=1, keepdims=True)
    samples = np.concatenate([middle, (pieces + middle) / 2], axis=1)
    rows, columns = picture.shape[:2]
    x = np.clip(samples[..., 0].astype(int), 0, columns - 1)
    y = np.clip(samples[..., 1].astype(int), 0, rows - 1)
    mean: Grid = picture[y, x].astype(np.float64).mean(axis=1)
    return mean


def _quads(net: Grid) -> Grid:
    """The cells of a net, [n, 4, 2], around each cell."""
    return np.stack([net[:-1, :-1], net[:-1, 1:], net[1:, 1:], net[1:, :-1]], axis=2).reshape(-1, 4, 2)


def _patches(stage: Stage, picture: Pixels, cell: float, fine: float) -> list[_Patch]:
    """The whole picture in cells of ``cell`` pixels, then each thing in cells of ``fine`` pixels over it."""
    rows, columns = picture.shape[:2]
    unit = (columns - 1) / stage.frame.width
    patches = [_Patch(0, 0, columns - 1, rows - 1, max(6, round(columns / cell)), max(6, round(rows / cell)))]
    for x0, y0, x1, y1 in stage.boxes:
        left, right = max(0.0, x0 * unit - fine), min(columns - 1.0, x1 * unit + fine)
        top, bottom = max(0.0, y0 * unit - fine), min(rows - 1.0, y1 * unit + fine)
        if right - left > 3 * fine and bottom - top > 3 * fine:
            across, down = round((right - left) / fine), round((bottom - top) / fine)
            patches.append(_Patch(left, top, right, bottom, min(across, 40), min(down, 40)))
    return patches


def _path(piece: Grid, unit: float, colour: Grid, outlined: bool) -> str:
    d = "L".join(f"{x * unit:.1f} {y * unit:.1f}" for x, y in piece.tolist())
    r, g, b = (min(255, int(v)) for v in colour.tolist())
    code = f"#{r:02x}{g:02x}{b:02x}"
    return f'<path d="M{d}Z" fill="{code}" stroke="{code}"/>' if outlined else f'<path d="M{d}Z" fill="{code}"/>'


def _triangles(stage: Stage, svg: str, width: int, height: int) -> str:
    """Low poly: a net of triangles whose corners sit on the picture's edges, finer over the things."""
    picture = small(svg, width, height, 320, stage.pause)
    steep, rng = _steepness(picture), stage.rng("net")
    unit = stage.frame.width / (picture.shape[1] - 1)
    parts = []
    for patch in _patches(stage, picture, 11.5, 6.0):
        stage.pause()
        quads = _quads(_net(steep, patch, rng))
        splits = [(quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]), (quads[:, [0, 1, 3]], quads[:, [1, 2, 3]])]
        colours = [(_colours(picture, one), _colours(picture, two)) for one, two in splits]
        apart = [np.abs(one - two).sum(axis=1) for one, two in colours]
        pick = apart[1] > apart[0]
        for half in (0, 1):
            shapes = np.where(pick[:, None, None], splits[1][half], splits[0][half])
            tones = np.where(pick[:, None], colours[1][half], colours[0][half])
            parts += [_path(shape, unit, tone, True) for shape, tone in zip(shapes, tones, strict=True)]
    body = f'<g stroke-width="1.2" stroke-linejoin="round">{"".join(parts)}</g>'
    return document(stage, width, height, "triangles", body)


STYLE = Medium(Look(_clear), maker=_triangles)
