"""Stained glass: panes that follow the picture's edges, set in lead; the things are cut from glass of their own."""

import numpy as np
from PIL import Image, ImageFilter

from safelight.postcard.render.paper.canvas import Line
from safelight.postcard.render.paper.colour import Rgb, contrast, rgb, saturate
from safelight.postcard.render.paper.look import Look
from safelight.postcard.render.paper.pixels.raster import small
from safelight.postcard.render.stage import Stage
from safelight.postcard.render.techniques.medium import Medium
from safelight.postcard.render.techniques.panes import Grid, outlines, regions, smoothed

LEAD = "#17161c"
_PANE = 25.0
"""Pixels (of 232 on the shorter side) between the middles of panes."""


_BROAD = 5
"""Pixels: what is narrower than about half of that would be less glass than lead, so it is part of what lies around."""


def _vivid(c: Rgb) -> Rgb:
    return contrast(saturate(c, 1.6), 0.25)


def _leaded(stage: Stage, svg: str, width: int, height: int) -> str:
    """The drawing as panes of glass."""
    drawn = Image.fromarray(small(svg, width, height, 232, stage.pause))
    picture = np.asarray(drawn.filter(ImageFilter.MedianFilter(_BROAD))).astype(np.float64)
    unit, rng = stage.frame.width / picture.shape[1], stage.rng("lead")
    seeds, spacing = _seeds(np.asarray(drawn).astype(np.float64), rng.uniform(0, 1))
    labels = regions(picture, seeds, spacing, 34.0, pause=stage.pause)
    stage.pause()
    sizes = np.bincount(labels.ravel(), minlength=len(seeds))
    inside = np.split(picture.reshape(-1, 3)[np.argsort(labels, axis=None, kind="stable")], np.cumsum(sizes)[:-1])
    parts = []
    for label, loops in sorted(outlines(labels).items()):
        shine = rng.uniform(0.86, 1.2)
        r, g, b = np.clip(np.median(inside[label], axis=0) * shine, 0, 255).astype(int).tolist()
        d = "".join(_rounded(smoothed(loop) * unit) for loop in loops if len(loop) > 13)
        if d:
            parts.append(f'<path d="{d}" fill="#{r:02x}{g:02x}{b:02x}"/>')
    w, h = stage.frame.width, stage.frame.height
    view = f"0 0 {w:.1f} {h:.1f}"
    box = f"M0 0H{w:.0f}V{h:.0f}H0Z"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="{view}">'
        f"<defs>{_DAYLIGHT}{''.join(stage.canvas.defs)}</defs>"
        f'<g id="glass"><path d="{box}" fill="{LEAD}"/>'
        f'<g id="panes" stroke="{LEAD}" stroke-width="5" stroke-linejoin="round">{"".join(parts)}</g>'
        f'<g id="figures">{"".join(stage.figures)}</g>'
        f'<path d="{box}" fill="url(#daylight)"/>'
        f'<path d="{box}" fill="none" stroke="{LEAD}" stroke-width="30"/></g></svg>'
    )


def _rounded(points: Grid) -> str:
    """A closed path of curves through the middles between neighbours, as `canvas.smooth` has it, by the hundred."""
    after = np.roll(points, -1, axis=0)
    middles = (points + after) / 2
    curves = np.concatenate((after, np.roll(middles, -1, axis=0)), axis=1)
    numbers = np.round(np.concatenate((middles[0], curves.ravel())), 1).tolist()
    return ("M%g %g" + "Q%g %g %g %g" * len(points) + "Z") % tuple(numbers)


_DAYLIGHT = (
    '<radialGradient id="daylight" cx="0.5" cy="0.4" r="0.75">'
    '<stop offset="0" stop-color="#fff" stop-opacity="0.24"/>'
    '<stop offset="0.6" stop-color="#fff" stop-opacity="0"/>'
    '<stop offset="1" stop-color="#000" stop-opacity="0.34"/></radialGradient>'
)


def _seeds(picture: Grid, turn: float) -> tuple[Grid, Grid]:
    """Where panes start: even over the sheet, twice as dense in those parts of it that are full of edges."""
    rows, columns = picture.shape[:2]
    level = picture @ np.array([0.3, 0.55, 0.15])
    steep = np.abs(np.diff(level, axis=0, append=level[-1:])) + np.abs(np.diff(level, axis=1, append=level[:, -1:]))
    places, gaps = [], []
    down, across = max(4, round(rows / _PANE)), max(4, round(columns / _PANE))
    for j in range(down):
        for i in range(across):
            y0, y1 = rows * j // down, rows * (j + 1) // down
            x0, x1 = columns * i // across, columns * (i + 1) // across
            busy = float(steep[y0:y1, x0:x1].mean()) > 7.0
            shift = 0.25 if j % 2 else -0.25
            for k in ((-0.25, -0.25), (0.25, -0.25), (-0.25, 0.25), (0.25, 0.25)) if busy else ((shift, 0.1 * turn),):
                places.append((x0 + (0.5 + k[0]) * (x1 - x0), y0 + (0.5 + k[1]) * (y1 - y0)))
                gaps.append(_PANE * (0.55 if busy else 1.0))
    return np.array(places), np.array(gaps)


STYLE = Medium(Look(_vivid, set_aside=Line(1.7, rgb(LEAD))), maker=_leaded)
