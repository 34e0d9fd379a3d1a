"""Edits of scenes by the shipped weights."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from safelight.engine.pipeline.twins import beside
from safelight.postcard import PostcardImg2ImgPipeline, PostcardPipeline
from safelight.postcard.scene import rounded
from safelight.postcard.scene_file import read
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
