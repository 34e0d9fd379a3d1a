"""What changes of the air: light, weather, what is in the sky, and where all of it is."""

# Tested in tests/postcard/test_instructions.py.

from __future__ import annotations

from dataclasses import replace
from typing import Any

from safelight.postcard.instructions.draft import ALL_OF_A_LAYER, Draft, Fields
from safelight.postcard.scenes.scene import MAX_LAYERS, Layer, World
from safelight.postcard.scenes.vocabulary import CloudKind, Light, Setting, SkyBody, Weather

_LIGHTS_UP: Fields = frozenset({"body_x", "body_height", "body_size", "phase", "stars", "milky_way"})
_AMOUNT, _SEEN, _MORE = 0.6, 0.15, 0.35
_DARK = (Light.DUSK, Light.NIGHT)
# What a weather is seen by. The renderer draws an amount from 0.08 on.
_WEATHERS: dict[Weather, tuple[dict[str, Any], dict[str, Any]]] = {
    Weather.CLEAR: ({"fog": 0.0, "rain": 0.0, "snowfall": 0.0}, {"clouds": 0.0, "lightning": 0.0}),
    Weather.CLOUDY: ({}, {"clouds": 0.55, "cloud_kind": CloudKind.CUMULUS}),
    Weather.OVERCAST: ({}, {"clouds": 0.9, "cloud_kind": CloudKind.STRATUS}),
    Weather.FOGGY: ({"fog": 0.6}, {}),
    Weather.RAINY: ({"rain": 0.6, "snowfall": 0.0}, {"clouds": 0.7, "cloud_kind": CloudKind.STRATUS}),
    Weather.STORMY: (
        {"rain": 0.5, "wind": 0.6, "snowfall": 0.0},
        {"clouds": 0.9, "cloud_kind": CloudKind.STORM, "lightning": 0.5},
    ),
    Weather.SNOWY: ({"snowfall": 0.6, "rain": 0.0}, {"clouds": 0.6, "cloud_kind": CloudKind.STRATUS}),
}
_CALLED_AFTER = {
    "clouds": (Weather.CLOUDY, Weather.OVERCAST),
    "fog": (Weather.FOGGY,),
    "rain": (Weather.RAINY, Weather.STORMY),
    "snowfall": (Weather.SNOWY,),
    "lightning": (Weather.STORMY,),
}


def set_light(draft: Draft, light: Light) -> None:
    """Also what shines: no sun at night, no stars by day."""
    was_dark, sky = draft.world.light in _DARK, draft.world.sky
    draft.world = replace(draft.world, light=light)
    draft.free_world.add("mood")
    if light in _DARK:
        draft.sky(body=SkyBody.MOON if sky.body is not SkyBody.NONE or not was_dark else SkyBody.NONE, rainbow=0.0)
    elif was_dark:
        draft.sky(body=SkyBody.SUN, stars=0.0, milky_way=0.0, aurora=0.0)
    elif sky.body is SkyBody.MOON:
        draft.sky(body=SkyBody.SUN)
    draft.free_sky |= _LIGHTS_UP if light in _DARK else _LIGHTS_UP - {"stars", "milky_way"}


def set_weather(draft: Draft, weather: Weather) -> None:
    """With all that it is seen by."""
    world, sky = _WEATHERS[weather]
    draft.world = replace(draft.world, weather=weather, **world)
    draft.sky(**sky)


def set_sky(draft: Draft, what: str, *, present: bool = True) -> None:
    """Something in the air comes or goes; the weather is called after what is left."""
    draft.free_sky.discard(what)  # as where another change has left it open
    world, amount = draft.world, _AMOUNT if present else 0.0
    match what:
        case "sun" | "moon":
            if present:
                draft.sky(body=SkyBody(what))
                draft.free_sky |= {"body_x", "body_height", "body_size", "phase"}
            elif world.sky.body == what:
                draft.sky(body=SkyBody.NONE)
        case "fog" | "rain" | "snowfall":
            values: dict[str, Any] = {what: amount}
            draft.world = replace(world, **values)
        case _:
            draft.sky(**{what: amount})
    calls = {"clouds": Weather.CLOUDY, "fog": Weather.FOGGY, "rain": Weather.RAINY, "snowfall": Weather.SNOWY}
    called = calls.get(what)
    if present and called is not None:
        draft.world = replace(draft.world, weather=called)
    elif not present and draft.world.weather in _CALLED_AFTER.get(what, ()):
        draft.world = replace(draft.world, weather=_left(draft.world))


def increase(draft: Draft, what: str) -> None:
    """More of what is in the air already, or some of it."""
    held = draft.world if what in ("fog", "rain", "snowfall") else draft.world.sky
    was = getattr(held, what, None)
    set_sky(draft, what)
    if isinstance(was, float) and was >= _SEEN:
        _amount(draft, what, min(1.0, was + _MORE))


def decrease(draft: Draft, what: str) -> None:
    """Half of it, or nothing where hardly any is left."""
    held = draft.world if what in ("fog", "rain", "snowfall") else draft.world.sky
    was = getattr(held, what, None)
    if isinstance(was, float) and was / 2 >= _SEEN:
        _amount(draft, what, was / 2)
    else:
        set_sky(draft, what, present=False)


def _amount(draft: Draft, what: str, amount: float) -> None:
    values: dict[str, Any] = {what: amount}
    if what in ("fog", "rain", "snowfall"):
        draft.world = replace(draft.world, **values)
    else:
        draft.sky(**values)


def _left(world: World) -> Weather:
    """What a weather is called by what is still to be seen of it."""
    seen = {
        Weather.RAINY: world.rain,
        Weather.SNOWY: world.snowfall,
        Weather.FOGGY: world.fog,
        Weather.CLOUDY: world.sky.clouds,
    }
    most = max(seen, key=lambda weather: seen[weather])
    return most if seen[most] > _SEEN else Weather.CLEAR


def set_setting(draft: Draft, setting: Setting) -> None:
    """Another place: the ground is drawn anew, what stands on it and the light stay."""
    draft.world = replace(draft.world, setting=setting)
    draft.free_world |= {"horizon"}
    draft.layers = [(Layer(), ALL_OF_A_LAYER)] * MAX_LAYERS
