"""Light: what the air and the sun of a scene make of every colour.

For each light there are a few *moods*, palettes set by hand. A mood gives the sky's gradient and a ramp of terrain
colours from far to near; a thing's own colour is multiplied by the key light on its lit side and by the ambient light
on the other, and fades into the haze with distance (aerial perspective).
"""

import math
from dataclasses import dataclass, replace

from safelight.postcard.render.light.moods import MOODS, Mood, choose
from safelight.postcard.render.paper.colour import NAMED, Rgb, luma, mix, multiply, ramp, rgb, saturate, scale
from safelight.postcard.scenes.scene import World
from safelight.postcard.scenes.vocabulary import Colour, Palette, Setting, Weather

_COVER = {
    Weather.CLEAR: 0.0,
    Weather.CLOUDY: 0.12,
    Weather.OVERCAST: 0.66,
    Weather.FOGGY: 0.42,
    Weather.RAINY: 0.62,
    Weather.STORMY: 0.72,
    Weather.SNOWY: 0.46,
}
"""How far the weather takes the sky towards grey."""

_GLOOM = {Weather.OVERCAST: 0.9, Weather.RAINY: 0.78, Weather.STORMY: 0.55}
"""How bright the sky is under the weather, against a clear one."""

_HEAVY = {Weather.OVERCAST: 0.1, Weather.RAINY: 0.2, Weather.STORMY: 0.32, Weather.SNOWY: 0.08}
"""How much darker the cloud is overhead than over the horizon, where light comes in below its edge."""


def _clouded(mood: Mood, weather: Weather) -> Mood:
    cover, bright = _COVER[weather], 1 - (1 - _GLOOM.get(weather, 1.0)) * (1 - 0.65 * mood.dark)
    if cover == 0.0:
        return mood
    level = sum(luma(c) for c in mood.sky) / len(mood.sky)

    def grey(c: Rgb) -> Rgb:
        even = luma(c) * 0.45 + level * 0.55
        slate = multiply((0.95, 1.0, 1.06), (even, even, even))
        return scale(mix(c, mix(slate, saturate(c, 0.35), 0.35), cover), bright)

    soft, heavy = mix(mood.key, mood.ambient, cover * 0.5), _HEAVY.get(weather, 0.0)
    last = len(mood.sky) - 1
    return replace(
        mood,
        sky=tuple(scale(grey(c), 1 + heavy * (2 * i / last - 1)) for i, c in enumerate(mood.sky)),
        land=tuple(scale(saturate(c, 1 - cover * 0.6), bright) for c in mood.land),
        glow=mix(mood.glow, grey(mood.sky[-1]), cover * 0.8),
        cloud_lit=grey(mood.cloud_lit),
        cloud_shade=scale(grey(mood.cloud_shade), 1.0 - 0.2 * cover),
        key=scale(soft, 0.5 + 0.5 * bright),
        ambient=scale(mood.ambient, 0.5 + 0.5 * bright),
    )


_INDOORS = frozenset({Setting.TABLE, Setting.WINDOW, Setting.PLAIN})


def _sheltered(mood: Mood) -> Mood:
    """The light indoors: lamps in the dark, and never more than half of what colours the world outside."""
    lamp, shade = rgb("#ffe2b8"), rgb("#8f7a78")
    share = 0.35 + 0.45 * mood.dark
    land = tuple(mix(c, rgb("#5a4238"), 0.5) for c in mood.land)
    return replace(
        mood,
        key=mix(mood.key, lamp, share),
        ambient=mix(mood.ambient, shade, share),
        land=land,
        tint=max(mood.tint, 0.8),
    )


def _tinted(mood: Mood, colour: Rgb) -> Mood:
    """The mood with its sky drawn towards a named colour."""
    sky = tuple(mix(c, mix(scale(colour, 0.35 + 0.9 * luma(c)), colour, 0.3), 0.42) for c in mood.sky)
    return replace(mood, sky=sky, glow=mix(mood.glow, colour, 0.3))


def _moonlit(c: Rgb, share: float) -> Rgb:
    """The colour as eyes see it in the dark: less of its hue, more of the night's blue."""
    level = luma(c)
    return mix(c, (0.5 * level, 0.86 * level, 1.5 * level), share) if share > 0 else c


@dataclass(frozen=True)
class Lighting:
    """The light of one scene. ``side`` is -1 where the light comes from the left, 1 from the right."""

    mood: Mood
    fog: float
    side: float
    sun_x: float

    @property
    def haze(self) -> Rgb:
        """The colour that distance fades into."""
        return mix(self.mood.sky[-1], self.mood.land[0], 0.6 * (1 - self.fog))

    def veil(self, distance: float) -> float:
        """How much of the haze lies before something at ``distance`` (0 near, 1 at the horizon)."""
        far = min(max(distance, 0.0), 1.0)
        return min(0.92, 0.42 * math.pow(far, 1.6) + self.fog * (0.04 + 0.86 * math.pow(far, 1.25)))

    def land(self, albedo: Rgb, distance: float, side: float = 0.0) -> Rgb:
        """Terrain of colour ``albedo``; ``side`` from -1 (in shade) to 1 (in the light)."""
        mood = self.mood
        light = mix(mood.ambient, mood.key, 0.62 + 0.38 * side)
        own = _moonlit(multiply(albedo, light), 0.5 * mood.dark)
        base = ramp(mood.land, 1.0 - distance)
        shade = scale(base, 1.0 + 0.36 * side) if side < 0 else mix(base, multiply(mood.key, mood.glow), 0.3 * side)
        lit = mix(shade, own, mood.tint)
        snow = min(1.0, max(0.0, min(albedo) - 0.62) / 0.22)
        if snow > 0:
            lit = mix(lit, self._snow(side), 0.72 * snow)
        lit = scale(lit, 1 - 0.34 * mood.dark * (1 - min(1.0, distance)) * (1 - 0.6 * max(0.0, side)))
        return mix(lit, self.haze, self.veil(distance))

    def _snow(self, side: float) -> Rgb:
        """Snow in this light: it takes the sun's colour where it is lit, and the sky's where it is not."""
        mood = self.mood
        bright = mix(rgb("#f6f7fb"), mood.glow, 0.22 - 0.08 * mood.tint)
        blue = mix(rgb("#a9b6dc"), mood.sky[1], 0.3)
        return scale(mix(blue, bright, 0.62 + 0.38 * side), 1.0 - 0.5 * mood.dark**1.5)

    def thing(self, albedo: Rgb, distance: float, side: float = 0.0) -> Rgb:
        """A thing of colour ``albedo``: it keeps more of its own colour than the land does, so that it can be named."""
        mood = self.mood
        light = mix(mood.ambient, mood.key, 0.62 + 0.38 * side)
        own = _moonlit(multiply(albedo, light), 0.2 * mood.dark)
        keep = 0.55 + 0.45 * mood.tint
        base = ramp(mood.land, 0.9 - 0.6 * distance)
        lit = mix(scale(base, 1.0 + 0.3 * side), own, keep)
        white = min(1.0, max(0.0, min(albedo) - 0.7) / 0.2)
        if white > 0 and mood.tint < 0.8:
            lit = mix(lit, self._snow(side), 0.4 * white)
        return mix(lit, self.haze, 0.8 * self.veil(distance))


def lighting(world: World) -> Lighting:
    """The light of a world: its mood, the weather's grey, the side the sun stands on."""
    moods = MOODS[world.light]
    clear = moods[choose(world, len(moods))]
    if world.setting is Setting.SPACE:
        mood = replace(clear, key=rgb("#fff6ea"), ambient=rgb("#767ba8"), tint=0.85)
    else:
        mood = _sheltered(clear) if world.setting in _INDOORS else _clouded(clear, world.weather)
    if world.accent is not Colour.NATURAL and world.palette is not Palette.MONOCHROME:
        mood = _tinted(mood, rgb(NAMED[world.accent]))
    fog = world.fog if world.fog >= 0.08 and world.setting not in _INDOORS else 0.0
    side = -1.0 if world.sky.body_x < 0.5 else 1.0
    return Lighting(mood, fog, side, world.sky.body_x)
