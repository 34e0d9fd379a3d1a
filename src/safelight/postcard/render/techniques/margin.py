"""The unpainted edge of a sheet."""

from safelight.postcard.render.paper.canvas import num, poly
from safelight.postcard.render.paper.colour import Rgb, hexcode, rgb
from safelight.postcard.render.paper.shapes import jagged
from safelight.postcard.render.stage import Stage

PAPER = rgb("#fbf7ec")
"""Warm white: paper that nothing was laid on."""


def margin(stage: Stage, colour: Rgb, wide: float, rough: float, salt: str) -> None:
    """Leaves the edge of the sheet in ``colour``, ``wide`` user units, torn or brushed by ``rough`` of its length."""
    frame, rng = stage.frame, stage.rng(salt)
    w, h = frame.width, frame.height
    corners = [(wide, wide), (w - wide, wide), (w - wide, h - wide), (wide, h - wide)]
    inner = []
    for a, b in zip(corners, [*corners[1:], corners[0]], strict=True):
        inner += jagged(rng, a, b, rough, 6)
    outer = f"M-2 -2V{num(h + 2)}H{num(w + 2)}V-2Z"
    stage.canvas.body.append(
        f'<path class="margin" d="{outer}{poly(inner)}" fill="{hexcode(colour)}" fill-rule="evenodd"/>'
    )
