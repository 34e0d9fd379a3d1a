"""Scenes made by hand: one for each kind of place the renderer composes differently."""

from dataclasses import replace

from safelight.postcard.render import rasterise, render_svg
from safelight.postcard.scenes.scene import Layer, Scene, Sky, Thing, World
from safelight.postcard.scenes.vocabulary import (
    CloudKind,
    Colour,
    Facing,
    LayerKind,
    Light,
    MoonPhase,
    Season,
    Setting,
    SkyBody,
    Style,
    Weather,
)

SIZES = (
    (1024, 1024),
    (1152, 896),
    (896, 1152),
    (1216, 832),
    (832, 1216),
    (1344, 768),
    (768, 1344),
    (1536, 640),
    (640, 1536),
)
"""The nine sizes of the endpoint."""


def small(size: tuple[int, int], share: int = 8) -> tuple[int, int]:
    """The same aspect in fewer pixels, for speed."""
    return size[0] // share, size[1] // share


SMALL = tuple(small(size, 10) for size in SIZES)


def styled(scene: Scene, style: Style) -> Scene:
    """The scene in another style."""
    return replace(scene, world=replace(scene.world, style=style))


def spread(scene: Scene, size: tuple[int, int]) -> float:
    """Draws the scene and gives the spread of its colours: 0 would be an empty sheet."""
    return float(rasterise(render_svg(scene, *size), *size).std())


SUNSET_MOUNTAINS = Scene(
    World(
        Setting.MOUNTAINS,
        Light.SUNSET,
        horizon=0.6,
        mood=0.1,
        sky=Sky(body_x=0.68, body_height=0.12, body_size=0.5, cloud_kind=CloudKind.STRATUS, clouds=0.4),
    ),
    (
        Layer(LayerKind.MOUNTAINS, 0.0, 0.38, peak=0.35, detail=0.3),
        Layer(LayerKind.MOUNTAINS, 0.03, 0.22, peak=0.8, detail=0.6),
        Layer(LayerKind.PINES, 0.2, 0.14, density=0.8),
        Layer(LayerKind.LAKE, 0.35),
        Layer(LayerKind.GRASS, 0.85, 0.1),
    ),
    (Thing("deer", 0.3, 0.9),),
)

GLOWING_NIGHT = Scene(
    World(
        Setting.FANTASY,
        Light.NIGHT,
        horizon=0.6,
        sky=Sky(SkyBody.MOON, 0.75, 0.6, phase=MoonPhase.GIBBOUS, stars=0.8, milky_way=0.6),
    ),
    (
        Layer(LayerKind.MOUNTAINS, 0.0, 0.25, peak=0.3),
        Layer(LayerKind.GLOWING_MUSHROOMS, 0.15, 0.3),
        Layer(LayerKind.GRASS, 0.6, 0.1, density=0.9),
    ),
    (
        Thing("glowing_mushroom", 0.3, 0.8, scale=1.5),
        Thing("glowing_mushroom", 0.5, 0.9, variant=0.5),
        Thing("glowing_mushroom", 0.72, 0.75, scale=1.3, variant=0.9),
    ),
)

BOATS_AT_NOON = Scene(
    World(Setting.SEA, horizon=0.5, sky=Sky(body_x=0.7, body_height=0.6, clouds=0.5)),
    (Layer(LayerKind.SEA, 0.0, roughness=0.4),),
    (Thing("sailboat", 0.3, 0.35, scale=1.3), Thing("sailboat", 0.65, 0.2), Thing("lighthouse", 0.85, 0.1)),
)

STORM_OVER_HILLS = Scene(
    World(
        Setting.HILLS,
        weather=Weather.STORMY,
        horizon=0.6,
        rain=0.6,
        wind=0.4,
        sky=Sky(SkyBody.NONE, cloud_kind=CloudKind.STORM, clouds=0.7, lightning=0.7),
    ),
    (
        Layer(LayerKind.HILLS, 0.0, 0.15),
        Layer(LayerKind.HILLS, 0.2, 0.2, peak=0.7, detail=0.5),
        Layer(LayerKind.HILLS, 0.5, 0.15, detail=0.8),
    ),
    (Thing("castle", 0.66, 0.35, scale=1.2),),
)

WINTER_AURORA = Scene(
    World(
        Setting.TUNDRA, Light.NIGHT, season=Season.WINTER, snowfall=0.4, sky=Sky(SkyBody.NONE, stars=0.8, aurora=0.9)
    ),
    (
        Layer(LayerKind.MOUNTAINS, 0.0, 0.25, peak=0.3),
        Layer(LayerKind.PINES, 0.12, 0.16),
        Layer(LayerKind.SNOW, 0.35, 0.05),
    ),
    (Thing("cabin", 0.66, 0.6), Thing("snowman", 0.4, 0.8, facing=Facing.RIGHT)),
)

STILL_LIFE = Scene(
    World(Setting.WINDOW, Light.DUSK, horizon=0.5, sky=Sky(body_x=0.5, body_height=0.3)),
    (
        Layer(LayerKind.MOUNTAINS, 0.0, 0.3),
        Layer(LayerKind.LAKE, 0.1),
        Layer(LayerKind.WINDOW, 0.35),
        Layer(LayerKind.TABLE, 0.5),
    ),
    (Thing("vase", 0.35, 0.4), Thing("cup", 0.6, 0.6, colour=Colour.RED), Thing("books", 0.75, 0.4)),
)

CITY_NIGHT = Scene(
    World(Setting.CITY, Light.NIGHT, horizon=0.66, sky=Sky(SkyBody.MOON, 0.2, 0.75, stars=0.6, rainbow=0.2, birds=0.4)),
    (Layer(LayerKind.SKYLINE, 0.0, 0.5, density=0.8), Layer(LayerKind.LAKE, 0.1), Layer(LayerKind.PIER, 0.4)),
    (Thing("hot_air_balloon", 0.6, 0.4, lift=0.6),),
)

REEF = Scene(
    World(Setting.UNDERWATER, horizon=0.4),
    (Layer(LayerKind.CORALS, 0.4, 0.25), Layer(LayerKind.KELP, 0.7, 0.4)),
    (Thing("turtle", 0.4, 0.5, lift=0.5), Thing("tropical_fish", 0.6, 0.6, lift=0.4)),
)

DEEP_SPACE = Scene(
    World(Setting.SPACE, Light.NIGHT, horizon=0.5),
    (),
    (Thing("ringed_planet", 0.65, 0.8, lift=0.5, scale=1.5), Thing("rocket", 0.3, 0.8, lift=0.4)),
)

RED_HEART = Scene(World(Setting.PLAIN, accent=Colour.WHITE), (), (Thing("heart", 0.5, 0.6, colour=Colour.RED),))

SCENES = {
    "sunset mountains": SUNSET_MOUNTAINS,
    "glowing night": GLOWING_NIGHT,
    "boats at noon": BOATS_AT_NOON,
    "storm over hills": STORM_OVER_HILLS,
    "winter aurora": WINTER_AURORA,
    "still life": STILL_LIFE,
    "city night": CITY_NIGHT,
    "reef": REEF,
    "deep space": DEEP_SPACE,
    "red heart": RED_HEART,
}
