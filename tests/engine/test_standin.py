from __future__ import annotations

import inspect
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from diffusers import DiffusionPipeline
from transformers import GPT2Config, GPT2LMHeadModel

from safelight.engine.machine.stages import stage_of
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.pipeline.stand_ins.calls import Call
from safelight.engine.pipeline.stand_ins.standin import StepTaken, copy_for_run, stand_in


def at_once(call: Call) -> Any:
    return call.execute()


def ignored(taken: StepTaken) -> None:
    """Progress that nobody watches."""


def test_a_stand_in_is_what_it_stands_for_in_everything_but_its_calls(flux: LoadedModel) -> None:
    real = flux.pipeline.transformer
    double: Any = stand_in("transformer", real, "denoise", at_once)
    assert isinstance(double, type(real))
    assert type(double).__name__ == type(real).__name__
    assert double.config is real.config
    assert (double.dtype, double.device) == (real.dtype, real.device)
    assert [id(p) for p in double.parameters()] == [id(p) for p in real.parameters()]
    assert inspect.signature(double.__call__) == inspect.signature(real.__call__)


def test_stages_follow_from_what_a_component_is(models: dict[str, LoadedModel]) -> None:
    found = {
        name: stage_of(name, component)
        for model in models.values()
        for name, component in model.pipeline.components.items()
    }
    assert {name: stage for name, stage in found.items() if stage} == {
        "text_encoder": "encode_prompt",
        "text_encoder_2": "encode_prompt",
        "text_encoder_3": "encode_prompt",
        "transformer": "denoise",
        "unet": "denoise",
        "vae": "decode",
    }


def test_calls_and_decoding_are_handed_over_with_their_arguments(models: dict[str, LoadedModel]) -> None:
    vae = models["flux"].pipeline.vae
    handed: list[Call] = []

    def keep(call: Call) -> str:
        handed.append(call)
        return "the engine's answer"

    double: Any = stand_in("vae", vae, "decode", keep)
    latents = torch.zeros(1, 4, 2, 2)
    assert double.decode(latents, return_dict=False) == "the engine's answer"
    assert double(latents) == "the engine's answer"
    assert [(call.name, call.method, call.stage, call.kwargs) for call in handed] == [
        ("vae", "decode", "decode", {"return_dict": False}),
        ("vae", "__call__", "decode", {}),
    ]
    assert handed[0].args[0] is latents
    assert handed[0].component is vae


def test_a_cache_context_is_entered_when_the_call_runs_not_when_it_waits(
    flux: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, order, handed = flux.pipeline.transformer, list[str](), list[Call]()

    @contextmanager
    def watched(name: str) -> Any:
        order.append(f"enter {name}")
        yield
        order.append(f"leave {name}")

    monkeypatch.setattr(type(real), "cache_context", lambda self, name: watched(name))
    monkeypatch.setattr(type(real), "forward", lambda self: order.append("computed"))
    double: Any = stand_in("transformer", real, "denoise", handed.append)
    with double.cache_context("cond"):
        double()
    double()
    assert order == []
    handed[0].execute()
    label = order[0].removeprefix("enter ")
    assert label.startswith("run ")  # in it, so that step caches keep every run's state apart
    assert label.endswith(": cond")
    assert order == [f"enter {label}", "computed", f"leave {label}"]
    handed[1].execute()
    assert order[3:] == ["computed"]


def test_a_call_that_samples_finds_the_global_generator_as_it_was_when_it_was_made() -> None:
    """GLM-Image seeds it and then has its language model write; others seed it for theirs meanwhile."""
    real, handed = GPT2LMHeadModel(GPT2Config(vocab_size=64, n_embd=8, n_layer=1, n_head=1)).eval(), list[Call]()
    double: Any = stand_in("language_encoder", real, "encode_prompt", handed.append)
    asked = {"input_ids": torch.zeros(1, 1, dtype=torch.long), "max_new_tokens": 16, "do_sample": True}
    expected = []
    with torch.random.fork_rng():
        for seed in (1, 2):
            torch.manual_seed(seed)
            expected.append(real.generate(**asked))
        for seed in (1, 2):
            torch.manual_seed(seed)
            double.generate(**asked)
        state = torch.get_rng_state()
        assert [call.execute().tolist() for call in reversed(handed)] == [x.tolist() for x in reversed(expected)]
        assert torch.equal(torch.get_rng_state(), state)
    assert expected[0].tolist() != expected[1].tolist()


def test_a_copy_leaves_the_pipeline_as_it_was(model: LoadedModel) -> None:
    pipeline = model.pipeline
    components, config = dict(pipeline.components), dict(pipeline.config)
    duplicate: Any = copy_for_run(pipeline, at_once, ignored)
    duplicate._guidance_scale = "of this run"
    assert dict(pipeline.config) == config
    assert dict(duplicate.config) == config
    assert all(pipeline.components[name] is component for name, component in components.items())
    assert getattr(pipeline, "_guidance_scale", None) != "of this run"
    assert duplicate.scheduler is not pipeline.scheduler
    assert duplicate.tokenizer is pipeline.tokenizer


def test_steps_are_counted_and_the_schedulers_signature_stays(model: LoadedModel) -> None:
    seen: list[tuple[int, int]] = []
    duplicate: Any = copy_for_run(model.pipeline, at_once, lambda taken: seen.append((taken.step, taken.steps)))
    before, after = model.pipeline.scheduler.step, duplicate.scheduler.step
    assert inspect.signature(after) == inspect.signature(before)
    duplicate(prompt="a cat", height=32, width=32, num_inference_steps=3, output_type="latent")
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert "step" not in vars(model.pipeline.scheduler)


class TwoStages(DiffusionPipeline):  # type: ignore[misc]
    """Two pipelines in one, as the combined ones of diffusers are: components appear inside and outside."""

    def __init__(self, unet: Any, scheduler: Any, inner: Any) -> None:
        super().__init__()
        self.register_modules(unet=unet, scheduler=scheduler)
        self.inner = inner


def test_a_component_that_two_pipelines_share_is_replaced_by_one_stand_in(models: dict[str, LoadedModel]) -> None:
    inner = models["stable-diffusion"].pipeline
    outer = TwoStages(inner.unet, inner.scheduler, inner)
    seen: list[tuple[int, int]] = []
    duplicate: Any = copy_for_run(outer, at_once, lambda taken: seen.append((taken.step, taken.steps)))
    assert duplicate.inner is not inner
    assert duplicate.inner.unet is duplicate.unet
    assert duplicate.unet is not inner.unet
    assert duplicate.inner.scheduler is duplicate.scheduler
    duplicate.inner(prompt="a cat", height=32, width=32, num_inference_steps=2, output_type="latent")
    assert seen == [(1, 2), (2, 2)]
