"""The renderer: a scene and a size become an SVG drawing, and the drawing becomes pixels.

Read in this order: `colour`, `moods` (palettes), `light`, `shapes` (ridges, blobs), `canvas` (SVG writing), `stage`
(what every drawer is given), then one file a theme (`sky`, `terrain`, `water`, `trees`, `buildings`, `boats` …),
`styles`, and at last `compose`.
"""

from safelight.postcard.render.compose import render_svg
from safelight.postcard.render.raster import rasterise

__all__ = ["rasterise", "render_svg"]
