"""Writing SVG: groups, paths, gradients, numbers. Every colour passes the tone of the canvas, by which a style or a
palette turns it.
"""

from __future__ import annotations

import colorsys
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from safelight.postcard.render.paper.colour import Rgb, hexcode, mix

Point = tuple[float, float]
Stop = tuple[float, Rgb, float]
"""Offset, colour, opacity."""


def num(value: float) -> str:
    """A coordinate with one decimal, as short as it goes."""
    return f"{value:.1f}".removesuffix(".0")


def _written(pattern: str, values: Sequence[float]) -> str:
    """A pattern of ``%.1f`` with its values as `num` writes them, in a third of the time: at once."""
    return (pattern % tuple(values)).replace(".0", "")


def poly(points: Iterable[Point], close: bool = True) -> str:
    """A path of straight lines."""
    values = list(itertools.chain.from_iterable(points))
    return "M" + _written("L".join(["%.1f %.1f"] * (len(values) // 2)), values) + ("Z" if close else "")


def smooth(points: Sequence[Point], close: bool = False) -> str:
    """A smooth path: quadratic curves through the midpoints of consecutive points."""
    if close:
        points = [*points, points[0], points[1]]
        start = _middle(points[0], points[1])
    else:
        start = points[0]
    values = [*start]
    for (x, y), (next_x, next_y) in itertools.pairwise(points):
        values += (x, y, (x + next_x) / 2, (y + next_y) / 2)
    pattern = "M%.1f %.1f" + "Q%.1f %.1f %.1f %.1f" * (len(points) - 1)
    return _written(pattern + "Z", values) if close else _written(pattern + "L%.1f %.1f", [*values, *points[-1]])


def _middle(a: Point, b: Point) -> Point:
    return ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)


def circle(x: float, y: float, r: float) -> str:
    """A circle as a path."""
    return ellipse(x, y, r, r)


def ellipse(x: float, y: float, rx: float, ry: float) -> str:
    """An ellipse as a path of two arcs."""
    pattern = "M%.1f %.1fa%.1f %.1f 0 1 0 %.1f 0a%.1f %.1f 0 1 0 %.1f 0Z"
    return _written(pattern, (x - rx, y, rx, ry, 2 * rx, rx, ry, -2 * rx))


def rect(x: float, y: float, w: float, h: float) -> str:
    """A rectangle as a path; it turns the same way as a circle, so that both may overlap in one path."""
    return _written("M%.1f %.1fv%.1fh%.1fv%.1fZ", (x, y, h, w, -h))


RELIEF = 13
"""User units by which the shadow of cut paper stands out."""


def _along(stops: Sequence[tuple[float, Rgb]], t: float) -> Rgb:
    """The colour at ``t`` between stops."""
    for (t0, c0), (t1, c1) in itertools.pairwise(stops):
        if t <= t1:
            return mix(c0, c1, max(0.0, (t - t0) / max(1e-6, t1 - t0)))
    return stops[-1][1]


def shining(c: Rgb) -> Rgb:
    """The colour's hue, fully saturated and bright."""
    h, _, s = colorsys.rgb_to_hls(*c)
    return colorsys.hls_to_rgb(h, 0.66, 1.0 if s > 0.12 else 0.3)


@dataclass(frozen=True)
class Line:
    """How a style outlines filled shapes: a stroke of ``colour`` (None: the fill's own, darkened by ``dark``)."""

    width: float
    colour: Rgb | None = None
    dark: float = 0.6  # below 0 the line shines instead: the fill's hue at its brightest
    opacity: float = 1.0


@dataclass
class Canvas:
    """An SVG drawing under construction, in user units (the shorter side measures 1000)."""

    width: float
    height: float
    tone: Callable[[Rgb], Rgb]
    line: Line | None = None
    relief: bool = False  # every shape throws a small shadow on what lies behind, as cut paper does
    zoom: float = 1.0  # user units to one unit of what is being drawn: outlines keep their width in the picture
    defs: list[str] = field(default_factory=list)
    body: list[str] = field(default_factory=list)
    _known: dict[str, str] = field(default_factory=dict)

    def code(self, colour: Rgb) -> str:
        """The colour after the tone, as ``#rrggbb``."""
        return hexcode(self.tone(colour))

    def define(self, tag: str, attributes: str, content: str) -> str:
        """Adds a definition (once for equal ones) and gives its id."""
        known = self._known.get(tag + attributes + content)
        if known is not None:
            return known
        name = f"{tag[0]}{len(self.defs)}"
        self.defs.append(f'<{tag} id="{name}" {attributes}>{content}</{tag}>')
        self._known[tag + attributes + content] = name
        return name

    def _stops(self, stops: Iterable[Stop]) -> str:
        return "".join(
            f'<stop offset="{o:.3g}" stop-color="{self.code(c)}"' + (f' stop-opacity="{a:.3g}"/>' if a < 1 else "/>")
            for o, c, a in stops
        )

    def linear(self, stops: Iterable[Stop], x1: float, y1: float, x2: float, y2: float) -> str:
        """A linear gradient in user units, as a paint."""
        place = f'gradientUnits="userSpaceOnUse" x1="{num(x1)}" y1="{num(y1)}" x2="{num(x2)}" y2="{num(y2)}"'
        return f"url(#{self.define('linearGradient', place, self._stops(stops))})"

    def radial(self, stops: Iterable[Stop], x: float, y: float, r: float) -> str:
        """A radial gradient in user units, as a paint."""
        place = f'gradientUnits="userSpaceOnUse" cx="{num(x)}" cy="{num(y)}" r="{num(r)}"'
        return f"url(#{self.define('radialGradient', place, self._stops(stops))})"

    def upright(self, stops: Iterable[Stop]) -> str:
        """A linear gradient from the top to the foot of whatever shape it fills."""
        place = 'x1="0" y1="0" x2="0" y2="1"'
        return f"url(#{self.define('linearGradient', place, self._stops(stops))})"

    def soft(self, colour: Rgb, strength: float = 1.0) -> str:
        """A radial gradient over the shape's own box from ``colour`` to nothing: a glow or a soft shadow."""
        stops = ((0.0, colour, strength), (0.45, colour, strength * 0.45), (1.0, colour, 0.0))
        return f"url(#{self.define('radialGradient', '', self._stops(stops))})"

    def path(self, d: str, fill: Rgb | str, opacity: float = 1.0, outlined: bool = True, extra: str = "") -> None:
        """A filled shape. A colour passes the tone; a string is a paint made by a gradient. No outline, no shape."""
        if not d:
            return
        paint = fill if isinstance(fill, str) else self.code(fill)
        alpha = f' fill-opacity="{opacity:.3g}"' if opacity < 1 else ""
        if outlined and opacity >= 1:
            self._outline(d, fill, extra)
        if self.relief and outlined and opacity >= 1:
            for share, dark in ((1.0, 0.1), (0.42, 0.2)):
                across, up = num(RELIEF * share / self.zoom * 0.4), num(-RELIEF * share / self.zoom)
                shadow = f'<path class="shadow" d="{d}" transform="translate({across} {up})" fill-opacity="{dark}"/>'
                if extra:  # the shape may have a transform of its own
                    own = f'<path class="shadow" d="{d}" fill-opacity="{dark}"{extra}/>'
                    shadow = f'<g transform="translate({across} {up})">{own}</g>'
                self.body.append(shadow)
        self.body.append(f'<path d="{d}" fill="{paint}"{alpha}{extra}/>')

    def graded(self, x: float, y: float, w: float, h: float, stops: Sequence[tuple[float, Rgb]], down: float) -> None:
        """A rectangle whose opaque colours run from ``y`` over ``down`` units: bands of one colour each, as fine as
        eight bits can tell. The rasteriser fills a plain band some ten times as fast as a gradient.
        """
        toned = [(at, self.tone(colour)) for at, colour in stops]
        change = sum(max(abs(a - b) for a, b in zip(c, d, strict=True)) for (_, c), (_, d) in itertools.pairwise(toned))
        count = max(1, min(int(h / 2.0), int(change * 300 * h / max(down, 1.0)) + 2))
        bands: list[tuple[float, str]] = []
        for k in range(count):
            code = hexcode(_along(toned, (k + 0.5) / count * h / max(down, 1.0)))
            if not bands or bands[-1][1] != code:
                bands.append((y + h * k / count, code))
        ends = [*(top for top, _ in bands[1:]), y + h]
        left, right = num(x), num(x + w)
        with self.group('class="gradient" shape-rendering="crispEdges"'):
            for (top, code), end in zip(bands, ends, strict=True):
                self.body.append(f'<path d="M{left} {num(top)}H{right}V{num(end)}H{left}Z" fill="{code}"/>')

    def veil(self, x: float, y: float, w: float, h: float, stops: Sequence[Stop], down: float) -> None:
        """A rectangle whose colours and opacities run from ``y`` over ``down`` units, in bands as `graded` has them.

        Plain bands that let something through take a third of the time of a gradient.
        """
        toned = [(at, self.tone(colour), alpha) for at, colour, alpha in stops]
        colours, alphas = [(at, colour) for at, colour, _ in toned], [(at, (alpha,) * 3) for at, _, alpha in toned]
        count = max(1, int(h / 2.0))
        bands: list[tuple[float, str]] = []
        for k in range(count):
            at = (k + 0.5) / count * h / max(down, 1.0)
            paint = f'fill="{hexcode(_along(colours, at))}" fill-opacity="{_along(alphas, at)[0]:.3f}"'
            if not bands or bands[-1][1] != paint:
                bands.append((y + h * k / count, paint))
        ends = [*(top for top, _ in bands[1:]), y + h]
        left, right = num(x), num(x + w)
        with self.group('class="gradient" shape-rendering="crispEdges"'):
            for (top, paint), end in zip(bands, ends, strict=True):
                self.body.append(f'<path d="M{left} {num(top)}H{right}V{num(end)}H{left}Z" {paint}/>')

    def _outline(self, d: str, fill: Rgb | str, extra: str) -> None:
        """The style's line around a shape, drawn before its fill: of shapes that overlap only the rim is seen."""
        line = self.line
        if line is None:
            return
        if line.colour is not None:
            stroke = hexcode(line.colour)
        elif isinstance(fill, str):
            return
        else:
            r, g, b = self.tone(fill)
            stroke = hexcode((r * line.dark, g * line.dark, b * line.dark) if line.dark > 0 else shining((r, g, b)))
        wide = line.width * 2 / self.zoom
        faint = f' stroke-opacity="{line.opacity:.2g}"' if line.opacity < 1 else ""
        join = f'stroke-linejoin="round" fill="none" stroke="{stroke}"'
        self.body.append(f'<path d="{d}" {join} stroke-width="{num(wide)}"{faint}{extra}/>')

    def stroke(self, d: str, colour: Rgb, width: float, opacity: float = 1.0) -> None:
        """An open line with round ends."""
        alpha = f' stroke-opacity="{opacity:.3g}"' if opacity < 1 else ""
        self.body.append(
            f'<path d="{d}" fill="none" stroke="{self.code(colour)}" stroke-width="{num(width)}"'
            f' stroke-linecap="round" stroke-linejoin="round"{alpha}/>'
        )

    @contextmanager
    def group(self, attributes: str) -> Iterator[None]:
        """Everything drawn inside goes into one ``<g>``; an empty group leaves nothing."""
        mark = len(self.body)
        self.body.append(f"<g {attributes}>")
        yield
        if len(self.body) == mark + 1:
            self.body.pop()
        else:
            self.body.append("</g>")

    @contextmanager
    def scaled(self, x: float, y: float, sx: float, sy: float) -> Iterator[None]:
        """Everything drawn inside is moved to (x, y) and scaled, in a group of its own."""
        before, self.zoom = self.zoom, abs(sy)
        with self.group(f'transform="translate({num(x)} {num(y)}) scale({sx:.4g} {sy:.4g})"'):
            yield
        self.zoom = before

    def since(self, mark: int) -> str:
        """What was drawn after ``mark`` (a length of ``body``)."""
        return "".join(self.body[mark:])

    def svg(self, width: int, height: int) -> str:
        """The finished document at ``width`` x ``height`` pixels."""
        view = f'viewBox="0 0 {num(self.width)} {num(self.height)}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" {view}>'
        return head + "<defs>" + "".join(self.defs) + "</defs>" + "".join(self.body) + "</svg>"
