"""Ground: the crest of a layer, its albedo by season, and the bodies of rolling land."""

from dataclasses import dataclass
from random import Random

from safelight.postcard.render.paper.canvas import Point, num, smooth
from safelight.postcard.render.paper.colour import NAMED, Rgb, mix, rgb, scale, turn
from safelight.postcard.render.paper.shapes import Crest, along, rolling
from safelight.postcard.render.stage import Stage
from safelight.postcard.scenes.scene import Layer
from safelight.postcard.scenes.vocabulary import Colour, LayerKind, Season, Setting

SNOW = rgb("#eef4fb")

_GRASS = {Season.SPRING: "#8fc95c", Season.SUMMER: "#67a84f", Season.AUTUMN: "#c3a24d", Season.WINTER: "#eef4fb"}
_LEAVES = {Season.SPRING: "#86c763", Season.SUMMER: "#4a9150", Season.AUTUMN: "#dd7a2f", Season.WINTER: "#dfe8f0"}
_NEEDLES = {Season.SPRING: "#3f7f5c", Season.SUMMER: "#2f6f55", Season.AUTUMN: "#3b6b50", Season.WINTER: "#4d7f76"}

_SOIL = {
    LayerKind.DUNES: "#e9bd78",
    LayerKind.MESAS: "#c9673e",
    LayerKind.CLIFFS: "#a39382",
    LayerKind.VOLCANO: "#5d5058",
    LayerKind.ISLANDS: "#74985e",
    LayerKind.ICEBERGS: "#d5ecf6",
    LayerKind.SAND: "#f0d59c",
    LayerKind.SNOW: "#eef4fb",
    LayerKind.ROCKS: "#8d8a88",
    LayerKind.CRATERS: "#a0968f",
    LayerKind.SEABED: "#cdb88a",
    LayerKind.STREET: "#6d7078",
    LayerKind.PIER: "#9a7450",
    LayerKind.CLOUD_SEA: "#ffffff",
    LayerKind.MOUNTAINS: "#7f8ca6",
    LayerKind.CACTI: "#e0b274",
    LayerKind.TABLE: "#b07d52",
    LayerKind.JUNGLE: "#2f7f4b",
}


def leaves(season: Season) -> Rgb:
    """Foliage of broad-leaved trees."""
    return rgb(_LEAVES[season])


def needles(season: Season) -> Rgb:
    """Foliage of conifers."""
    return rgb(_NEEDLES[season])


def grass(season: Season) -> Rgb:
    """Grass, or the snow that covers it."""
    return rgb(_GRASS[season])


_EARTH = {
    Setting.DESERT: "#e6bd7c",
    Setting.OASIS: "#dfc085",
    Setting.CANYON: "#d0905c",
    Setting.BEACH: "#f0d59c",
    Setting.VOLCANO: "#75656a",
    Setting.PLANET: "#a0968f",
    Setting.TUNDRA: "#eef4fb",
}


def earth(stage: Stage) -> Rgb:
    """What the ground is where the layer does not say: sand in the desert, snow in the tundra, else grass."""
    soil = _EARTH.get(stage.world.setting)
    return rgb(soil) if soil else grass(stage.world.season)


def albedo(stage: Stage, layer: Layer) -> Rgb:
    """The layer's own colour: named in the scene, or natural for its kind and the season; hue shifts it a little."""
    if layer.colour is not Colour.NATURAL and layer.kind not in _FLOWERED:
        base = rgb(NAMED[layer.colour])
    else:
        soil = _SOIL.get(layer.kind)
        base = rgb(soil) if soil else grass(stage.world.season)
    return turn(base, -16 * layer.hue)


_FLOWERED = frozenset(
    {LayerKind.FLOWERS, LayerKind.TULIPS, LayerKind.LAVENDER, LayerKind.SUNFLOWERS, LayerKind.SKYLINE, LayerKind.HOUSES}
)
"""Layers whose colour is that of what stands on them."""


@dataclass(frozen=True)
class Band:
    """A layer placed in the picture: its crest, its foot and how far away it is (0 near, 1 at the horizon)."""

    layer: Layer
    distance: float
    foot: float
    crest: Crest


def hill_crest(stage: Stage, layer: Layer, rng: Random) -> Crest:
    """Rolling land: highest near ``peak``, ``height`` above its foot."""
    frame = stage.frame
    wave = rolling(rng, max(frame.width, 1300) * 0.8, layer.roughness)
    foot, tall, middle = frame.ground(layer.depth), layer.height * frame.rise, layer.peak * frame.width
    reach = max(frame.width, 1200) * 0.5

    def crest(x: float) -> float:
        t = (x - middle) / reach
        swell = 1 / (1 + 2.2 * t * t)
        return foot - tall * (0.42 * swell + 0.32 + 0.26 * wave(x))

    return crest


def flat_crest(stage: Stage, layer: Layer, rng: Random) -> Crest:
    """Nearly level ground that bulges by ``height``."""
    frame = stage.frame
    wave = rolling(rng, frame.width * 1.1, layer.roughness)
    foot, tall = frame.ground(layer.depth), (0.01 + 0.06 * min(layer.height, 0.6)) * frame.rise
    return lambda x: foot - tall * (0.5 + 0.5 * wave(x))


def outline(stage: Stage, crest: Crest, step: float = 28) -> list[Point]:
    """The crest over the whole width and a little beyond."""
    return along(crest, -12, stage.frame.width + 12, step)


def draw_rolling(stage: Stage, band: Band, colour: Rgb, step: float = 34) -> None:
    """A body of rolling land: lit crest, mist or shade at its foot, and the sunlit flank of each rise."""
    frame, light = stage.frame, stage.light
    points = outline(stage, band.crest, step)
    top = min(y for _, y in points)
    deep = max(top + 0.3 * frame.rise, band.foot + 0.12 * frame.rise)
    lit = light.land(colour, band.distance, 0.55)
    low = light.land(scale(colour, 0.86), max(0.0, band.distance - 0.1), -0.25)
    if band.distance > 0.45:
        low = mix(light.land(colour, band.distance, 0.0), light.haze, 0.4 * band.distance)
    end, floor = min(deep, frame.height), stage.floor
    waist = min(floor, max(y for _, y in points) + 1)
    paint = stage.canvas.linear(((0.0, lit, 1.0), (1.0, low, 1.0)), 0, top, 0, end)
    crest = smooth(points)
    left, right = points[0][0], points[-1][0]
    stage.canvas.path(crest + f"L{num(right)} {num(waist + 1)}L{num(left)} {num(waist + 1)}Z", paint)
    if floor > waist:
        span = max(1.0, end - top)
        start = min(1.0, (waist - top) / span)
        stops = ((0.0, mix(lit, low, start)), (max(0.001, 1.0 - start), low), (1.0, low))
        stage.canvas.graded(left, waist, right - left, floor - waist, stops, span)
    rim = mix(lit, mix(light.mood.glow, light.mood.key, 0.5), 0.5)
    stage.canvas.stroke(crest, rim, 2.6, 0.5)


def swells(stage: Stage, band: Band, colour: Rgb, count: int, salt: str) -> None:
    """Softly shaded folds that run down from the crest: they give a rolling body its form."""
    frame, light = stage.frame, stage.light
    rng = stage.rng("swells" + salt, band.layer.detail)
    deep = (frame.height - band.foot) * 0.9 + band.layer.height * frame.rise
    for i in range(count):
        x = frame.width * (i + rng.uniform(0.1, 0.9)) / count
        wide, tall = frame.width * rng.uniform(0.3, 0.6) / count**0.4, deep * rng.uniform(0.12, 0.3)
        y = band.crest(x) + deep * rng.uniform(0.1, 0.75)
        side = 0.5 if i % 2 else -0.4
        if y > stage.floor:  # the next layer covers it, but water would mirror it
            continue
        d = _fold(x, y, wide, tall, -light.side)
        stage.canvas.path(d, light.land(colour, band.distance, side), 0.35, outlined=False)


def _fold(x: float, y: float, wide: float, tall: float, lean: float) -> str:
    a, b = x - wide / 2, x + wide / 2
    return (
        f"M{num(a)} {num(y)}Q{num(x + lean * wide * 0.2)} {num(y - tall)} {num(b)} {num(y - tall * 0.1)}"
        f"Q{num(x)} {num(y - tall * 0.25)} {num(a)} {num(y)}Z"
    )
