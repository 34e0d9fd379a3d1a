"""What an edit keeps of a scene: a plan, or a mask, as tensors that say what of the latent is drawn anew."""

# Tested in tests/postcard/test_editing.py.

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from safelight.postcard.codec import SceneCodec
from safelight.postcard.instructions.draft import ALL_OF_A_LAYER, ALL_OF_A_THING, Plan
from safelight.postcard.layout import PRESENCE
from safelight.postcard.render import placed_things
from safelight.postcard.scenes.scene import MAX_THINGS, Scene, Sky, World, domains

Slots = list[Collection[str]]
ALL_OF_THE_WORLD, ALL_OF_THE_SKY = (frozenset(name for name, _ in domains(part)) for part in (World, Sky))
_WHITE = 128
_MOSTLY, _NEARLY_ALL = 0.6, 0.9


@dataclass(frozen=True)
class Kept:
    """The clean latents of a scene, which of their numbers are drawn anew, and within which bounds; all of the shape
    (1, slots, width)."""

    clean: Tensor
    free: Tensor
    low: Tensor
    high: Tensor

    def to(self, device: torch.device) -> Kept:
        """The same on that device."""
        return Kept(*(each.to(device) for each in (self.clean, self.free, self.low, self.high)))

    def __call__(self, predicted: Tensor) -> Tensor:
        """A step's clean latents with what is kept put in its place."""
        return torch.where(self.free, predicted.clamp(self.low, self.high), self.clean)


def by_plan(codec: SceneCodec, plan: Plan) -> Kept:
    """All is kept but the fields that the plan leaves open."""
    order = codec.order(plan.scene)
    return _kept(codec, plan.scene, plan.world, plan.sky, list(plan.layers), [plan.things[i] for i in order])


def all_anew(codec: SceneCodec, scene: Scene) -> Kept:
    """Nothing is kept but what the noise leaves of it."""
    kept = _kept(codec, scene, (), (), [], [])
    return Kept(kept.clean, torch.ones_like(kept.free), kept.low, kept.high)


def by_mask(codec: SceneCodec, scene: Scene, mask: Image.Image, plan: Plan | None = None) -> Kept:
    """What stands outside the mask (white where it is drawn anew) is kept. Inside, all of the scene is drawn anew and
    other things may come, or, with a plan for the scene, what that leaves open.

    A thing stands where its middle is, a layer and the sky where most of them is. What holds for the whole picture, as
    light does, is kept unless nearly all of it is white. What is drawn anew stays in the white part's box.
    """
    white = np.asarray(mask) >= _WHITE
    if plan is None:
        inside = things_inside(scene, mask)
        things: Slots = [ALL_OF_A_THING if inside[i] else () for i in codec.order(scene)]
        things += [ALL_OF_A_THING | {PRESENCE}] * (MAX_THINGS - len(things))
        world, sky, layers = ALL_OF_THE_WORLD, ALL_OF_THE_SKY, (ALL_OF_A_LAYER,) * len(scene.layers)
    else:
        things = [plan.things[i] for i in codec.order(scene)]
        world, sky, layers = plan.world, plan.sky, plan.layers
    horizon = round(scene.world.horizon * white.shape[0])
    feet = [horizon + round((white.shape[0] - horizon) * layer.depth) for layer in scene.layers]
    kept = _kept(
        codec,
        scene,
        world if white.mean() >= _NEARLY_ALL else (),
        sky if _share(white[:horizon]) >= _MOSTLY else (),
        [open_ if _share(white[foot:]) >= _MOSTLY else () for open_, foot in zip(layers, feet, strict=True)],
        things,
    )
    return _within(codec, kept, scene, white)


def things_inside(scene: Scene, mask: Image.Image) -> list[bool]:
    """For each thing of a scene, whether its middle is where the mask is white."""
    white = np.asarray(mask) >= _WHITE
    height, width = white.shape
    frame, placed = placed_things(scene, width, height)
    found = []
    for each in placed:
        x = min(width - 1, max(0, int(each.x / frame.width * width)))
        y = min(height - 1, max(0, int((each.y - each.size / 2) / frame.height * height)))
        found.append(bool(white[y, x]))
    return found


def _share(white: NDArray[np.bool_]) -> float:
    return float(white.mean()) if white.size else 0.0


def _kept(
    codec: SceneCodec,
    scene: Scene,
    world: Collection[str],
    sky: Collection[str],
    layers: Slots,
    things: Slots,
) -> Kept:
    clean = codec.to_latents(torch.from_numpy(codec.to_values(scene))[None])
    free = torch.zeros(clean.shape, dtype=torch.bool)
    rows: dict[str, Slots] = {"world": [world], "sky": [sky], "layer": layers, "thing": things}
    for kind in codec.layout.kinds:
        for row, open_ in enumerate(rows[kind.name]):
            for f in kind.fields:
                if f.name in open_:
                    free[:, kind.first + row, f.offset : f.offset + f.width] = True
    bound = torch.full(clean.shape, torch.inf)
    return Kept(clean, free, -bound, bound)


def _within(codec: SceneCodec, kept: Kept, scene: Scene, white: NDArray[np.bool_]) -> Kept:
    """Things that are drawn anew stand within the white part's box."""
    rows, columns = np.flatnonzero(white.any(1)), np.flatnonzero(white.any(0))
    if not len(rows):
        return kept
    height, width = white.shape
    horizon = scene.world.horizon
    left, right = columns[0] / width, (columns[-1] + 1) / width
    top, bottom = rows[0] / height, (rows[-1] + 1) / height
    deep = [min(1.0, max(0.0, (y - horizon) / (1 - horizon))) for y in (top, bottom)]
    bounds = {"x": (left, right), "depth": (deep[0], deep[1])}
    if bottom < horizon:  # all of it is in the sky
        bounds["lift"] = (1 - bottom / horizon, 1 - top / horizon)
    kind = codec.layout.kind("thing")
    low, high = kept.low.clone(), kept.high.clone()
    for f in kind.fields:
        if f.name in bounds:
            at = slice(kind.first, kind.first + kind.count), f.offset
            low[0, at[0], at[1]], high[0, at[0], at[1]] = (2 * bound - 1 for bound in bounds[f.name])
    return Kept(kept.clean, kept.free, low, high)
