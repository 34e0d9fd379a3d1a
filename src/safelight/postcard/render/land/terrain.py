"""Open land: hills, dunes, meadows, beaches and snow, with the grass that grows on them."""

from dataclasses import replace
from random import Random

from safelight.postcard.render.ground.copses import copses, patchwork
from safelight.postcard.render.ground.dry import scrub
from safelight.postcard.render.ground.folds import folds
from safelight.postcard.render.ground.relief import Band, albedo, draw_rolling, grass, swells
from safelight.postcard.render.ground.scatter import scatter
from safelight.postcard.render.ground.verge import BLOOMS, verge
from safelight.postcard.render.paper.canvas import Point, ellipse, num, smooth
from safelight.postcard.render.paper.colour import Rgb, mix, rgb, scale, turn
from safelight.postcard.render.stage import Stage
from safelight.postcard.scenes.vocabulary import Colour, Season


def draw_hills(stage: Stage, band: Band) -> None:
    """Rolling hills with shaded folds, fields and clumps of trees."""
    colour = albedo(stage, band.layer)
    draw_rolling(stage, band, colour)
    swells(stage, band, colour, 5, "hills")
    patchwork(stage, band)
    folds(stage, band, colour)
    if band.layer.colour is Colour.NATURAL:
        copses(stage, band, 7)
    if band.distance < 0.6:
        tufts(stage, band, colour)
        verge(stage, band, colour)


def draw_dunes(stage: Stage, band: Band) -> None:
    """Dunes: a sharp crest line that winds down the body, light on one side of it and shade on the other."""
    rng, sand = stage.rng("dunes", band.layer.detail), albedo(stage, band.layer)
    draw_rolling(stage, band, sand)
    frame = stage.frame
    deep = min(0.34 * frame.rise, max(60.0, (stage.floor - band.foot) * 0.75 + band.layer.height * frame.rise * 0.8))
    for x in _summits(band, frame.width):
        _slip_face(stage, band, rng, x, deep * rng.uniform(0.75, 1.15), sand)
    if band.distance < 0.5:
        _ripples(stage, band, sand)
        scrub(stage, band, sand)


def _summits(band: Band, width: float) -> list[float]:
    """Where the crest is highest between its dips."""
    step = width / 48
    xs = [step * i for i in range(-2, 51)]
    return [x for x in xs if band.crest(x) < band.crest(x - step) and band.crest(x) <= band.crest(x + step)]


def _slip_face(stage: Stage, band: Band, rng: Random, x: float, deep: float, sand: Rgb) -> None:
    """The shaded face of one dune: from its summit along the crest on the side away from the sun, back along the ridge
    that comes down towards the eye in a slow S."""
    light, canvas, away = stage.light, stage.canvas, -stage.light.side
    reach = stage.frame.rise * rng.uniform(0.24, 0.42)
    rim = [(x + away * reach * k / 8, band.crest(x + away * reach * k / 8) - 0.5) for k in range(9)]
    y, end = rim[0][1], (x + away * reach * rng.uniform(0.35, 0.6), rim[0][1] + deep)
    ridge: list[Point] = [
        (end[0], end[1]),
        (x + away * reach * 0.16, y + deep * 0.72),
        (x + away * reach * 0.3, y + deep * 0.44),
        (x - away * reach * 0.03, y + deep * 0.2),
        (x, y),
    ]
    shade = light.land(sand, band.distance, -0.85)
    paint = canvas.linear(((0.0, shade, 0.95), (0.6, shade, 0.6), (1.0, shade, 0.0)), 0, y, 0, end[1])
    tail = f"Q{num(rim[-1][0])} {num(y + deep * 0.8)} {num(end[0])} {num(end[1])}"
    canvas.path(smooth(rim) + tail + "L" + smooth(ridge)[1:] + "Z", paint, outlined=False)
    canvas.stroke(smooth(ridge), light.land(sand, band.distance, 0.95), 2.2, 0.5)


def _ripples(stage: Stage, band: Band, sand: Rgb) -> None:
    rng, frame = stage.rng("ripples", band.layer.detail), stage.frame
    tone = stage.light.land(sand, band.distance, -0.35)
    lines = []
    for _ in range(26):
        x = frame.width * rng.random()
        y = band.crest(x) + (frame.height - band.crest(x)) * (0.25 + 0.75 * rng.random())
        w = 40 + 130 * frame.near((y - frame.horizon) / (frame.height - frame.horizon))
        lines.append(f"M{num(x)} {num(y)}q{num(w * 0.25)} {num(-w * 0.05)} {num(w * 0.5)} 0t{num(w * 0.5)} 0")
    stage.canvas.stroke("".join(lines), tone, 2.4, 0.4)


def draw_meadow(stage: Stage, band: Band) -> None:
    """Grass: a lit body with tufts, and a few flowers in spring and summer."""
    colour = albedo(stage, band.layer)
    draw_rolling(stage, band, colour)
    swells(stage, band, colour, 3, "meadow")
    if band.distance > 0.4:
        copses(stage, band, 5)
    folds(stage, band, colour)
    tufts(stage, band, colour)
    verge(stage, band, colour)


def tufts(stage: Stage, band: Band, colour: Rgb) -> None:
    """Small tufts of grass over the body; drifts where it lies under snow."""
    frame, light, rng = stage.frame, stage.light, stage.rng("tufts", band.layer.detail)
    if stage.world.season is Season.WINTER and band.layer.colour is Colour.NATURAL:
        _drifts(stage, band)
        return
    count = int((26 + 90 * band.layer.density) * frame.width / 1300)
    dark: list[str] = []
    pale: list[str] = []
    petals: list[str] = []
    flowering = stage.world.season in (Season.SPRING, Season.SUMMER) and band.distance < 0.75
    lean = stage.world.wind * 8
    for x, y, s in scatter(stage, band, rng, count):
        h = 30 * s * rng.uniform(0.6, 1.3)
        for k in (-2, -1, 0, 1, 2):
            tip = x + k * h * 0.3 + lean * s
            foot, high = x + k * h * 0.12, h * (1 - 0.2 * abs(k)) * rng.uniform(0.8, 1.15)
            d = (
                f"M{num(foot - h * 0.06)} {num(y)}Q{num(foot)} {num(y - high * 0.6)} {num(tip)} {num(y - high)}"
                f"L{num(foot + h * 0.06)} {num(y)}Z"
            )
            (pale if k * light.side > 0 else dark).append(d)
        if flowering and s > 0.3 and rng.random() < 0.3:
            for _ in range(rng.randrange(2, 6)):
                fx, fy = x + rng.gauss(0, 1.1) * h, y - h * rng.uniform(0.5, 1.0)
                petals.append(ellipse(fx, fy, 1.4 + 3.2 * s, 1.1 + 2.5 * s))
    stage.canvas.path("".join(dark), light.land(scale(colour, 0.72), band.distance * 0.8, -0.3), outlined=False)
    stage.canvas.path("".join(pale), light.land(turn(colour, -10, 0.06), band.distance * 0.8, 0.8), outlined=False)
    petal = rgb(BLOOMS[rng.randrange(len(BLOOMS))])
    stage.canvas.path("".join(petals), light.thing(petal, band.distance * 0.8, 0.5), outlined=False)


def _drifts(stage: Stage, band: Band) -> None:
    """Blue shadows of snowdrifts."""
    rng = stage.rng("drifts", band.layer.detail)
    tone = mix(stage.light.land(rgb("#b4c8e6"), band.distance, -0.2), stage.light.haze, 0.1)
    parts = []
    for x, y, s in scatter(stage, band, rng, 12):
        w = 240 * s * rng.uniform(0.6, 1.4)
        parts.append(
            f"M{num(x - w)} {num(y)}Q{num(x)} {num(y - w * 0.13)} {num(x + w)} {num(y)}"
            f"Q{num(x)} {num(y - w * 0.03)} {num(x - w)} {num(y)}Z"
        )
    stage.canvas.path("".join(parts), tone, 0.6, outlined=False)


def foreground(stage: Stage, band: Band, colour: Rgb, top: float) -> None:
    """Open land from ``top`` to the lower edge, before a layer that has none of its own: swells, tufts, tall grass."""
    frame, light = stage.frame, stage.light
    near = replace(band, distance=band.distance * 0.45, foot=top, crest=lambda _x: top)
    far_tone = mix(light.land(colour, band.distance, 0.2), light.haze, 0.3)
    near_tone = light.land(scale(colour, 0.86), 0.1, -0.1)
    stops = ((0.0, far_tone), (0.5, light.land(colour, 0.4, 0.1)), (1.0, near_tone))
    deep = max(1.0, stage.floor - top)
    stage.canvas.graded(-12, top, frame.width + 24, deep, stops, max(1.0, frame.height - top))
    if stage.floor - top < 0.12 * frame.rise:
        return
    if colour == grass(stage.world.season):
        copses(stage, near, 8)
    folds(stage, near, colour)
    if colour == grass(stage.world.season):
        tufts(stage, near, colour)
        verge(stage, near, colour)


def _dune_grass(stage: Stage, band: Band) -> None:
    """Tufts of beach grass in the lower corners, on low mounds of sand."""
    frame, light, rng = stage.frame, stage.light, stage.rng("dune grass", band.layer.detail)
    sand, lean = albedo(stage, band.layer), 30 * stage.world.wind
    for side in (-1, 1):
        edge = 0.0 if side < 0 else frame.width
        wide, high = frame.rise * rng.uniform(0.24, 0.4), frame.rise * rng.uniform(0.05, 0.1)
        if not stage.free(edge - side * wide * 0.3, wide * 0.3, 0.985):
            continue
        low = frame.height + 12
        mound = (
            f"M{num(edge + side * 20)} {num(low - high * 1.3)}Q{num(edge - side * wide * 0.4)} {num(low - high * 1.5)}"
        )
        stage.canvas.path(
            f"{mound} {num(edge - side * wide)} {num(low)}L{num(edge + side * 20)} {num(low)}Z",
            light.land(scale(sand, 0.9), 0.05, -0.25),
        )
        blades: dict[int, list[str]] = {0: [], 1: []}
        for k in range(34):
            t = rng.random() ** 1.3
            x, y = edge - side * wide * 0.8 * t, low - high * (1.25 - 1.1 * t * t)
            long = frame.rise * rng.uniform(0.05, 0.13) * (1.1 - 0.6 * t)
            tip = x + rng.gauss(-0.12 * side, 0.36) * long + lean
            blades[k % 2].append(
                f"M{num(x - 2.4)} {num(y)}Q{num(x)} {num(y - long * 0.6)} {num(tip)} {num(y - long)}"
                f"Q{num(x + 3)} {num(y - long * 0.5)} {num(x + 2.4)} {num(y)}Z"
            )
        for pick, parts in blades.items():
            tone = light.land(rgb(("#5f7a4a", "#a3a860")[pick]), 0.0, -0.4 + 0.9 * pick)
            stage.canvas.path("".join(parts), tone, outlined=False)


def draw_snow(stage: Stage, band: Band) -> None:
    """A snowfield with drifts."""
    draw_rolling(stage, band, albedo(stage, band.layer))
    folds(stage, band, albedo(stage, band.layer))
    _drifts(stage, band)
    if stage.world.season is Season.WINTER:
        verge(stage, band, rgb("#b39a72"))


def draw_sand(stage: Stage, band: Band) -> None:
    """A beach: sand, a darker wet rim towards water, shells and pebbles."""
    sand = albedo(stage, band.layer)
    draw_rolling(stage, band, sand)
    _ripples(stage, band, sand)
    rng, light, frame = stage.rng("sand", band.layer.detail), stage.light, stage.frame
    if stage.floor > frame.height:
        _dune_grass(stage, band)
    dots = [ellipse(x, y, 5 * s + 1, 3 * s + 0.6) for x, y, s in scatter(stage, band, rng, 26)]
    stage.canvas.path("".join(dots), light.land(scale(sand, 0.72), band.distance, -0.2), 0.7, outlined=False)
