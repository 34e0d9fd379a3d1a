"""Small far things that give open land its scale: clumps of trees and hedges, fields sewn together like patchwork."""

from random import Random

from safelight.postcard.render.ground.relief import Band, grass, leaves, needles
from safelight.postcard.render.paper.canvas import ellipse, num, poly
from safelight.postcard.render.paper.colour import Rgb, mix, rgb, scale, turn
from safelight.postcard.render.stage import Stage
from safelight.postcard.scenes.vocabulary import LayerKind, Season, Setting

_WILD = frozenset(
    {
        Setting.DESERT,
        Setting.OASIS,
        Setting.CANYON,
        Setting.BEACH,
        Setting.SEA,
        Setting.VOLCANO,
        Setting.PLANET,
        Setting.UNDERWATER,
        Setting.PLAIN,
        Setting.TUNDRA,
    }
)
"""Settings without trees or fields of their own."""

_CONIFERS = frozenset({Setting.MOUNTAINS, Setting.PINE_FOREST, Setting.LAKE, Setting.RIVER, Setting.WATERFALL})


def copses(stage: Stage, band: Band, count: int) -> None:
    """Clumps of far trees on a band's body, smaller towards the horizon, each with its lit side and its shadow."""
    if stage.world.setting in _WILD or stage.floor - band.crest(stage.frame.width / 2) < 0.05 * stage.frame.rise:
        return
    rng, light = stage.rng("copses", band.layer.detail), stage.light
    pines = stage.world.setting in _CONIFERS
    green = needles(stage.world.season) if pines else scale(leaves(stage.world.season), 0.86)
    parts: dict[str, list[str]] = {"shadow": [], "shade": [], "lit": []}
    for _ in range(round(count * max(1.0, stage.frame.width / 1200))):
        _clump(stage, band, rng, pines, parts)
    away = band.distance * 0.85
    ground = light.land(scale(grass(stage.world.season), 0.62), away, -0.5)
    stage.canvas.path("".join(parts["shadow"]), ground, 0.45, outlined=False)
    stage.canvas.path("".join(parts["shade"]), light.land(green, away, -0.55))
    stage.canvas.path("".join(parts["lit"]), light.land(green, away, 0.5), outlined=False)


def _clump(stage: Stage, band: Band, rng: Random, pines: bool, parts: dict[str, list[str]]) -> None:
    frame, side = stage.frame, stage.light.side
    x = frame.width * rng.uniform(-0.02, 1.02)
    top = band.crest(min(max(x, 0.0), frame.width))
    low = min(stage.floor, frame.height)
    t = rng.random() ** 1.4
    y = top + (low - top) * (0.02 + (0.18 + 0.3 * band.distance) * t) + 2
    near = frame.near((y - frame.horizon) / max(1.0, frame.height - frame.horizon))
    size = frame.rise * 0.055 * near * rng.uniform(0.7, 1.3)
    if not stage.free(x, size * 3, (y - frame.horizon) / max(1.0, frame.height - frame.horizon)):
        return
    for k in range(rng.randrange(2, 6)):
        px, py, r = x + rng.gauss(0, 1.5) * size, y + 0.12 * size * k, size * rng.uniform(0.45, 0.8)
        parts["shadow"].append(ellipse(px - side * r * 0.7, py + r * 0.06, r * 1.35, r * 0.2))
        if pines:
            high, w = r * 2.7, r * 0.55
            parts["shade"].append(poly([(px - w, py), (px, py - high), (px + w, py)]))
            parts["lit"].append(poly([(px + side * w, py), (px, py - high), (px + side * w * 0.1, py)]))
        else:
            parts["shade"].append(ellipse(px, py - r * 0.8, r, r * 0.92))
            parts["lit"].append(ellipse(px + side * r * 0.22, py - r * 1.0, r * 0.7, r * 0.62))


_TILLED = {
    Season.SPRING: ("#a9cf6a", "#7fb350", "#cfd877", "#8f7a4e"),
    Season.SUMMER: ("#d8c262", "#86b04e", "#b7c65a", "#5f9a48"),
    Season.AUTUMN: ("#c98d45", "#a98a4c", "#d9b45e", "#8a6a44"),
    Season.WINTER: ("#e4ecf5", "#d5e0ee", "#f2f6fb", "#c9d6e8"),
}


def patchwork(stage: Stage, band: Band) -> None:
    """Fields on a far hill: slanting strips of crops and meadow between hedges, following the crest."""
    settings = (Setting.HILLS, Setting.FARM, Setting.VILLAGE, Setting.MEADOW, Setting.FLOWER_FIELD)
    if stage.world.setting not in settings or band.layer.kind is not LayerKind.HILLS or band.distance < 0.35:
        return
    rng, light, frame = stage.rng("patchwork", band.layer.detail), stage.light, stage.frame
    tall = max(0.04 * frame.rise, band.layer.height * frame.rise)
    tones = [rgb(c) for c in _TILLED[stage.world.season]]
    hedges: list[str] = []
    x = frame.width * rng.uniform(-0.1, 0.05)
    while x < frame.width * 0.98:
        wide = frame.rise * rng.uniform(0.1, 0.24)
        if rng.random() < 0.55:
            top, deep, lean = rng.uniform(0.06, 0.3), rng.uniform(0.25, 0.5), rng.uniform(-0.5, 0.5) * wide
            corners = [(x, top), (x + wide, top + rng.uniform(-0.05, 0.05)), (x + wide + lean, top + deep)]
            corners.append((x + lean, top + deep))
            field = [(px, min(band.crest(px) + tall * t, stage.floor)) for px, t in corners]
            colour: Rgb = mix(light.land(rng.choice(tones), band.distance, 0.35), light.haze, 0.08)
            stage.canvas.path(poly(field), colour, 0.62, outlined=False)
            (ax, ay), (bx, by) = field[0], field[3]
            hedges += [
                f"M{num(ax)} {num(ay)}L{num(bx)} {num(by)}",
                f"M{num(bx)} {num(by)}L{num(field[2][0])} {num(field[2][1])}",
            ]
        x += wide * rng.uniform(0.9, 1.5)
    if hedges:
        tone = light.land(turn(scale(leaves(stage.world.season), 0.7), 4), band.distance, -0.5)
        stage.canvas.stroke("".join(hedges), tone, 2.6, 0.5)
