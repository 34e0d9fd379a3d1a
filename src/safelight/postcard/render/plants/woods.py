"""Bands of plants: forests, jungle, palms, bushes, mushrooms, cacti."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from safelight.postcard.render.ground.folds import folds
from safelight.postcard.render.ground.relief import Band, albedo, draw_rolling, earth, leaves, needles
from safelight.postcard.render.ground.verge import verge
from safelight.postcard.render.land.terrain import tufts
from safelight.postcard.render.paper.canvas import Point, num, poly, smooth
from safelight.postcard.render.paper.colour import NAMED, Rgb, mix, rgb, turn
from safelight.postcard.render.paper.shapes import spread
from safelight.postcard.render.plants import small_plants, trees, warm_trees
from safelight.postcard.render.stage import Pen, Stage
from safelight.postcard.scenes.vocabulary import Colour, LayerKind, Season


@dataclass(frozen=True)
class _Wood:
    tree: Callable[[Pen], None]
    aspect: float  # width of a tree against its height, for spacing
    ground: str | None  # colour of the soil; None: grass


_WOODS = {
    LayerKind.PINES: _Wood(trees.pine, 0.34, None),
    LayerKind.BROADLEAVES: _Wood(trees.oak, 0.56, None),
    LayerKind.BIRCHES: _Wood(trees.birch, 0.3, None),
    LayerKind.PALMS: _Wood(warm_trees.palm, 0.6, "#e0c288"),
    LayerKind.BUSHES: _Wood(trees.bush, 1.3, None),
    LayerKind.MUSHROOMS: _Wood(small_plants.mushroom, 0.9, None),
    LayerKind.GLOWING_MUSHROOMS: _Wood(small_plants.glowing_mushroom, 0.75, "#2f4a5e"),
    LayerKind.CACTI: _Wood(small_plants.cactus, 1.1, "#e0b274"),
    LayerKind.JUNGLE: _Wood(trees.oak, 0.5, "#2f7040"),
}

_SYMBOLS = 5
"""Different trees per band; more are not told apart."""


def draw_wood(stage: Stage, band: Band) -> None:
    """Ground and two or three rows of plants on it, the farther paler and smaller."""
    layer, wood = band.layer, _WOODS[band.layer.kind]
    ground = rgb(wood.ground) if wood.ground else earth(stage)
    if layer.kind is LayerKind.GLOWING_MUSHROOMS:
        ground = mix(ground, rgb("#3a2f66"), 0.4)
    small = layer.kind in (LayerKind.MUSHROOMS, LayerKind.GLOWING_MUSHROOMS)
    tall = max(0.13 if small else 0.03, layer.height) * stage.frame.rise * (0.62 if small else 0.72)
    full = layer.kind in _CANOPY and layer.density > 0.3
    if full:
        _canopy(stage, band, tall)
    draw_rolling(stage, band, turn(ground, -8 * layer.hue))
    if layer.kind not in _BARE:
        folds(stage, band, ground)
        tufts(stage, band, ground)
    rows = 2 if tall > 0.35 * stage.frame.rise or layer.density < 0.35 else 3
    for row in range(rows):
        near = (row + 1) / rows
        away = min(1.0, band.distance + 0.12 * (1 - near))
        _row(stage, band, wood, tall * (0.55 + 0.85 * near if small else 0.72 + 0.28 * near), away, near, row, rows)
    if layer.kind not in _BARE:
        verge(stage, band, ground)
    if layer.kind is LayerKind.JUNGLE:
        _undergrowth(stage, band, tall)


_BARE = frozenset({LayerKind.PALMS, LayerKind.CACTI})
"""Plants that stand on bare sand."""

_CANOPY = frozenset({LayerKind.PINES, LayerKind.BROADLEAVES, LayerKind.JUNGLE})


def _canopy(stage: Stage, band: Band, tall: float) -> None:
    """The wood behind the first trees, as one pale mass with a crest of tree tops."""
    frame, light, rng = stage.frame, stage.light, stage.rng("canopy", band.layer.detail)
    away = min(1.0, band.distance + 0.22)
    pines = band.layer.kind is LayerKind.PINES
    tone = light.land(_leaf(stage, band, pines), away, -0.3)
    points = _tree_tops(stage, band, tall, pines, rng)
    floor = band.foot + tall * 0.1
    d = poly(points, close=False) if pines else smooth(points)
    top, low = band.foot - tall, mix(tone, stage.light.haze, 0.35)
    paint = stage.canvas.linear(((0.0, tone, 1.0), (1.0, low, 1.0)), 0, top, 0, floor)
    waist = min(floor, max(y for _, y in points) + 1)  # below it nothing stands out: plain bands are drawn sooner
    stage.canvas.path(d + f"L{num(frame.width + 60)} {num(waist + 1)}L-60 {num(waist + 1)}Z", paint)
    if floor > waist:
        start = min(1.0, max(0.0, (waist - top) / max(1.0, floor - top)))
        stops = ((0.0, mix(tone, low, start)), (max(0.001, 1.0 - start), low), (1.0, low))
        stage.canvas.graded(-60, waist, frame.width + 120, floor - waist, stops, max(1.0, floor - top))


def _tree_tops(stage: Stage, band: Band, tall: float, pines: bool, rng: Random) -> list[Point]:
    """The crest of a wood from left to right, tree beside tree."""
    x, points = -20.0, list[Point]()
    broad, gap, shape = (0.16, 1.5, _PINE_TOP) if pines else (0.4, 1.7, _ROUND_TOP)
    while x < stage.frame.width + 40:
        high = tall * rng.uniform(0.5, 0.86) * (0.6 + 0.4 * band.layer.density)
        y, w = band.crest(x) - high, high * broad
        points += [(x + w * across, y + high * down) for across, down in shape]
        x += w * gap
    return points


_PINE_TOP = ((-1.0, 0.62), (-0.5, 0.34), (-0.62, 0.33), (0.0, 0.0), (0.62, 0.33), (0.5, 0.34), (1.0, 0.62))
_ROUND_TOP = ((-1.0, 0.3), (-0.5, 0.04), (0.3, 0.0), (0.9, 0.22))
"""The outlines of tree tops, against half their width and their height."""


def _leaf(stage: Stage, band: Band, pines: bool) -> Rgb:
    if band.layer.colour is not Colour.NATURAL:
        return rgb(NAMED[band.layer.colour])
    season = stage.world.season
    return needles(season) if pines else (rgb("#5d6a74") if season is Season.WINTER else leaves(season))


def _row(stage: Stage, band: Band, wood: _Wood, tall: float, away: float, near: float, row: int, rows: int) -> None:
    layer, frame = band.layer, stage.frame
    rng = stage.rng(f"row{row}", layer.detail)
    gap = tall * wood.aspect / (0.35 + 0.95 * layer.density)
    count = min(60, max(2, round(frame.width / gap)))
    names = [
        _symbol(stage, band, wood, away, f"{row}{k}", 0.55 if row == rows - 1 else 0.0, tall / 100)
        for k in range(_SYMBOLS if count > 4 else count)
    ]
    deep = (frame.height - band.foot) * 0.09
    for x in spread(rng, count, -tall * 0.2, frame.width + tall * 0.2, 1.1):
        size = tall * rng.uniform(0.72, 1.12) / 100
        y = band.crest(min(max(x, 0), frame.width)) + deep * near + tall * 0.02 + rng.uniform(0, deep * 0.3)
        if tall > 0.16 * frame.rise and not stage.free(x, tall * wood.aspect * 0.42, layer.depth + 0.02):
            continue
        if rng.random() < 0.9:
            place = f"translate({num(x)} {num(y)}) scale({size:.3g})"
            stage.canvas.body.append(f'<use href="#{rng.choice(names)}" transform="{place}"/>')


def _symbol(stage: Stage, band: Band, wood: _Wood, away: float, salt: str, shine: float, size: float) -> str:
    """One plant as a definition, to be set many times."""
    rng = stage.rng("plant" + salt, band.layer.detail)
    pen = Pen(stage, away, band.layer.colour, False, rng, variant=rng.random(), shine=shine)
    mark = len(stage.canvas.body)
    stage.canvas.zoom = size
    wood.tree(pen)
    stage.canvas.zoom = 1.0
    drawing = stage.canvas.since(mark)
    del stage.canvas.body[mark:]
    return stage.canvas.define("g", f'class="{band.layer.kind.value}"', drawing)


def _undergrowth(stage: Stage, band: Band, tall: float) -> None:
    """Big leaves and hanging lianas of the jungle."""
    rng, light, frame = stage.rng("undergrowth", band.layer.detail), stage.light, stage.frame
    green = albedo(stage, band.layer)
    for x in spread(rng, int(9 * frame.width / 1000), 0, frame.width):
        y = band.crest(min(max(x, 0), frame.width)) + tall * 0.1
        for k in range(5):
            lean = (k - 2) * 0.42 + rng.uniform(-0.1, 0.1)
            long = tall * rng.uniform(0.22, 0.38)
            tip = (x + lean * long, y - long * (1 - 0.3 * abs(lean)))
            mid = ((x + tip[0]) / 2, (y + tip[1]) / 2)
            w = long * 0.2
            d = (
                f"M{num(x)} {num(y)}Q{num(mid[0] - w)} {num(mid[1] - w * 0.4)} {num(tip[0])} {num(tip[1])}"
                f"Q{num(mid[0] + w)} {num(mid[1] + w * 0.4)} {num(x)} {num(y)}Z"
            )
            stage.canvas.path(d, light.land(turn(green, rng.uniform(-14, 10)), band.distance * 0.7, lean * light.side))
