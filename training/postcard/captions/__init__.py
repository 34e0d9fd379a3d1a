"""Captions of scenes, true by construction: chosen by `telling`, put into words by `forms`."""

import random
from dataclasses import replace

from training.postcard.captions.forms import speak
from training.postcard.captions.single import single
from training.postcard.captions.telling import choose
from training.postcard.prior import sample_aspect, sample_scene

from safelight.postcard.scenes.scene import Scene
from safelight.postcard.scenes.vocabulary import Colour, Palette, Style

SINGLES = 0.07
"""Share of captions that name one thing only: what a negative prompt says."""

FOCUSED = 0.35
"""Share of captions about things and little else, each with its number, colour and place: what binds them together."""


def caption(scene: Scene, rng: random.Random) -> str:
    """A caption of the scene: a part of it, in one of many forms."""
    return speak(choose(scene, rng), rng)


def sample_pair(rng: random.Random) -> tuple[Scene, str, float]:
    """A scene, its caption and the aspect (width over height) that it was composed for."""
    aspect = sample_aspect(rng)
    if rng.random() < FOCUSED:
        scene = _usual(_with_things(rng, aspect), rng)
        return scene, speak(choose(scene, rng, focused=True), rng), aspect
    scene = sample_scene(rng, aspect)
    if rng.random() < SINGLES:
        scene = _usual(scene, rng)
        word = single(scene, rng)
        if word:
            return scene, word, aspect
    return scene, caption(scene, rng), aspect


def _with_things(rng: random.Random, aspect: float) -> Scene:
    """A scene with something to bind: a number or a colour, and mostly things of several kinds."""
    groups = 2 if rng.random() < 0.65 else 1
    scene = sample_scene(rng, aspect)
    for _ in range(20):
        coloured = any(t.colour is not Colour.NATURAL for t in scene.things)
        if len({(t.kind, t.colour) for t in scene.things}) >= groups and (len(scene.things) > 1 or coloured):
            break
        scene = sample_scene(rng, aspect)
    return scene


def _usual(scene: Scene, rng: random.Random) -> Scene:
    """The scene, mostly in the usual manner: a caption that says nothing of it should get that one."""
    if rng.random() < 0.9:
        return replace(scene, world=replace(scene.world, style=Style.FLAT, palette=Palette.NATURAL))
    return scene


__all__ = ["caption", "sample_pair"]
