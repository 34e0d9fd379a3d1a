"""Moods: the palettes of each light, set by hand."""

from dataclasses import dataclass

from safelight.postcard.render.paper.colour import Rgb, rgb
from safelight.postcard.scenes.scene import World
from safelight.postcard.scenes.vocabulary import Light


@dataclass(frozen=True)
class Mood:
    """One palette. ``sky`` runs from the zenith to the horizon, ``land`` from far to near."""

    sky: tuple[Rgb, ...]
    land: tuple[Rgb, ...]
    sun: Rgb
    glow: Rgb
    cloud_lit: Rgb
    cloud_shade: Rgb
    key: Rgb
    ambient: Rgb
    tint: float  # how much of its own colour the land keeps against the ramp
    dark: float  # 0 day, 1 night: lamps burn, stars show


def _mood(sky: str, land: str, bodies: str, light: str, tint: float, dark: float) -> Mood:
    sun, glow, cloud_lit, cloud_shade = (rgb(c) for c in bodies.split())
    key, ambient = (rgb(c) for c in light.split())
    stops, terrain = tuple(map(rgb, sky.split())), tuple(map(rgb, land.split()))
    return Mood(stops, terrain, sun, glow, cloud_lit, cloud_shade, key, ambient, tint, dark)


def _dawn(sky: str, land: str, bodies: str) -> Mood:
    return _mood(sky, land, bodies, "#ffe6d6 #929ac6", 0.5, 0.15)


def _noon(sky: str, land: str, bodies: str) -> Mood:
    return _mood(sky, land, bodies, "#fffdf4 #a9b9d6", 0.88, 0.0)


def _golden(sky: str, land: str, bodies: str) -> Mood:
    return _mood(sky, land, bodies, "#ffe3ac #a98a76", 0.64, 0.0)


def _sunset(sky: str, land: str, bodies: str) -> Mood:
    return _mood(sky, land, bodies, "#ffd0ae #7c5a90", 0.3, 0.35)


def _dusk(sky: str, land: str, bodies: str) -> Mood:
    return _mood(sky, land, bodies, "#d6c4ea #54559a", 0.32, 0.75)


def _night(sky: str, land: str, bodies: str) -> Mood:
    return _mood(sky, land, bodies, "#c4d4ff #3f4f96", 0.26, 1.0)


MOODS: dict[Light, tuple[Mood, ...]] = {
    Light.DAWN: (
        _dawn("#5b6ea8 #9a8fc0 #e0a8b8 #f9c9b0 #fde6c6", "#d3afb6 #7f82a6 #303c5e", "#fff3d8 #ffd3a4 #ffdcd2 #b79cc2"),
        _dawn("#6fa3b5 #a8cbc4 #e6dcc0 #fbd3ac #ffc59a", "#c6c4b4 #6f9a9a #244a55", "#fff0cf #ffcf9d #ffeede #a9bfc0"),
        _dawn("#46528e #7f78b4 #c49ac6 #f2b2b8 #ffdabc", "#bb9bc2 #6e69a2 #2a2c5a", "#fff1dc #ffc9ae #ffd6d2 #9a86bb"),
        _dawn("#7fb0d0 #b5d0dd #e9d9d6 #fbd8c8 #fde8cc", "#b9c6d2 #7796a8 #2b4a5c", "#fff6e0 #ffdcb8 #fff0e8 #b4bfd2"),
    ),
    Light.NOON: (
        _noon("#2b7bd0 #559fe4 #8cc6f3 #bfe2f8 #e4f4fa", "#a9cbe2 #6d9fb6 #2f6168", "#fffbe2 #fff3c4 #ffffff #b9cfe6"),
        _noon("#1a86ae #4fb0c8 #8fd3d6 #c8ebe1 #f0f8e8", "#a6d2d2 #5fa5a4 #1f6366", "#fffbe0 #fff2c2 #fffefa #b3d6d8"),
        _noon("#5a90cb #8ab5e0 #b9d6ec #dcebf1 #f7f4e8", "#bccfdc #83a3ae #3c626a", "#fff9e0 #fff0c8 #fffdf6 #c3cfe0"),
        _noon("#3f6fc4 #6d9be0 #a2c6f2 #d3e4f7 #fdf0e6", "#b4c4e4 #7894bb #355a78", "#fffae4 #ffefcc #ffffff #bcc8e8"),
    ),
    Light.GOLDEN_HOUR: (
        _golden(
            "#4f86b8 #9dbac4 #e9d3a2 #f8c774 #ffb45c", "#dcb98a #a17f56 #40382c", "#fff4cf #ffd27a #fff0d0 #c9a58c"
        ),
        _golden(
            "#6f93ae #cbc7aa #f4d692 #fac069 #f9a152", "#d9b483 #8f7f5c #37402f", "#fff2c8 #ffcb70 #ffeccb #c4a892"
        ),
        _golden(
            "#c08a62 #e2aa6a #f5c97a #fbdd96 #ffecb6", "#e2b377 #ab7444 #4a2f24", "#fff7d8 #ffdf94 #fff2cf #d09c72"
        ),
        _golden(
            "#7a8fc0 #b9b4c8 #efcfb0 #fbc88a #ffb978", "#d4ae9a #94766e #3b3340", "#fff3d2 #ffd08c #ffeede #b99ca6"
        ),
    ),
    Light.SUNSET: (
        _sunset(
            "#2a1a5e #7a2a7c #d6436e #ff7b54 #ffc663", "#ae5a80 #622c6c #1d1238", "#fff0b8 #ffae5c #ff9a7a #7f3278"
        ),
        _sunset(
            "#23395b #7d5280 #e0706a #ff9a5c #ffd27e", "#a26280 #553763 #1c1a38", "#fff2c0 #ffb868 #ffb08a #74507e"
        ),
        _sunset(
            "#0f4c5c #3d7a80 #c99f70 #f9904e #ffc070", "#80707e #44485e #10262f", "#fff0bc #ffac5c #ffc08c #4e7078"
        ),
        _sunset(
            "#4a3f8f #a058a8 #f07a9a #ffa58a #ffdfae", "#b078a8 #674786 #231c46", "#fff4cc #ffc08c #ffb6a6 #8a5aa2"
        ),
        _sunset(
            "#3a1030 #8c1f3c #d8443a #f98436 #ffc84e", "#9c4654 #60223c #1e0d1e", "#fff0b0 #ffb04c #ff9c5e #842a44"
        ),
    ),
    Light.DUSK: (
        _dusk("#101a40 #2a3270 #584b92 #9d6aa2 #e69e9c", "#71609a #3b3a70 #12152f", "#ffd9c0 #e8959a #b98ab4 #4a4684"),
        _dusk("#0c2338 #1f4a60 #4d7380 #97958c #e8b88e", "#6c7f86 #2f4f5e #0b1f2b", "#ffe0b8 #e6a878 #b4a8a0 #3f6272"),
        _dusk("#1b1440 #3d2466 #7a3b80 #c2648c #f5a68c", "#8a4a84 #43285e #170f2e", "#ffd6b8 #f0907c #c87a9a #55306e"),
        _dusk("#1a2440 #3c4a70 #6f769a #b39cb0 #efc4b0", "#7f83a2 #444d70 #161c30", "#ffe2cc #e8ac9c #b8aabf #525c86"),
    ),
    Light.NIGHT: (
        _night("#040a24 #0a1a4a #14306e #2a5292 #5a86b8", "#3d629c #1d3a70 #081430", "#f4f1dc #9db8ec #5c74a8 #16254e"),
        _night("#0b0526 #1c0f4a #33206e #5a3a8c #9468a8", "#6a4c9a #36246a #110a2c", "#f6efe0 #c2a2e8 #7a62ac #261850"),
        _night("#021018 #052838 #0a4658 #1d6c78 #58a096", "#3a8088 #124c5c #041c28", "#f2f4dc #94dccb #4f8c8c #0b3440"),
        _night("#050a1c #0f1c3e #1f3358 #3d5878 #7c92a4", "#50688c #26395e #0a1428", "#f3f0e2 #aebfd8 #64748f #1b2744"),
    ),
}


def choose(world: World, count: int) -> int:
    """Which of ``count`` palettes a scene takes. A model's numbers crowd around the middle of their range, so mood and
    seed are wound three and two times around: then all palettes come up about equally often.
    """
    return int((3 * world.mood + 2 * world.detail) % 1.0 * count) % count
