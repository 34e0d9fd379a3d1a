"""Captions of scenes, true by construction: chosen by `telling`, put into words by `forms`."""

import random
from dataclasses import replace

from training.postcard.captions.forms import speak
from training.postcard.captions.single import single
from training.postcard.captions.telling import choose
from training.postcard.prior import sample_aspect, sample_scene

from safelight.postcard.scene import Scene
from safelight.postcard.vocabulary import Palette, Style

SINGLES = 0.07
"""Share of captions that name one thing only: what a negative prompt says."""


def caption(scene: Scene, rng: random.Random) -> str:
    """A caption of the scene: a part of it, in one of many forms."""
    return speak(choose(scene, rng), rng)


def sample_pair(rng: random.Random) -> tuple[Scene, str, float]:
    """A scene, its caption and the aspect (width over height) that it was composed for."""
    aspect = sample_aspect(rng)
    scene = sample_scene(rng, aspect)
    if rng.random() < SINGLES:
        # Such a caption says nothing of the manner, which then should be the usual one.
        if rng.random() < 0.9:
            scene = replace(scene, world=replace(scene.world, style=Style.FLAT, palette=Palette.NATURAL))
        word = single(scene, rng)
        if word:
            return scene, word, aspect
    return scene, caption(scene, rng), aspect


__all__ = ["caption", "sample_pair"]
