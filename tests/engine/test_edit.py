"""An edit in the engine: sizes, strengths, masks, stages, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from benchmarks.checkpoints import unets
from PIL import Image, ImageOps

from safelight.contract.requests.order import Order
from safelight.engine.checkpoint.loading import load
from safelight.engine.pipeline.arguments import JobRefused
from safelight.engine.pipeline.edits.ways import WORDS_ALONE
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.runs.embeddings import EmbeddingCache
from safelight.engine.tasks.choice import task_of
from safelight.engine.tasks.edit import _at_least_a_step
from safelight.protocol.messages import Cancelled, Failed, ModelSpec, Started, Stepped
from safelight.scheduling.policy import RoundRobin
from tests.engine.drawing import Drawing, job, pixels
from tests.engine.families.edits import mask, picture


@pytest.fixture
def diffusion(models: dict[str, LoadedModel]) -> LoadedModel:
    return models["stable-diffusion"]


def edit(model: LoadedModel, name: str = "edit", **changes: Any) -> Order:
    return job(model, name, **{"inputs": (picture(),), **changes})


def fitted(width: int = 64, height: int = 48) -> Image.Image:
    given = picture()
    image = Image.frombytes("RGB", (given.width, given.height), given.pixels)
    return ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)


@pytest.mark.parametrize("family", ["stable-diffusion", "flux", "stable-diffusion-3"])
def test_strength_0_gives_the_picture_back_as_the_decoder_draws_it(models: dict[str, LoadedModel], family: str) -> None:
    model = models[family]
    pipeline = model.pipeline
    jobs = [edit(model, "one", strength=0.0), edit(model, "other", strength=0.0, seed=9, prompt="a boat")]
    with Drawing(model) as drawing:
        one, other = drawing.draw(*jobs)
    with torch.no_grad():
        latents = pipeline.vae.encode(pipeline.image_processor.preprocess(fitted())).latent_dist.mode()
        decoded = pipeline.vae.decode(latents, return_dict=False)[0]
    assert np.array_equal(pixels(one), np.asarray(pipeline.image_processor.postprocess(decoded)[0]))
    assert np.array_equal(pixels(one), pixels(other))
    assert not any(isinstance(event, Stepped) for event in drawing.events)


@pytest.mark.parametrize("steps", [*range(1, 52), 75, 100, 150])
def test_a_strength_under_one_step_is_one_step_however_it_is_rounded(steps: int) -> None:
    least = _at_least_a_step(0.5 / steps, steps)
    assert int(steps * least) == 1
    assert steps - int(steps - steps * least) == 1
    assert _at_least_a_step(1.0, steps) == 1
    assert _at_least_a_step(0.0, steps) == 0


def test_steps_are_the_whole_schedule_and_progress_counts_those_that_are_taken(diffusion: LoadedModel) -> None:
    with Drawing(diffusion) as drawing:
        drawing.draw(edit(diffusion, steps=8, strength=0.5))
    told = [(event.step, event.steps) for event in drawing.events if isinstance(event, Stepped)]
    assert told == [(step, 4) for step in range(1, 5)]
    task = task_of(edit(diffusion, steps=8, strength=0.5), diffusion)
    assert (task.steps, task.used()["steps"]) == (4, 8)


def test_outside_the_mask_every_pixel_stays(diffusion: LoadedModel) -> None:
    whole, masked = edit(diffusion, "whole"), edit(diffusion, "masked", inputs=(picture(), mask()))
    with Drawing(diffusion) as drawing:
        ends = [pixels(end) for end in drawing.draw(whole, masked)]
    before = np.asarray(fitted())
    assert np.array_equal(ends[1][:, 32:], before[:, 32:])
    assert (ends[1][:, :32] != before[:, :32]).mean() > 0.5
    assert (ends[0][:, 32:] != before[:, 32:]).mean() > 0.5


def test_a_picture_counts_and_its_order_too(models: dict[str, LoadedModel]) -> None:
    model = models["flux"]
    other = edit(model, "other", inputs=(picture(seed=1),))
    with Drawing(model) as drawing:
        one, another = drawing.draw(edit(model), other)
    assert not np.array_equal(pixels(one), pixels(another))


@pytest.mark.parametrize("part", ["text_encoder", "vae.encoder", "unet", "vae.decoder"])
def test_a_cancel_in_any_stage_ends_the_edit_and_leaves_the_model_as_it_was(diffusion: LoadedModel, part: str) -> None:
    doomed, staying = edit(diffusion, "doomed", prompt=part), edit(diffusion, "staying", inputs=(picture(seed=1),))
    cancelled: list[bool] = []

    def cancel_once(*_: Any) -> None:
        if not cancelled:
            cancelled.append(True)
            drawing.cancel(doomed)

    module: Any = diffusion.pipeline
    for name in part.split("."):
        module = getattr(module, name)
    with Drawing(diffusion) as drawing:
        (alone,) = drawing.draw(staying)
    with Drawing(diffusion, embeddings=EmbeddingCache()) as drawing:
        hook = module.register_forward_pre_hook(cancel_once)
        drawing.put(doomed)
        end = drawing.end_of(doomed)
        hook.remove()
        (beside,) = drawing.draw(edit(diffusion, "again", inputs=(picture(seed=1),)))
    assert cancelled
    assert isinstance(end, Cancelled) or part == "vae.decoder"  # its picture may be finished before the cancel is read
    assert np.array_equal(pixels(beside), pixels(alone))


def test_what_a_model_does_not_take_is_refused_by_name(models: dict[str, LoadedModel]) -> None:
    diffusion, lcm = models["stable-diffusion"], models["latent-consistency"]
    only_masked = replace(diffusion, ways=replace(diffusion.ways, pictures=None))
    alone, words = replace(diffusion, ways=replace(diffusion.ways, words=False)), replace(lcm, ways=WORDS_ALONE)
    refused: list[tuple[LoadedModel, dict[str, Any], str, str, str]] = [
        (diffusion, {"inputs": (picture(), picture())}, "one picture at once", "invalid_value", "image"),
        (diffusion, {"inputs": (picture(), picture(), mask())}, "one picture with a mask", "invalid_value", "image"),
        (diffusion, {"inputs": (), "strength": 0.5}, "there is none", "unknown_parameter", "strength"),
        (lcm, {"inputs": (picture(), mask())}, "takes no `mask`", "unknown_parameter", "mask"),
        (only_masked, {}, "only with a `mask`", "missing_required_parameter", "mask"),
        (alone, {"inputs": ()}, "works from a picture", "unsupported_operation", "model"),
        (words, {}, "takes no pictures", "unsupported_operation", "model"),
        (models["flux"], {"loras": {"ink": 1.0}}, "no LoRA `ink`", "invalid_value", "loras"),
    ]
    for model, asked, said, code, param in refused:
        with Drawing(model) as drawing:
            (end,) = drawing.draw(edit(model, **asked))
        assert isinstance(end, Failed)
        assert said in end.reason
        assert (end.code, end.param, end.retry_helps) == (code, param, False)
        trials = [event for event in drawing.events if isinstance(event, Started)]
        assert not trials  # the model is not tried out: the request is at fault


def test_what_a_pipeline_has_no_argument_for_is_called_as_requests_call_it(diffusion: LoadedModel) -> None:
    lacking = {"num_inference_steps": "steps", "guidance_scale": "guidance_scale", "height": "size"}
    for argument, param in lacking.items():
        takes = {name: value for name, value in diffusion.parameters.items() if name != argument}
        model = replace(diffusion, parameters=takes)
        with pytest.raises(JobRefused, match=f"takes no `{param}`") as caught:
            task_of(job(model, steps=2, guidance_scale=3.0), model)
        assert (caught.value.code, caught.value.param) == ("unknown_parameter", param)


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn.t accept a copy keyword:DeprecationWarning")
def test_a_decoder_that_is_converted_for_a_picture_is_converted_for_that_run_alone(tmp_path: Path) -> None:
    """SDXL's image-to-image pipeline has its decoder encode in float32 and converts it back: it is everybody's."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        unets.sdxl().save_pretrained(str(tmp_path))
    model = load(ModelSpec(source=str(tmp_path), dtype="bfloat16"), "cpu")
    jobs = [
        job(model, "words", steps=3),
        edit(model, "edit", strength=0.5, steps=6),
        job(model, "later", seed=8, steps=2),
    ]
    alone = []
    for each in jobs:
        with Drawing(model) as drawing:
            alone.append(pixels(drawing.draw(each)[0]))
    with Drawing(model, schedule=RoundRobin(), embeddings=EmbeddingCache()) as drawing:
        beside = [pixels(end) for end in drawing.draw(*jobs)]
    assert all(np.array_equal(one, other) for one, other in zip(alone, beside, strict=True))
    assert model.pipeline.vae.dtype == torch.bfloat16
