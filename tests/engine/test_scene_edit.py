"""Edits of scenes in the engine: files carry them, and a drawing is made from one, not from pixels."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from benchmarks.scenes import SCENES
from PIL import Image

from safelight.contract.models.traits import EditTraits
from safelight.contract.requests.order import InputPicture, Order
from safelight.engine.checkpoint.files.location import BUNDLED
from safelight.engine.checkpoint.loading import load
from safelight.engine.pipeline.arguments import JobRefused
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.tasks.choice import task_of
from safelight.engine.tasks.scene_edit import SceneEdit
from safelight.postcard.scenes.scene import Scene
from safelight.postcard.scenes.scene_file import written
from safelight.protocol.messages import Finished, ModelSpec, Stepped
from tests.engine.drawing import Drawing, End, pixels
from tests.orders import order
from tests.sent_pictures import halves

SCENE = written(SCENES["boats at noon"])
MARK = b"<safelight:scene"


@pytest.fixture(scope="module")
def postcard() -> LoadedModel:
    model = load(ModelSpec(source=BUNDLED), "cpu")
    model.pipeline.set_progress_bar_config(disable=True)
    return model


def job(name: str = "edit", **changes: Any) -> Order:
    fields: dict[str, Any] = {
        "id": name,
        "source": BUNDLED,
        "prompt": "a lighthouse at night",
        "width": 96,
        "height": 64,
        "seed": 7,
        "output_format": "png",
        "inputs": (picture(),),
    }
    return order(**(fields | changes))


def picture(scene: str | None = SCENE) -> InputPicture:
    image = Image.open(io.BytesIO(halves()))
    said = None if scene is None else scene.encode()
    return InputPicture(
        role="image", sha256="aa", width=image.width, height=image.height, pixels=image.tobytes(), scene=said
    )


def mask(white: tuple[int, int, int, int] = (0, 0, 0, 0)) -> InputPicture:
    """All black but for that box."""
    image = Image.new("L", (96, 64))
    image.paste(255, white)
    return InputPicture(role="mask", sha256="bb", width=96, height=64, pixels=image.tobytes())


def file_of(end: End) -> bytes:
    assert isinstance(end, Finished), end
    return end.image


def test_its_edits_take_one_picture_a_mask_and_a_strength(postcard: LoadedModel) -> None:
    assert postcard.traits.edits == EditTraits(mask=True, strength=True, scene=True)


@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp", "svg"])
def test_files_carry_their_scene_unless_they_carry_nothing(postcard: LoadedModel, output_format: str) -> None:
    modes = ["provenance", "full", "none"]
    jobs = [job(mode, output_format=output_format, metadata=mode, inputs=()) for mode in modes]
    with Drawing(postcard) as drawing:
        files = [file_of(end) for end in drawing.draw(*jobs)]
    assert [file.count(MARK) for file in files] == [1, 1, 0]
    assert job().recipe.prompt.encode() not in files[0]


def test_a_jpeg_without_room_for_its_prompt_still_carries_its_scene(postcard: LoadedModel) -> None:
    long = job(output_format="jpeg", metadata="full", inputs=(), prompt="a boat " * 1400, negative_prompt="é" * 9000)
    with Drawing(postcard) as drawing:
        (end,) = drawing.draw(long)
    assert MARK in file_of(end)


def test_strength_0_draws_the_scene_as_it_is_without_a_step(postcard: LoadedModel) -> None:
    with Drawing(postcard) as drawing:
        ends = drawing.draw(job("one", strength=0.0), job("other", strength=0.0, seed=9, prompt="a fox"))
    assert file_of(ends[0]) == file_of(ends[1])
    assert SCENE.encode() in file_of(ends[0])
    assert not any(isinstance(event, Stepped) for event in drawing.events)


def test_progress_counts_the_steps_that_are_taken(postcard: LoadedModel) -> None:
    with Drawing(postcard) as drawing:
        drawing.draw(job(steps=8, strength=0.5))
    assert [(e.step, e.steps) for e in drawing.events if isinstance(e, Stepped)] == [(i, 4) for i in range(1, 5)]


def test_an_edit_has_the_same_bytes_alone_and_among_others(postcard: LoadedModel) -> None:
    with Drawing(postcard) as drawing:
        (alone,) = drawing.draw(job())
        among, *_ = drawing.draw(job("again"), job("b", seed=8), job("c", inputs=(), prompt="a fox"))
    assert np.array_equal(pixels(alone), pixels(among))


def test_without_a_scene_it_refuses(postcard: LoadedModel) -> None:
    assert isinstance(task_of(job(), postcard), SceneEdit)
    with pytest.raises(JobRefused, match="says nothing of its scene"):
        task_of(job(inputs=(picture(None),)), postcard)
    with pytest.raises(JobRefused, match="takes one picture"):
        task_of(job(inputs=(picture(), picture())), postcard)


def test_any_scene_goes_through(postcard: LoadedModel) -> None:
    jobs = [job("empty", inputs=(picture(written(Scene())),))]
    jobs += [job(name, inputs=(picture(written(scene)),)) for name, scene in SCENES.items()]
    with Drawing(postcard) as drawing:
        assert all(isinstance(end, Finished) for end in drawing.draw(*jobs))
