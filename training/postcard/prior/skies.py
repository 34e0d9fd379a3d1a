"""Light, weather, season, palette and style, and the sky that belongs to them."""

from dataclasses import dataclass

from training.postcard.prior.draw import Draw

from safelight.postcard.scenes.scene import Sky, World
from safelight.postcard.scenes.vocabulary import (
    CloudKind,
    Colour,
    Light,
    MoonPhase,
    Palette,
    Season,
    Setting,
    SkyBody,
    Style,
    Weather,
)

LIGHTS = tuple(Light)
LIGHT_WEIGHTS = (0.15, 0.24, 0.14, 0.17, 0.13, 0.17)
WEATHERS = tuple(Weather)
WEATHER_WEIGHTS = (0.42, 0.18, 0.07, 0.11, 0.08, 0.07, 0.07)
SEASONS = tuple(Season)
SEASON_WEIGHTS = (0.22, 0.40, 0.19, 0.19)
PALETTES = tuple(Palette)
PALETTE_WEIGHTS = (0.56, 0.08, 0.09, 0.07, 0.06, 0.06, 0.04, 0.04)
STYLES = tuple(Style)
STYLE_WEIGHTS = (0.46, *(0.54 / 11 for _ in range(11)))
PHASES = tuple(MoonPhase)

AIRLESS = frozenset({Setting.SPACE, Setting.UNDERWATER, Setting.TABLE, Setting.PLAIN})
"""Settings where no weather is to be seen."""

NORTHERN = frozenset({Setting.TUNDRA, Setting.MOUNTAINS, Setting.LAKE, Setting.PINE_FOREST, Setting.FANTASY})
"""Where the aurora is at home; elsewhere it is rare."""

HOT = frozenset({Setting.DESERT, Setting.OASIS, Setting.CANYON, Setting.JUNGLE, Setting.PLANET, Setting.VOLCANO})
"""Where it seldom snows."""

LOW_SUN = (Light.DAWN, Light.SUNSET)
DARK = (Light.DUSK, Light.NIGHT)


@dataclass(frozen=True, slots=True)
class Air:
    """What was decided about the air before the sky is drawn up."""

    light: Light
    weather: Weather
    season: Season


WINTRY = frozenset(
    {"snowman", "skier", "snowboarder", "sled", "igloo", "santa", "christmas_tree", "penguin", "polar_bear"}
)
AUTUMNAL = frozenset({"autumn_tree", "jack_o_lantern", "maple_leaf"})
VERNAL = frozenset({"cherry_tree", "tulip", "chick", "cherry_blossom", "hyacinth"})


def _season(draw: Draw, kinds: frozenset[str]) -> Season:
    """A season that suits the things, mostly."""
    for family, season in ((WINTRY, Season.WINTER), (AUTUMNAL, Season.AUTUMN), (VERNAL, Season.SPRING)):
        if family & kinds and draw.chance(0.8):
            return season
    return draw.weighted(SEASONS, SEASON_WEIGHTS)


def sample_air(draw: Draw, setting: Setting, kinds: frozenset[str] = frozenset()) -> Air:
    """Light, weather and season that go together in this setting and with things of these kinds."""
    if setting is Setting.SPACE:
        return Air(Light.NIGHT, Weather.CLEAR, Season.SUMMER)
    light = draw.weighted(LIGHTS, LIGHT_WEIGHTS)
    if setting is Setting.PLAIN:
        return Air(Light.NOON if draw.chance(0.9) else light, Weather.CLEAR, Season.SUMMER)
    if setting is Setting.UNDERWATER:
        return Air(Light.NOON if draw.chance(0.5) else light, Weather.CLEAR, Season.SUMMER)
    season = _season(draw, kinds)
    if setting is Setting.TUNDRA:
        season = Season.WINTER
    elif setting in HOT and draw.chance(0.85):
        season = Season.SUMMER
    if setting is Setting.TABLE:
        return Air(light, Weather.CLEAR, season)
    weather = draw.weighted(WEATHERS, WEATHER_WEIGHTS)
    if setting is Setting.PLANET and draw.chance(0.7):
        weather = Weather.CLEAR
    if weather is Weather.SNOWY:
        if setting in HOT and draw.chance(0.85):
            weather = Weather.CLEAR
        else:
            season = Season.WINTER
    return Air(light, weather, season)


def sample_world(draw: Draw, setting: Setting, air: Air, horizon: float, quiet_side: float) -> World:
    """The world of a scene. `quiet_side` is the x where the main thing is not: sun and moon go there."""
    weather = air.weather
    fog = draw.between(0.4, 0.75) if weather is Weather.FOGGY else 0.0
    if weather is Weather.RAINY and draw.chance(0.4):
        fog = draw.between(0.1, 0.3)
    rain = 0.0
    if weather is Weather.RAINY or (weather is Weather.STORMY and draw.chance(0.8)):
        rain = draw.between(0.4, 1.0)
    gusty = weather in (Weather.STORMY, Weather.RAINY, Weather.SNOWY)
    return World(
        setting=setting,
        light=air.light,
        weather=weather,
        season=air.season,
        palette=draw.weighted(PALETTES, PALETTE_WEIGHTS),
        style=draw.weighted(STYLES, STYLE_WEIGHTS),
        accent=_accent(draw, setting),
        horizon=horizon,
        mood=draw.rng.random(),
        fog=fog,
        rain=rain,
        snowfall=draw.between(0.35, 1.0) if weather is Weather.SNOWY else 0.0,
        wind=draw.between(-0.9, 0.9) if gusty else draw.between(-0.25, 0.25),
        detail=draw.detail(),
        sky=_sky(draw, setting, air, quiet_side),
    )


GROUNDS = tuple(c for c in Colour if c not in (Colour.NATURAL, Colour.BLACK, Colour.SILVER, Colour.LIME))


def _accent(draw: Draw, setting: Setting) -> Colour:
    """The background of a plain picture; elsewhere the light keeps its own tint."""
    if setting is not Setting.PLAIN:
        return Colour.NATURAL
    if draw.chance(0.35):
        return draw.pick((Colour.NATURAL, Colour.CREAM, Colour.WHITE, Colour.BEIGE))
    return draw.pick(GROUNDS)


def _sky(draw: Draw, setting: Setting, air: Air, quiet_side: float) -> Sky:
    if setting in (Setting.PLAIN, Setting.TABLE):
        return Sky(body=SkyBody.NONE)
    if setting is Setting.UNDERWATER:
        return Sky(body=SkyBody.NONE, body_x=quiet_side)
    if setting is Setting.SPACE:
        milky_way = draw.between(0.5, 1.0) if draw.chance(0.4) else 0.0
        return Sky(body=SkyBody.NONE, stars=draw.between(0.5, 1.0), milky_way=milky_way)
    kind, clouds = _clouds(draw, air.weather)
    body, height = _body(draw, air)
    clear_night = air.light is Light.NIGHT and air.weather is Weather.CLEAR
    bright = air.light not in DARK
    showers = air.weather in (Weather.CLOUDY, Weather.RAINY, Weather.CLEAR)
    return Sky(
        body=body,
        body_x=min(0.9, max(0.1, quiet_side + draw.between(-0.08, 0.08))),
        body_height=height,
        body_size=draw.between(0.65, 1.0) if draw.chance(0.15) else draw.between(0.2, 0.5),
        phase=draw.pick(PHASES),
        cloud_kind=kind,
        clouds=clouds,
        stars=_stars(draw, setting, air),
        milky_way=draw.between(0.5, 1.0) if clear_night and draw.chance(0.2) else 0.0,
        aurora=draw.between(0.5, 1.0) if clear_night and draw.chance(0.3 if setting in NORTHERN else 0.06) else 0.0,
        rainbow=draw.between(0.5, 1.0) if bright and showers and draw.chance(0.07) else 0.0,
        lightning=draw.between(0.5, 1.0) if air.weather is Weather.STORMY and draw.chance(0.6) else 0.0,
        birds=draw.between(0.25, 0.8) if bright and setting is not Setting.PLANET and draw.chance(0.12) else 0.0,
    )


def _clouds(draw: Draw, weather: Weather) -> tuple[CloudKind, float]:
    """A clear sky has none at all, so that "no clouds" is true of it."""
    if weather is Weather.CLEAR:
        return CloudKind.CUMULUS, 0.0
    if weather is Weather.CLOUDY:
        kinds = (CloudKind.CUMULUS, CloudKind.STRATUS, CloudKind.CIRRUS)
        return draw.weighted(kinds, (0.65, 0.15, 0.2)), draw.between(0.35, 0.75)
    if weather is Weather.OVERCAST:
        return CloudKind.STRATUS, draw.between(0.8, 1.0)
    if weather is Weather.STORMY:
        return CloudKind.STORM, draw.between(0.7, 1.0)
    if weather is Weather.FOGGY:
        return CloudKind.STRATUS, 0.0 if draw.chance(0.6) else draw.between(0.2, 0.5)
    return CloudKind.STRATUS, draw.between(0.5, 0.9)


def _body(draw: Draw, air: Air) -> tuple[SkyBody, float]:
    """Sun or moon, and its height in the sky."""
    hidden = {Weather.CLEAR: 0.0, Weather.CLOUDY: 0.25, Weather.FOGGY: 0.5}.get(air.weather, 0.9)
    seen = not draw.chance(hidden)
    if air.light in LOW_SUN:
        return (SkyBody.SUN if seen and draw.chance(0.85) else SkyBody.NONE), draw.between(0.06, 0.3)
    if air.light is Light.GOLDEN_HOUR:
        return (SkyBody.SUN if seen and draw.chance(0.8) else SkyBody.NONE), draw.between(0.2, 0.45)
    if air.light is Light.NOON:
        return (SkyBody.SUN if seen and draw.chance(0.55) else SkyBody.NONE), draw.between(0.55, 0.85)
    if air.light is Light.DUSK:
        return (SkyBody.MOON if seen and draw.chance(0.4) else SkyBody.NONE), draw.between(0.35, 0.8)
    return (SkyBody.MOON if seen and draw.chance(0.65) else SkyBody.NONE), draw.between(0.4, 0.85)


def _stars(draw: Draw, setting: Setting, air: Air) -> float:
    if setting is Setting.PLANET and air.weather is Weather.CLEAR:
        return draw.between(0.4, 0.9)
    if air.light is Light.NIGHT and air.weather is Weather.CLEAR:
        return draw.between(0.4, 1.0) if draw.chance(0.85) else 0.0
    if air.light is Light.NIGHT and air.weather is Weather.CLOUDY:
        return draw.between(0.15, 0.4) if draw.chance(0.4) else 0.0
    if air.light is Light.DUSK and air.weather is Weather.CLEAR and draw.chance(0.3):
        return draw.between(0.15, 0.4)
    return 0.0
