"""The glow around lines of light: what is bright and thin in a picture shines on what lies around it.

In the drawing it is a filter over all of it, which a browser applies. Our rasteriser takes the filter off and does the
same to the pixels, in a tenth of the time: what is brighter than its surroundings, blurred, and added as light is.
"""

import re

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter

_THIN = 9.0
"""User units around a place whose mean is what it must be brighter than."""
_NEAR, _FAR = 4.5, 16.0
"""User units over which the glow fades: most of it, and the rest."""
_SHARES = [min(255, max(0, level - 10) * 4) for level in range(256)]
"""How much of its light a place gives off, of 255, by how much brighter it is than its surroundings."""


_FILTER = (
    # The drawing less its surroundings. A blur's colours, without its opacity, end at the edge as those of pixels do.
    '<feGaussianBlur stdDeviation="5.2" result="around"/><feComponentTransfer result="lack">'
    '<feFuncR type="linear" slope="-1" intercept="1"/><feFuncG type="linear" slope="-1" intercept="1"/>'
    '<feFuncB type="linear" slope="-1" intercept="1"/><feFuncA type="linear" slope="0" intercept="1"/>'
    '</feComponentTransfer><feComposite in="SourceGraphic" in2="lack" operator="arithmetic" k2="1" k3="1" k4="-1"'
    ' result="above"/>'
    # How much of its light a place gives off: by the channel that stands out most.
    '<feColorMatrix in="above" values="1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 0 0 0 1 0" result="red"/>'
    '<feColorMatrix in="above" values="0 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 0 0 1 0" result="green"/>'
    '<feColorMatrix in="above" values="0 0 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 0 1 0"/>'
    '<feBlend in2="green" mode="lighten"/><feBlend in2="red" mode="lighten"/><feComponentTransfer>'
    '<feFuncR type="linear" slope="4" intercept="-0.157"/><feFuncG type="linear" slope="4" intercept="-0.157"/>'
    '<feFuncB type="linear" slope="4" intercept="-0.157"/></feComponentTransfer>'
    '<feComposite in2="SourceGraphic" operator="arithmetic" k1="1" result="light"/>'
    # Near and far, screened over the drawing.
    '<feGaussianBlur stdDeviation="3.2" result="near"/><feGaussianBlur in="light" stdDeviation="12"/>'
    '<feComposite in2="near" operator="arithmetic" k2="1" k3="1"/><feBlend in2="SourceGraphic" mode="screen"/>'
)
_HEAD = re.compile(r'<svg\b[^>]*viewBox="0 0 ([\d.]+) ([\d.]+)"[^>]*>(?:<defs>)?')
_LIT = '<g id="light" filter="url(#bloom)">'
_FILTERED = re.compile(r'<filter id="bloom".*?</filter>')


def put_on(svg: str) -> str:
    """A canvas's drawing with the glow around its lines of light."""
    head = _HEAD.match(svg)
    if head is None:
        raise ValueError("this is no drawing of a canvas")
    place = f'filterUnits="userSpaceOnUse" x="0" y="0" width="{head[1]}" height="{head[2]}"'
    bloom = f'<filter id="bloom" {place} color-interpolation-filters="sRGB">{_FILTER}</filter>'
    body = svg.index("</defs>") + len("</defs>")
    defs = svg[head.end() : body]
    return f"{head[0]}{bloom}{defs}{_LIT}{svg[body : svg.rindex('</svg>')]}</g></svg>"


def taken_off(svg: str) -> tuple[str, bool]:
    """The drawing without its glow, and whether it had one."""
    if _LIT not in svg:
        return svg, False
    without = _FILTERED.sub("", svg, count=1).replace(_LIT, "", 1)
    return without.removesuffix("</g></svg>") + "</svg>", True


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
