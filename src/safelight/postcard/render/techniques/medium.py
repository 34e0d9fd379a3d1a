"""A medium: all that one style is, as one object."""

from collections.abc import Callable
from dataclasses import dataclass

from safelight.postcard.render.paper.look import Look
from safelight.postcard.render.stage import Stage

Finish = Callable[[Stage], None]
"""Draws on, over what is on the canvas."""

Maker = Callable[[Stage, str, int, int], str]
"""Stage, drawing, width and height in pixels: makes the drawing anew of pieces, a document of that size."""


@dataclass(frozen=True)
class Medium:
    """How pictures of one style are made. Only the look is needed."""

    look: Look
    hatching: Finish | None = None
    """Draws the tones as lines, before the finish."""
    finish: Finish | None = None
    """Draws texture, margin and frame over the picture, in a group of their own."""
    maker: Maker | None = None
    """Makes the picture anew, after hatching and finish."""

    def finished(self, stage: Stage, width: int, height: int) -> str:
        """The finished document of ``width`` x ``height`` pixels of a scene that was drawn on the stage."""
        if self.hatching is not None:
            self.hatching(stage)
        if self.finish is not None:
            with stage.canvas.group('id="finish"'):
                self.finish(stage)
        drawing = stage.canvas.svg(width, height)
        return drawing if self.maker is None else self.maker(stage, drawing, width, height)
