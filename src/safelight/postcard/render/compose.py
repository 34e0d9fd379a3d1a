"""From a scene to an SVG drawing: sky, layers and things by depth, the weather before them, the style's finish."""

from safelight.postcard.render.air import backdrops, weather
from safelight.postcard.render.air.sky import draw_sky
from safelight.postcard.render.ground.relief import Band, flat_crest, hill_crest
from safelight.postcard.render.layers import CREST_ROLLING, INDOORS, OPEN, draw_layer
from safelight.postcard.render.light.grade import grade
from safelight.postcard.render.light.lighting import lighting
from safelight.postcard.render.paper.canvas import Canvas
from safelight.postcard.render.paper.look import Look
from safelight.postcard.render.paper.pixels.bands import Pause, never
from safelight.postcard.render.placing import Placed, place
from safelight.postcard.render.plants.framing import draw_framing
from safelight.postcard.render.stage import Frame, Stage
from safelight.postcard.render.styles import STYLES
from safelight.postcard.render.techniques.medium import Medium
from safelight.postcard.render.things import draw_thing
from safelight.postcard.scenes.scene import Layer, Scene, rounded
from safelight.postcard.scenes.vocabulary import WATER_LAYERS, LayerKind, Place


def render_svg(scene: Scene, width: int, height: int, pause: Pause = never, medium: Medium | None = None) -> str:
    """The scene drawn for ``width`` x ``height`` pixels, as an SVG document of that size.

    The same scene and aspect always give the same text. The scene's numbers are rounded first (`scene.rounded`).
    ``pause`` is called between pieces of work. ``medium`` is drawn in instead of that of the scene's style.
    """
    scene = rounded(scene)
    medium = medium or STYLES[scene.world.style]
    stage, bands, placed = _arranged(scene, width, height, medium)
    stage.pause = pause
    stage.boxes.extend((p.x - p.half, p.y - p.size, p.x + p.half, p.y) for p in placed)
    stage.clear.extend(
        (p.x - p.half, p.x + p.half, p.depth) for p in placed if p.carried in (Place.GROUND, Place.WATER, Place.TABLE)
    )
    stage.floor = _floor(stage, bands)
    if not backdrops.draw_backdrop(stage):
        draw_sky(stage)
        weather.draw_lightning(stage)
    _draw_depths(stage, bands, placed)
    if not any(layer.kind in INDOORS for layer in scene.layers):
        weather.draw_air(stage)
    pause()
    return medium.finished(stage, width, height)


def placed_things(scene: Scene, width: int, height: int) -> tuple[Frame, list[Placed]]:
    """Where the things of a scene come to stand in a picture of that size, in user units of its frame."""
    stage, _, placed = _arranged(rounded(scene), width, height, STYLES[scene.world.style])
    return stage.frame, placed


def _arranged(scene: Scene, width: int, height: int, medium: Medium) -> tuple[Stage, list[Band], list[Placed]]:
    stage = _stage(scene, width, height, medium.look)
    bands = [_band(stage, layer, i, len(scene.layers)) for i, layer in enumerate(_ordered(scene))]
    return stage, bands, place(stage, bands, scene.things)


def _stage(scene: Scene, width: int, height: int, look: Look) -> Stage:
    world = scene.world
    light = lighting(world)
    frame = Frame.of(width, height, world.horizon)
    tone = grade(world, light.mood)
    canvas = Canvas(frame.width, frame.height, lambda c: look.tone(tone(c)), look.line, look.relief)
    return Stage(canvas, frame, light, world, look)


def _ordered(scene: Scene) -> list[Layer]:
    """The layers from far to near: what is indoors after all that is outside, and no blank wall before a window."""
    kinds = {layer.kind for layer in scene.layers}
    layers = [x for x in scene.layers if not (x.kind is LayerKind.WALL and LayerKind.WINDOW in kinds)]
    return sorted(layers, key=lambda layer: (_INDOOR_ORDER.get(layer.kind, 0), layer.depth))


_INDOOR_ORDER = {LayerKind.WALL: 1, LayerKind.WINDOW: 2, LayerKind.TABLE: 3}


def _band(stage: Stage, layer: Layer, index: int, count: int) -> Band:
    distance = 0.65 * (1 - layer.depth) + 0.35 * (1 - index / max(1, count))
    if count == 1 and layer.kind not in (LayerKind.MOUNTAINS, LayerKind.VOLCANO):
        distance *= 0.55
    rng = stage.rng("crest", layer.detail)
    crest = hill_crest(stage, layer, rng) if layer.kind in CREST_ROLLING else flat_crest(stage, layer, rng)
    if layer.kind in WATER_LAYERS and layer.kind is not LayerKind.RIVER:
        foot = stage.frame.ground(layer.depth)
        return Band(layer, distance, foot, lambda _x: foot)
    return Band(layer, distance, stage.frame.ground(layer.depth), crest)


def _floor(stage: Stage, nearer: list[Band]) -> float:
    """Down to where a layer is seen: the lowest point of the next layer that covers the whole width."""
    for band in nearer:
        if band.layer.kind not in OPEN:
            return max(band.crest(stage.frame.width * i / 32) for i in range(33)) + 5
    return stage.frame.height + 12


def _draw_depths(stage: Stage, bands: list[Band], placed: list[Placed]) -> None:
    """Layers and things from far to near. Before water is drawn, all behind it is wrapped in a group it can mirror."""
    canvas = stage.canvas
    start = len(canvas.body)
    queue = list(enumerate(sorted(placed, key=_order)))
    for number, band in enumerate(bands):
        while queue and _order(queue[0][1]) < band.layer.depth:
            draw_thing(stage, *queue.pop(0))
        mirrored = ""
        if band.layer.kind in WATER_LAYERS and len(canvas.body) > start:
            mirrored = f"behind-{number}"
            canvas.body.insert(start, f'<g id="{mirrored}">')
            canvas.body.append("</g>")
        if band.layer.kind in INDOORS and not any(b.layer.kind in INDOORS for b in bands[:number]):
            weather.draw_air(stage)
        stage.floor = _floor(stage, bands[number + 1 :])
        with canvas.group(f'id="{band.layer.kind.value.replace("_", "-")}-{number}" class="layer"'):
            draw_layer(stage, band, mirrored, bands[number - 1] if number else None)
    for index, thing in queue:
        draw_thing(stage, index, thing)
    draw_framing(stage)


def _order(placed: Placed) -> float:
    """Depth in the order of drawing: what lies on a table comes after it."""
    return placed.depth + (1.0 if placed.carried is Place.TABLE else 0.0)
