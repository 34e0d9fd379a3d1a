"""Previews of real pipelines: what is shown on the way is what the picture becomes."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from safelight.engine.checkpoint.loading import load
from safelight.engine.output.previews import Previewer
from safelight.engine.pipeline.model import LoadedModel
from safelight.protocol.messages import ModelSpec, Preview, Started, Watch
from tests.engine.drawing import Drawing, job, pixels


def watched(model: LoadedModel, *others: Any, longest: int = 256, **changes: Any) -> tuple[list[Preview], NDArray[Any]]:
    """The previews of a job that is watched from the start, after `others` were drawn, and its pixels."""
    wanted = job(model, "watched", **changes)
    drawing: Drawing

    def watch(event: object) -> None:  # from the engine's thread: its second step cannot come before
        if isinstance(event, Started) and event.job_id == "watched":
            drawing.loop.put(Watch(job_id="watched", longest=longest))

    with Drawing(model, on_event=watch) as drawing:
        drawing.draw(*others)
        (end,) = drawing.draw(wanted)
    return [event for event in drawing.events if isinstance(event, Preview)], pixels(end)


def likeness(preview: Preview, picture: NDArray[Any]) -> float:
    """Correlation of a preview with the picture made as small."""
    shown = np.asarray(Image.open(io.BytesIO(preview.image)).convert("RGB"), np.float64)
    size = shown.shape[1], shown.shape[0]
    small = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX), np.float64)
    return float(np.corrcoef(shown.ravel(), small.ravel())[0, 1])


def test_every_family_shows_something_of_the_right_shape_after_one_example(model: LoadedModel) -> None:
    changes: dict[str, Any] = {"width": 128, "height": 96, "steps": 12}
    previews, _ = watched(model, job(model, "example", seed=3, **changes), **changes)
    assert previews
    assert [p.step for p in previews] == sorted({p.step for p in previews})
    for preview in previews:
        shown = Image.open(io.BytesIO(preview.image))
        assert shown.size == (128, 96)
        assert np.asarray(shown).std() > 1


class Painter:
    """A decoder as trained ones nearly are: colours by a fixed linear function of the channels, and some grain."""

    def __init__(self, channels: int, patch: int) -> None:
        self._rng = np.random.default_rng(channels)
        self._map = self._rng.normal(size=(channels, patch * patch * 3)) * 30 / channels**0.5
        self._patch, self._channels = patch, channels

    def paint(self, rows: int, columns: int, seed: int) -> tuple[NDArray[Any], Image.Image]:
        """Smooth latents (rows, columns, channels), and their picture, eight pixels a place and patch."""
        rng = np.random.default_rng(seed)
        small = torch.from_numpy(rng.normal(size=(1, self._channels, 12, 12)))
        latents = torch.nn.functional.interpolate(small, (rows, columns), mode="bicubic")[0].permute(1, 2, 0).numpy()
        p = self._patch
        colours = 128 + latents.reshape(-1, self._channels) @ self._map
        pixels = colours.reshape(rows, columns, p, p, 3).transpose(0, 2, 1, 3, 4).reshape(rows * p, columns * p, 3)
        large = pixels.repeat(8, 0).repeat(8, 1) + rng.normal(size=(rows * p * 8, columns * p * 8, 3)) * 10
        return latents, Image.fromarray(np.clip(large, 0, 255).astype(np.uint8))


LAYOUTS: dict[str, tuple[int, int, Callable[[NDArray[Any]], torch.Tensor]]] = {
    "planes": (4, 1, lambda x: torch.from_numpy(x).permute(2, 0, 1)[None]),
    "channels last": (4, 1, lambda x: torch.from_numpy(x)[None, None]),
    "one frame": (16, 1, lambda x: torch.from_numpy(x).permute(2, 0, 1)[None, :, None]),
    "tokens": (16, 1, lambda x: torch.from_numpy(x).reshape(1, -1, 16)),
    "tokens of 2x2": (64, 2, lambda x: torch.from_numpy(x).reshape(1, -1, 64)),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_colours_are_learned_from_one_picture_of_a_model_however_its_latents_lie(name: str) -> None:
    channels, patch, lay = LAYOUTS[name]
    painter, previewer = Painter(channels, patch), Previewer(pipeline=None)
    assert not previewer.can_show
    previewer.learn(lay((example := painter.paint(24, 40, seed=1))[0]), example[1])
    latents, picture = painter.paint(40, 24, seed=2)  # another shape, another picture
    shown = previewer.show(lay(latents), picture.width, picture.height, 256)
    assert shown is not None
    assert likeness(Preview(job_id="x", step=1, steps=1, image=shown), np.asarray(picture)) > 0.75


def test_latents_without_a_place_for_each_part_of_the_picture_teach_and_show_nothing() -> None:
    previewer = Previewer(pipeline=None)
    previewer.learn(torch.zeros(1, 77, 32), Image.new("RGB", (512, 512)))
    assert not previewer.can_show
    assert previewer.show(torch.zeros(1, 77, 32), 512, 512, 256) is None
    previewer.learn(torch.zeros(1, 6, 8, dtype=torch.long), Image.new("RGB", (64, 48)))  # entries of a codebook
    assert not previewer.can_show


def test_nothing_is_shown_of_a_model_that_has_drawn_nothing_yet(flux: LoadedModel) -> None:
    assert watched(flux)[0] == []


def test_what_nobody_watches_has_no_previews(flux: LoadedModel) -> None:
    with Drawing(flux) as drawing:
        drawing.draw(job(flux, "example"), job(flux, "unwatched"))
    assert not any(isinstance(event, Preview) for event in drawing.events)


@pytest.fixture(scope="module")
def postcard() -> LoadedModel:
    return load(ModelSpec(source="postcard"), "cpu")


def test_postcard_shows_a_small_drawing_from_its_first_steps_on(postcard: LoadedModel) -> None:
    previews, picture = watched(postcard, prompt="a lighthouse at sunset", width=1344, height=768, steps=8, longest=256)
    assert previews
    assert previews[0].step <= 2
    assert Image.open(io.BytesIO(previews[0].image)).size == (256, 146)
    # The last that came may be of any step: none is made while the one before it still is. Those of this picture are
    # 0.72 alike after the first step and 0.91 after the seventh.
    assert likeness(previews[-1], picture) > 0.6


def test_watching_changes_no_byte(model: LoadedModel) -> None:
    unwatched = watched(model, longest=0)[1]
    assert np.array_equal(watched(model, job(model, "example"))[1], unwatched)
