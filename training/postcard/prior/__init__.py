"""The prior over scenes: art direction in code. What belongs together, where it stands, which light falls on it."""

import random

from training.postcard.prior.cast import sample_cast
from training.postcard.prior.draw import Draw
from training.postcard.prior.elsewhere import ELSEWHERE
from training.postcard.prior.foreground import with_foreground
from training.postcard.prior.land import LAND
from training.postcard.prior.shores import SHORES
from training.postcard.prior.skies import sample_air, sample_world
from training.postcard.prior.staging import sample_things
from training.postcard.prior.towns import TOWNS

from safelight.postcard.scenes.scene import Scene
from safelight.postcard.scenes.vocabulary import Setting

STAGES = {**LAND, **SHORES, **TOWNS, **ELSEWHERE}

ASPECTS = (1344 / 768, 1.0, 1536 / 640, 832 / 1216, 1216 / 832, 896 / 1088, 1088 / 896, 768 / 1344, 640 / 1536)
ASPECT_WEIGHTS = (0.2, 0.24, 0.08, 0.08, 0.12, 0.08, 0.08, 0.08, 0.04)


def sample_aspect(rng: random.Random) -> float:
    """Width over height: one of the nine sizes of the service, in a third of cases slightly off."""
    aspect = rng.choices(ASPECTS, ASPECT_WEIGHTS)[0]
    return aspect * (rng.uniform(0.93, 1.07) if rng.random() < 0.33 else 1.0)


def sample_scene(rng: random.Random, aspect: float) -> Scene:
    """A scene composed for this aspect (width over height)."""
    draw = Draw(rng, aspect)
    setting, groups = sample_cast(draw)
    plan = with_foreground(draw, setting, STAGES[setting](draw))
    things = sample_things(draw, setting, plan, groups)
    if setting in (Setting.PLAIN, Setting.SPACE, Setting.TABLE) and not things:
        return sample_scene(rng, aspect)
    quiet = 1.0 - things[0].x if things else draw.third()
    air = sample_air(draw, setting, frozenset(thing.kind for thing in things))
    world = sample_world(draw, setting, air, plan.horizon, quiet)
    layers = plan.layers if setting is Setting.WINDOW else tuple(sorted(plan.layers, key=lambda layer: layer.depth))
    return Scene(world, layers, things)


__all__ = ["sample_aspect", "sample_scene"]
