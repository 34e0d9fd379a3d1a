"""The renderer: a scene and a size become an SVG drawing, and the drawing becomes pixels.

Read `compose` first: it calls all else. Then the rooms, from the ground up: `paper` (colours, shapes, SVG, pixels),
`light`, `stage` (what every drawer is given), `air`, `ground`, `land`, `water`, `plants`, `built` and `figures`, each
with one theme a file, and `styles` on `techniques`. `layers` and `figures.drawings` say which code draws what,
`placing` where a thing stands. Rooms import those below them only; the contract in pyproject.toml says in which order.
"""

from safelight.postcard.render.compose import placed_things, render_svg
from safelight.postcard.render.paper.pixels.raster import rasterise

__all__ = ["placed_things", "rasterise", "render_svg"]
