"""What a style changes while the picture is drawn: colours, outlines, and how two kinds of thing appear."""

from collections.abc import Callable
from dataclasses import dataclass

from safelight.postcard.render.paper.canvas import Line
from safelight.postcard.render.paper.colour import Rgb

Tone = Callable[[Rgb], Rgb]


@dataclass(frozen=True)
class Look:
    """The tone that every colour passes, and the outline of every shape."""

    tone: Tone
    line: Line | None = None
    relief: bool = False
    """Every shape throws a small shadow, as cut paper does."""
    striped_sun: bool = False
    """The sun is cut by bars of sky."""
    set_aside: Line | None = None
    """Things are drawn in this outline and kept in `Stage.figures`, for a style that takes the rest to pieces."""
