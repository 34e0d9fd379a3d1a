"""Indoors: the wall, the window with the world outside, the table for a still life."""

from safelight.postcard.render.ground.relief import Band, albedo
from safelight.postcard.render.paper.canvas import ellipse, num, poly, rect
from safelight.postcard.render.paper.colour import NAMED, WHITE, Rgb, mix, rgb, scale
from safelight.postcard.render.paper.shapes import jagged
from safelight.postcard.render.stage import LAMP, Stage
from safelight.postcard.scenes.vocabulary import Colour

_WALLS = ("#d9c7b4", "#b8c4bd", "#c9b0a8", "#aeb9c9", "#cfc3a0", "#b9aebf")


def _wall(stage: Stage, band: Band) -> Rgb:
    layer = band.layer
    base = rgb(NAMED[layer.colour]) if layer.colour is not Colour.NATURAL else rgb(_WALLS[int(layer.detail * 5.99)])
    return mix(stage.light.thing(base, 0.1), scale(base, 0.6), 0.25)


def _lamplit(stage: Stage, x: float, y: float, r: float) -> None:
    """The warm light of a lamp that is out of the picture, when it is dark outside."""
    if stage.dark > 0.3:
        stage.canvas.path(ellipse(x, y, r, r * 0.8), stage.canvas.soft(LAMP, 0.5 * stage.dark), outlined=False)


def draw_wall(stage: Stage, band: Band) -> None:
    """A wall of one colour, lit from the side, with a line of panelling."""
    frame, canvas, colour, layer = stage.frame, stage.canvas, _wall(stage, band), band.layer
    a, b = (0.0, frame.width) if stage.light.side < 0 else (frame.width, 0.0)
    paint = canvas.linear(
        ((0.0, mix(colour, WHITE, 0.16), 1.0), (0.6, colour, 1.0), (1.0, scale(colour, 0.78), 1.0)),
        a,
        0,
        b,
        frame.height * 0.5,
    )
    canvas.path(rect(0, 0, frame.width, min(frame.height, stage.floor)), paint, outlined=False)
    y, foot = frame.horizon * 0.74, min(frame.height, stage.floor)
    canvas.path(rect(0, y, frame.width, max(0.0, foot - y)), scale(colour, 0.93), 0.75, outlined=False)
    canvas.path(rect(0, y - 4, frame.width, 9), mix(colour, WHITE, 0.28), outlined=False)
    canvas.path(rect(0, y + 5, frame.width, 4), scale(colour, 0.72), 0.8, outlined=False)
    _panels(stage, colour, y, foot)
    if stage.dark < 0.6:
        _sunlight(stage, colour, y)
    if layer.detail % 0.2 < 0.13:
        _painting(stage, band, colour, y)
    _lamplit(stage, frame.width * 0.5, frame.height * 0.35, frame.rise * 0.8)


def _panels(stage: Stage, colour: Rgb, top: float, foot: float) -> None:
    """The wainscot's panels: a bright and a dark edge each."""
    frame, canvas = stage.frame, stage.canvas
    wide, deep = frame.rise * 0.22, foot - top
    if deep < 0.08 * frame.rise:
        return
    lit, dark = "", ""
    for k in range(int(frame.width / wide) + 2):
        x, w, y, h = k * wide - wide * 0.4, wide * 0.8, top + deep * 0.2, deep * 0.8
        dark += f"M{num(x)} {num(y + h)}V{num(y)}h{num(w)}"
        lit += f"M{num(x + w)} {num(y)}v{num(h)}"
    canvas.stroke(dark, scale(colour, 0.74), 3.0, 0.7)
    canvas.stroke(lit, mix(colour, WHITE, 0.4), 3.0, 0.7)


def _sunlight(stage: Stage, colour: Rgb, low: float) -> None:
    """The light of a window out of the picture, thrown slanting on the wall: six panes."""
    frame, canvas, side = stage.frame, stage.canvas, stage.light.side
    x, y, w, h = frame.width * (0.5 + 0.2 * side), low * 0.16, frame.rise * 0.15, low * 0.34
    panes = []
    for i in range(2):
        for j in range(2):
            px, py = x - side * i * w * 1.12, y + j * h * 1.08 + i * w * 0.3
            drop, lean = w * 0.3, -side * h * 0.22
            x0, x1 = px + lean * j, px - side * w + lean * j
            panes.append(poly([(x0, py), (x1, py + drop), (x1 + lean, py + drop + h), (x0 + lean, py + h)]))
    glow = mix(mix(colour, stage.light.mood.key, 0.5), WHITE, 0.35)
    canvas.path("".join(panes), glow, 0.5, outlined=False)


def _painting(stage: Stage, band: Band, colour: Rgb, low: float) -> None:
    """A small framed landscape on the side away from the light, where nothing stands before it."""
    frame, canvas, rng = stage.frame, stage.canvas, stage.rng("painting", band.layer.detail)
    w, h = frame.rise * rng.uniform(0.2, 0.26), frame.rise * rng.uniform(0.15, 0.2)
    x, y = frame.width * (0.5 - 0.27 * stage.light.side) - w / 2, max(0.05 * frame.height, low * 0.3)
    if any(b[0] < x + w and b[2] > x and b[1] < y + h for b in stage.boxes) or y + h > low:
        return
    shadow = rect(x + 9, y + 12, w, h)
    canvas.path(shadow, scale(colour, 0.6), 0.5, outlined=False)
    canvas.path(rect(x, y, w, h), stage.light.thing(rgb("#8a6238"), 0.0, 0.2))
    m = 0.07 * w
    canvas.path(rect(x + m, y + m, w - 2 * m, h - 2 * m), stage.light.thing(rgb("#f3ead6"), 0.0, 0.2), outlined=False)
    x, y, w, h = x + 2 * m, y + 2 * m, w - 4 * m, h - 4 * m
    canvas.path(rect(x, y, w, h), stage.light.thing(rgb("#e9c79a"), 0.0, 0.2), outlined=False)
    for k, code in enumerate(("#8aa0a8", "#6d8a7a", "#486856")):
        top = y + h * (0.42 + 0.18 * k)
        hill = (
            f"M{num(x)} {num(y + h)}V{num(top)}Q{num(x + w * 0.3)} {num(top - h * 0.3)} {num(x + w * 0.6)} {num(top)}"
        )
        canvas.path(
            f"{hill}T{num(x + w)} {num(top + h * 0.04)}V{num(y + h)}Z",
            stage.light.thing(rgb(code), 0.0),
            outlined=False,
        )


def draw_window(stage: Stage, band: Band) -> None:
    """A wall with a window cut out of it: through it one sees what was drawn before; frame, sill and curtains."""
    frame, canvas, colour, layer = stage.frame, stage.canvas, _wall(stage, band), band.layer
    wide = min(frame.width * 0.74, frame.height * 1.05)
    x = frame.width * (0.5 + 0.24 * (layer.peak - 0.5)) - wide / 2
    top, sill = frame.height * 0.07, frame.ground(max(0.0, layer.depth)) + frame.rise * 0.02
    sill = max(sill, top + frame.rise * 0.34)
    hole = f"M{num(x)} {num(top)}v{num(sill - top)}h{num(wide)}v{num(top - sill)}Z"
    wall = canvas.linear(((0.0, mix(colour, WHITE, 0.08), 1.0), (1.0, scale(colour, 0.72), 1.0)), 0, 0, 0, frame.height)
    canvas.path(rect(0, 0, frame.width, frame.height + 10) + hole, wall, extra=' fill-rule="evenodd"', outlined=False)
    _lamplit(stage, frame.width * (0.1 if layer.peak > 0.5 else 0.9), frame.height * 0.4, frame.rise * 0.6)
    wood, lit = stage.light.thing(rgb("#f1ebde"), 0.0, -0.3), stage.light.thing(rgb("#fbf7ee"), 0.0, 0.5)
    t = frame.rise * 0.018
    outer = rect(x - t * 1.6, top - t * 1.6, wide + t * 3.2, sill - top + t * 1.6)
    canvas.path(outer + hole, wood, extra=' fill-rule="evenodd"')
    bars = rect(x + wide / 2 - t * 0.45, top, t * 0.9, sill - top) + rect(x, top + (sill - top) * 0.42, wide, t * 0.8)
    canvas.path(bars, wood)
    canvas.path(rect(x - t * 3.2, sill, wide + t * 6.4, t * 1.9), lit)
    canvas.path(rect(x - t * 3.2, sill + t * 1.9, wide + t * 6.4, t * 0.7), scale(wood, 0.8), outlined=False)
    _curtains(stage, band, x, top, wide, sill, colour)


def _curtains(stage: Stage, band: Band, x: float, top: float, wide: float, sill: float, wall: Rgb) -> None:
    canvas, rng = stage.canvas, stage.rng("curtains", band.layer.detail)
    cloth = stage.light.thing(rgb(rng.choice(("#e9dcc6", "#c98f7f", "#8fa3b5", "#d9b56f", "#a9b89a"))), 0.05)
    for s in (-1, 1):
        edge = x + wide / 2 + s * (wide / 2 + 30)
        inner = x + wide / 2 + s * wide * 0.34
        waist = x + wide / 2 + s * wide * 0.44
        d = (
            f"M{num(edge)} {num(top - 34)}L{num(inner)} {num(top - 34)}"
            f"Q{num(inner + s * 10)} {num(top + (sill - top) * 0.4)} {num(waist)} {num(top + (sill - top) * 0.62)}"
            f"Q{num(inner + s * 26)} {num(sill)} {num(inner + s * 40)} {num(sill + 60)}"
            f"L{num(edge)} {num(sill + 60)}Z"
        )
        a, b = (inner, edge) if s > 0 else (edge, inner)
        stops = tuple((k / 6, scale(cloth, 0.84 if k % 2 else 1.04), 1.0) for k in range(7))
        canvas.path(d, canvas.linear(stops, a, 0, b, 0))
    rod = mix(wall, (0.2, 0.15, 0.12), 0.75)
    canvas.path(rect(x - 60, top - 44, wide + 120, 11), rod)


def draw_table(stage: Stage, band: Band) -> None:
    """A wooden table top seen from somewhat above, with grain and a lit edge; cloth where a colour is named."""
    frame, canvas, layer, light = stage.frame, stage.canvas, band.layer, stage.light
    rng, wood = stage.rng("table", layer.detail), albedo(stage, layer)
    y = band.foot
    far, near = light.thing(wood, 0.1, 0.5), light.thing(scale(wood, 0.78), 0.0, -0.1)
    deep = frame.height - y + 12
    canvas.graded(-12, y, frame.width + 24, deep, ((0.0, far), (1.0, near)), deep)
    canvas.path(rect(-12, y, frame.width + 24, 7), light.thing(mix(wood, WHITE, 0.3), 0.0, 0.7), outlined=False)
    if layer.colour is Colour.NATURAL:
        grain = []
        for i in range(9):
            gy = y + (frame.height - y) * ((i + 0.6) / 9) ** 1.3
            line = jagged(rng, (-20, gy), (frame.width + 20, gy + rng.uniform(-8, 8)), 0.004, 3)
            grain.append(poly(line, close=False))
        canvas.stroke("".join(grain), scale(near, 0.8), 2.2, 0.5)
        for k in range(1, 4):
            x = frame.width * (0.5 + (k - 2) * 0.36)
            canvas.stroke(
                f"M{num(x)} {num(y + 8)}L{num(x + (x - frame.width / 2) * 0.8)} {num(frame.height + 10)}",
                scale(near, 0.72),
                3,
                0.5,
            )
    x = frame.width * (0.15 if light.side < 0 else 0.85)
    canvas.path(
        ellipse(x, y + (frame.height - y) * 0.35, frame.width * 0.42, (frame.height - y) * 0.5),
        canvas.soft(LAMP if stage.dark > 0.4 else WHITE, 0.22),
        outlined=False,
    )
