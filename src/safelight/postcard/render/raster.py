"""From the SVG drawing to pixels."""

import io

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image

_LONGEST = 2560
"""Pixels of the longer side of a sheet that is put together anew: beyond 8 to 1 panes and strokes grow coarser."""


def rasterise(svg: str, width: int, height: int) -> NDArray[np.uint8]:
    """The drawing as an array of shape [height, width, 3], sRGB. Raises ValueError if ``svg`` is no drawing."""
    png = resvg_py.svg_to_bytes(svg_string=svg, width=width, height=height, skip_system_fonts=True)
    with Image.open(io.BytesIO(bytes(png))) as picture:
        return np.asarray(picture.convert("RGB"))


def small(svg: str, width: int, height: int, short: int) -> NDArray[np.uint8]:
    """The drawing at ``short`` pixels on its shorter side, for styles that put it together anew."""
    shrink = min(short / min(width, height), _LONGEST / max(width, height))
    return rasterise(svg, max(8, round(width * shrink)), max(8, round(height * shrink)))
