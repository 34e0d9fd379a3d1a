"""Pixel art: few pixels, few colours."""

import itertools

import numpy as np
from PIL import Image

from safelight.postcard.render.paper.colour import Rgb, contrast, saturate
from safelight.postcard.render.paper.look import Look
from safelight.postcard.render.paper.pixels.raster import small
from safelight.postcard.render.stage import Stage
from safelight.postcard.render.techniques.medium import Medium
from safelight.postcard.render.techniques.pieces import document


def _strong(c: Rgb) -> Rgb:
    return contrast(saturate(c, 1.2), 0.15)


def _pixels(stage: Stage, svg: str, width: int, height: int) -> str:
    """Pixel art: 128 pixels on the shorter side, 44 colours, one path a colour."""
    large = small(svg, width, height, 256, stage.pause)
    stage.pause()
    even = large[: large.shape[0] // 2 * 2, : large.shape[1] // 2 * 2]
    half = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2, 3).mean(axis=(1, 3)).astype(np.uint8)
    image = Image.fromarray(half).quantize(44, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    palette, index = image.getpalette() or [], np.asarray(image)
    rows, columns = index.shape
    runs: dict[int, list[str]] = {}
    for y in range(rows):
        line = index[y]
        starts = [0, *(np.flatnonzero(line[1:] != line[:-1]) + 1).tolist(), columns]
        for a, b in itertools.pairwise(starts):
            runs.setdefault(int(line[a]), []).append(f"M{a} {y}v1h{b - a}v-1Z")
    body = "".join(
        f'<path d="{"".join(parts)}" fill="#{palette[3 * k]:02x}{palette[3 * k + 1]:02x}{palette[3 * k + 2]:02x}"/>'
        for k, parts in sorted(runs.items())
    )
    scale = f"scale({stage.frame.width / columns:.5f} {stage.frame.height / rows:.5f})"
    return document(stage, width, height, "pixels", f'<g transform="{scale}" shape-rendering="crispEdges">{body}</g>')


STYLE = Medium(Look(_strong), maker=_pixels)
