"""What every drawer is given: the frame of the picture, its light and the canvas; and the pen that draws one thing."""

# Tested in tests/postcard/render/test_compose.py.

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from safelight.postcard.render.light.lighting import Lighting
from safelight.postcard.render.paper.canvas import Canvas, Line, ellipse
from safelight.postcard.render.paper.colour import Rgb, mix, named, rgb
from safelight.postcard.render.paper.look import Look
from safelight.postcard.render.paper.pixels.bands import never
from safelight.postcard.scenes.scene import World
from safelight.postcard.scenes.vocabulary import Colour

UNIT = 1000.0
"""User units along the shorter side, whatever the size in pixels."""


@dataclass(frozen=True)
class Frame:
    """The picture's field in user units. A new aspect moves the edges; what stands in it keeps its shape."""

    width: float
    height: float
    horizon: float  # y of the horizon

    @staticmethod
    def of(width: int, height: int, horizon: float) -> Frame:
        """The frame for a picture of ``width`` x ``height`` pixels with its horizon at that fraction of the height."""
        short = min(width, height)
        return Frame(UNIT * width / short, UNIT * height / short, UNIT * height / short * horizon)

    @property
    def rise(self) -> float:
        """User units of a height of 1: the shorter side, and somewhat more in a tall picture."""
        return UNIT * float((self.height / UNIT) ** 0.35)

    def ground(self, depth: float) -> float:
        """y where something at this depth stands."""
        return self.horizon + (self.height - self.horizon) * depth

    def near(self, depth: float) -> float:
        """How large something looks at this depth, against the nearest: perspective, softened as illustrators do."""
        return 0.17 + 0.83 * float(max(depth, 0.0) ** 1.15)


@dataclass
class Stage:
    """One picture being drawn."""

    canvas: Canvas
    frame: Frame
    light: Lighting
    world: World
    look: Look
    floor: float = 0.0
    """y down to which the layer being drawn must be filled: below it the next one covers all."""
    clear: list[tuple[float, float, float]] = field(default_factory=list)
    """Spans of x (left, right) with the depth up to which nothing may grow before them: where the things stand."""

    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    """Where the things are (left, top, right, bottom): styles made of pieces use smaller ones there."""

    figures: list[str] = field(default_factory=list)
    """Things set aside to be laid over the finished sheet, where a style takes the rest to pieces."""

    pause: Callable[[], None] = never
    """Called between pieces of work: others may go before it returns."""

    def rng(self, salt: str, detail: float = 0.0) -> Random:
        """A random stream for one purpose. The same scene always gives the same stream."""
        return Random(f"{self.world.detail:.4f}/{detail:.4f}/{salt}")

    def free(self, x: float, reach: float, depth: float) -> bool:
        """Whether a plant at ``x`` of this half-width and depth leaves the things before it to be seen."""
        return not any(depth >= d and x + reach > a and x - reach < b for a, b, d in self.clear)

    @property
    def dark(self) -> float:
        """0 by day, 1 by night: whether lamps burn."""
        return self.light.mood.dark


LAMP = rgb("#ffd98a")
"""Lamplight, the colour of a lit window."""

GLASS = rgb("#a9c6d6")
"""A window by day."""


@dataclass
class Pen:
    """Draws one thing in its own units: foot at (0, 0), up is negative, 100 units high; in its own colours (albedo)."""

    stage: Stage
    distance: float
    colour: Colour
    mirrored: bool
    rng: Random
    variant: float = 0.0
    shine: float = 1.0  # reach of glows: less where many stand together
    scale: float = 1.0  # user units of one own unit, for line widths

    def main(self, natural: str) -> Rgb:
        """The colour that the scene asks for, or the thing's natural one."""
        return named(self.colour, natural)

    def tint(self, colour: Rgb | str, where: float = 0.0) -> Rgb:
        """The colour under the scene's light. ``where``: -1 for a face to the left, 1 to the right, 0 to the front."""
        side = where * self.stage.light.side * (-1 if self.mirrored else 1)
        return self.stage.light.thing(rgb(colour) if isinstance(colour, str) else colour, self.distance, side)

    def fill(self, d: str, colour: Rgb | str, where: float = 0.0, opacity: float = 1.0) -> None:
        """A shape of this colour."""
        self.stage.canvas.path(d, self.tint(colour, where), opacity)

    def line(self, d: str, colour: Rgb | str, width: float, opacity: float = 1.0) -> None:
        """A line of this colour, ``width`` in own units."""
        self.stage.canvas.stroke(d, self.tint(colour), width, opacity)

    def fade(self, d: str, top: Rgb | str, bottom: Rgb | str, y1: float, y2: float, where: float = 0.0) -> None:
        """A shape that goes from one colour at height ``y1`` to another at ``y2``."""
        stops = ((0.0, self.tint(top, where), 1.0), (1.0, self.tint(bottom, where), 1.0))
        self.stage.canvas.path(d, self.stage.canvas.linear(stops, 0, y1, 0, y2))

    def round(self, d: str, colour: Rgb | str, x: float, r: float) -> None:
        """A shape of revolution around ``x`` with radius ``r``: light on one side, shade on the other."""
        stops = (
            (0.0, self.tint(colour, -1.0), 1.0),
            (0.4, self.tint(colour, 0.0), 1.0),
            (1.0, self.tint(colour, 1.0), 1.0),
        )
        self.stage.canvas.path(d, self.stage.canvas.linear(stops, x - r, 0, x + r, 0))

    def glow(self, x: float, y: float, r: float, colour: Rgb | str, strength: float = 0.8) -> None:
        """Light shining from a point; it takes nothing from the scene's light."""
        shine = rgb(colour) if isinstance(colour, str) else colour
        fade = 1 - 0.6 * self.stage.light.veil(self.distance)
        r *= self.shine
        if r == 0:
            return
        self.stage.canvas.path(ellipse(x, y, r, r), self.stage.canvas.soft(shine, strength * fade), outlined=False)

    def bright(self, d: str, colour: Rgb | str, opacity: float = 1.0) -> None:
        """A shape that shines by itself."""
        shine = rgb(colour) if isinstance(colour, str) else colour
        veil = 0.5 * self.stage.light.veil(self.distance)
        self.stage.canvas.path(d, mix(shine, self.stage.light.haze, veil), opacity)

    def window(self, d: str, lit: bool = True) -> None:
        """A window pane: glass by day, lamplight when it is dark."""
        dark = self.stage.dark
        if lit and dark > 0.3:
            self.bright(d, mix(GLASS, LAMP, min(1.0, dark * 1.6)))
        else:
            self.fill(d, mix(GLASS, (0.2, 0.25, 0.35), 0.3 + 0.4 * dark))


__all__ = ["GLASS", "LAMP", "UNIT", "Frame", "Line", "Pen", "Stage"]
