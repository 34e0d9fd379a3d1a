"""Edits of scenes by the shipped weights."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
import torch
from benchmarks.scenes import SCENES
from PIL import Image

from safelight.engine.pipeline.edits.twins import beside
from safelight.postcard import PostcardImg2ImgPipeline, PostcardInpaintPipeline, PostcardPipeline
from safelight.postcard.sampling.keeping import things_inside
from safelight.postcard.scenes.scene import rounded
from safelight.postcard.scenes.scene_file import read
from tests.postcard.test_codec import random_scene

SMALL = {"width": 64, "height": 64, "output_type": "svg"}


@pytest.fixture(scope="module")
def editor(postcard: PostcardPipeline) -> Any:
    return beside(postcard, PostcardImg2ImgPipeline)


@pytest.mark.parametrize("seed", range(10))
def test_strength_0_gives_any_scene_back_with_its_things_in_their_order(editor: Any, seed: int) -> None:
    scene = random_scene(seed)
    things = [replace(thing, depth=0.5) for thing in scene.things]
    random.Random(seed).shuffle(things)
    scene = rounded(replace(scene, things=tuple(things)))
    output = editor("a fox", scene, strength=0.0, **SMALL)
    assert read(output.scenes[0]) == scene


def test_an_instruction_keeps_what_it_does_not_name(editor: Any) -> None:
    scene = SCENES["boats at noon"]
    now = read(editor("make it night", scene, generator=torch.Generator().manual_seed(3), **SMALL).scenes[0])
    assert now.world.light == "night"
    assert now.layers == rounded(scene).layers
    assert set(now.things) == set(rounded(scene).things)
    assert (now.world.horizon, now.world.detail) == (rounded(scene).world.horizon, rounded(scene).world.detail)


def test_an_instruction_that_names_nothing_known_keeps_most(editor: Any) -> None:
    scene = SCENES["boats at noon"]
    now = read(editor("make it more beautiful", scene, generator=torch.Generator().manual_seed(3), **SMALL).scenes[0])
    assert now.world.setting == scene.world.setting


def test_what_no_scene_can_hold_leaves_it_as_it_is_and_a_slip_is_no_other_word(editor: Any) -> None:
    scene = SCENES["boats at noon"]
    now = read(
        editor("write 'hello' on the sail", scene, generator=torch.Generator().manual_seed(3), **SMALL).scenes[0]
    )
    assert now == rounded(scene)
    now = read(editor("pls add a lighthuose", scene, generator=torch.Generator().manual_seed(3), **SMALL).scenes[0])
    assert [thing.kind for thing in now.things].count("lighthouse") == 1 + [x.kind for x in scene.things].count(
        "lighthouse"
    )


@pytest.mark.parametrize("prompt", ["a whale", "add a whale", "remove the boats"])
def test_what_stands_outside_the_mask_is_kept(postcard: PostcardPipeline, prompt: str) -> None:
    scene = rounded(SCENES["boats at noon"])
    mask = Image.new("L", (64, 64))
    mask.paste(255, (0, 32, 20, 64))
    inside = things_inside(scene, mask)
    assert len(scene.things) > 1
    inpaint: Any = beside(postcard, PostcardInpaintPipeline)
    output = inpaint(prompt, scene, mask, generator=torch.Generator().manual_seed(3), **SMALL)
    now = read(output.scenes[0])
    assert (now.world, now.layers) == (scene.world, scene.layers)
    away = [thing for thing, here in zip(scene.things, inside, strict=True) if not here]
    assert all(thing in now.things for thing in away)
    assert all(thing.x <= 20 / 64 + 0.01 for thing in now.things if thing not in scene.things)


def test_a_mask_of_nothing_keeps_all_and_one_of_everything_nothing(postcard: PostcardPipeline) -> None:
    scene = rounded(SCENES["boats at noon"])
    inpaint: Any = beside(postcard, PostcardInpaintPipeline)
    kept, anew = (
        read(inpaint("a desert", scene, Image.new("L", (64, 64), grey), generator=torch.Generator(), **SMALL).scenes[0])
        for grey in (0, 255)
    )
    assert kept.world == scene.world
    assert all(thing in kept.things for thing in scene.things)
    assert anew.world.setting == "desert"
