"""The glow around lines of light: what is bright and thin in a picture shines on what lies around it.

In the drawing each such line has a wide faint stroke below it, which a browser shows. To draw those took half of the
time of a picture in neon, since strokes are walked edge by edge. So they are taken off, and the glow is made of the
pixels: what is brighter than its surroundings, blurred, and added as light is.
"""

import re

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter

_GLOW = re.compile(r'<path class="glow"[^>]*/>')
_THIN = 9.0
"""User units around a place whose mean is what it must be brighter than."""
_NEAR, _FAR = 4.5, 16.0
"""User units over which the glow fades: most of it, and the rest."""
_SHARES = [min(255, max(0, level - 10) * 4) for level in range(256)]
"""How much of its light a place gives off, of 255, by how much brighter it is than its surroundings."""


def taken_off(svg: str) -> tuple[str, bool]:
    """The drawing without the strokes of glows, and whether there were any."""
    rest, count = _GLOW.subn("", svg)
    return rest, count > 0


def shining(picture: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    """Pixels [height, width, 3] with the glow. ``scale`` is pixels a user unit."""
    image = Image.fromarray(picture)
    half = image.reduce(2)
    above = ImageChops.subtract(half, half.filter(ImageFilter.BoxBlur(_THIN * scale / 2)))
    red, green, blue = above.split()
    share = ImageChops.lighter(ImageChops.lighter(red, green), blue).point(_SHARES)
    light = ImageChops.multiply(half, Image.merge("RGB", (share, share, share))).reduce(2)
    near, far = (_blurred(light, reach * scale / 4) for reach in (_NEAR, _FAR))
    glow = ImageChops.add(near, far)
    return np.array(ImageChops.screen(image, glow.resize(image.size, Image.Resampling.BILINEAR)))


def _blurred(light: Image.Image, reach: float) -> Image.Image:
    """Twice a box: a pyramid that ends at ``reach`` pixels."""
    box = ImageFilter.BoxBlur(reach / 2)
    return light.filter(box).filter(box)
