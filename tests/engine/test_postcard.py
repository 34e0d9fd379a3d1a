"""The bundled model through the engine and the worker: the same bytes in all company."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from safelight.adapters.processes.children import child_environment
from safelight.contract.requests.order import Order
from safelight.contract.values.sizes import SIZES, Size
from safelight.engine.checkpoint.files.location import BUNDLED
from safelight.engine.checkpoint.loading import load
from safelight.engine.machine import device
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.runs.merging import PROOFS
from safelight.postcard.render.paper.pixels.raster import rasterise
from safelight.protocol.messages import Configure, Draw, Finished, ModelReady, ModelSpec
from tests.engine.drawing import Drawing, alone, pixels
from tests.engine.worker_process import WorkerProcess
from tests.orders import changed, order


def job(size: str, output_format: str, **changes: Any) -> Order:
    fields: dict[str, Any] = {
        "id": f"{size} {output_format}",
        "model": "stable-image-ultra",
        "source": BUNDLED,
        "prompt": f"a sailboat on a calm lake at sunset, {size}",
        "negative_prompt": "",
        "width": Size.parse(size).width,
        "height": Size.parse(size).height,
        "seed": 7 + SIZES.index(size),
        "output_format": output_format,
        "steps": 4,
    }
    return order(**(fields | changes))


# The widest, the square and the tallest; tests/e2e/test_exactness.py draws all nine, through the whole service.
JOBS = [job(size, kind) for size in ("1536x640", "1024x1024", "640x1536") for kind in ("png", "jpeg")]


@pytest.fixture(scope="module")
def postcard() -> LoadedModel:
    model = load(ModelSpec(source=BUNDLED), "cpu")
    model.pipeline.set_progress_bar_config(disable=True)
    return model


def drawn_by_a_worker(*, together: bool) -> Iterator[tuple[str, bytes, str]]:
    """Every job's id, file and fingerprint; one after the other, or all at once."""
    with WorkerProcess() as worker:
        worker.send(Configure(models=(ModelSpec(source=BUNDLED),), device="cpu", threads=1))
        fingerprint = worker.expect(ModelReady).fingerprint
        if together:
            worker.send(*(Draw(order=each) for each in JOBS))
        for each in JOBS:
            if not together:
                worker.send(Draw(order=each))
            end = worker.expect(Finished)
            yield end.job_id, end.image, fingerprint


def test_sizes_and_formats_have_the_same_bytes_alone_and_among_the_others_in_another_worker(
    postcard: LoadedModel,
) -> None:
    one_by_one = sorted(drawn_by_a_worker(together=False))
    among_others = sorted(drawn_by_a_worker(together=True))
    assert [name for name, _, _ in one_by_one] == sorted(each.id for each in JOBS)
    for first, second in zip(one_by_one, among_others, strict=True):
        assert first == second
    # A worker that was forked had the model already; here it was loaded.
    with Drawing(postcard) as drawing:
        (end,) = drawing.draw(JOBS[0])
    assert isinstance(end, Finished)
    assert (JOBS[0].id, end.image) in [(name, image) for name, image, _ in one_by_one]


@pytest.mark.parametrize("threads", [1, 2])
def test_a_worker_that_was_forked_with_the_model_has_the_fingerprint_of_one_that_loads_it(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MKL_CBWR", child_environment()["MKL_CBWR"])
    monkeypatch.setattr(device, "_reference", threads)
    loaded = load(ModelSpec(source=BUNDLED), "cpu").fingerprint
    with WorkerProcess() as worker:
        worker.send(Configure(models=(ModelSpec(source=BUNDLED),), device="cpu", threads=threads))
        assert worker.expect(ModelReady).fingerprint == loaded


@pytest.mark.parametrize("negative_prompt", ["", "clouds"])
def test_a_picture_is_the_pipelines_own(postcard: LoadedModel, negative_prompt: str) -> None:
    wanted = job("832x1216", "png", negative_prompt=negative_prompt)
    with Drawing(postcard) as drawing:
        (end,) = drawing.draw(wanted)
    assert pixels(end).shape == (1216, 832, 3)
    assert np.array_equal(pixels(end), alone(postcard, wanted))


def test_a_drawing_is_svg_that_says_who_made_it(postcard: LoadedModel) -> None:
    with Drawing(postcard) as drawing:
        (end,) = drawing.draw(job("1024x1024", "svg"))
    assert isinstance(end, Finished)
    text = end.image.decode()
    assert text.startswith("<svg")
    assert "trainedAlgorithmicMedia" in text


def test_a_drawing_of_any_size_is_the_same_every_time_and_shows_the_picture(postcard: LoadedModel) -> None:
    wanted = job("1024x1024", "svg", width=333, height=157)
    with Drawing(postcard) as drawing:
        first, again, picture = (
            drawing.draw(each)[0]
            for each in (
                wanted,
                changed(wanted, id="again"),
                changed(wanted, id="png", output_format="png"),
            )
        )
    assert isinstance(first, Finished)
    assert isinstance(again, Finished)
    assert first.image == again.image
    assert np.array_equal(rasterise(first.image.decode(), 333, 157), pixels(picture))


def test_without_steps_the_models_own_count_is_drawn(postcard: LoadedModel) -> None:
    with Drawing(postcard) as drawing:
        (end,) = drawing.draw(job("1024x1024", "png", steps=None))
    assert isinstance(end, Finished)
    assert len(end.timings.steps) == postcard.steps


def test_a_picture_among_others_reads_its_prompt_once(postcard: LoadedModel) -> None:
    """What the steps are given passes the engine as the same tensors, so what was made of them is found again."""
    read = list[int]()
    hook = postcard.pipeline.transformer.text_in.register_forward_hook(lambda *_: read.append(1))
    with Drawing(postcard) as drawing:
        drawing.draw(job("1024x1024", "png"), job("1536x640", "jpeg"))
    hook.remove()
    assert len(read) == 2


PROMPTS = ("a fox", "two boats on a calm lake at sunset", "a lighthouse above the sea at dusk", "a pine in the snow")


def test_pictures_that_share_their_steps_have_the_bytes_that_they_have_alone(postcard: LoadedModel) -> None:
    """Prompts of any length that have their steps in one form: of how many a batch gives the same bytes, goes by the
    processor, and two or three do on those that this was seen on."""
    jobs = [
        job("1024x1024", "png", id=prompt, prompt=prompt, seed=seed, steps=3 * PROOFS)
        for seed, prompt in enumerate(PROMPTS, start=1)
    ]
    with Drawing(postcard, merge=True) as drawing:
        ends = drawing.draw(*jobs)
    for wanted, end in zip(jobs, ends, strict=True):
        assert isinstance(end, Finished)
        assert end.tier == "exact"
        assert np.array_equal(pixels(end), alone(postcard, wanted))


def test_prompts_of_about_the_same_length_have_steps_of_one_form(postcard: LoadedModel) -> None:
    lengths = list[tuple[int, int]]()

    def note(module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        lengths.append((kwargs["encoder_hidden_states"].shape[1], kwargs["encoder_attention_mask"].sum().item()))

    hook = postcard.pipeline.transformer.register_forward_pre_hook(note, with_kwargs=True)
    with hook, Drawing(postcard) as drawing:
        drawing.draw(*[job("1024x1024", "png", id=each, prompt=each, steps=1) for each in PROMPTS])
    assert {length for length, _ in lengths} == {16}
    assert len({words for _, words in lengths}) > 2


def test_it_is_computed_in_single_precision_whatever_the_processor_has(postcard: LoadedModel) -> None:
    parts = [part for part in postcard.pipeline.components.values() if isinstance(part, torch.nn.Module)]
    assert {part.dtype for part in parts} == {torch.float32}
    assert postcard.parameters["height"] == postcard.parameters["width"] == 1024
