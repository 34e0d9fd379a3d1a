"""Parts that take turns on a device: which is there when, and that pictures do not know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from safelight.contract.models.options import ModelOptions
from safelight.engine.checkpoint.loading import load
from safelight.engine.machine.weights.memory import largest_part, memory_of
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.tuning.apply import tune
from safelight.engine.tuning.offloading import OneAtATime, Part, computes_on
from safelight.protocol.messages import Cancelled, ModelSpec, Stepped
from tests.engine.drawing import Drawing, alone, job, pixels

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, to move models to and from")


def offloaded(folder: Path, kind: Any) -> LoadedModel:
    """On the CPU, where `load` refuses it for want of a use: the weights stay, and all else is as on an accelerator."""
    model = load(ModelSpec(source=str(folder), dtype="float32"), "cpu")
    model.pipeline.set_progress_bar_config(disable=True)
    tune(model.pipeline, ModelOptions(offload=kind), "cpu")
    return model


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, torch.nn.Module]]:
    """Who came and who went, in order."""
    seen: list[tuple[str, torch.nn.Module]] = []
    for method in ("bring", "put_away"):
        original = getattr(Part, method)

        def note(part: Any, method: str = method, original: Any = original) -> None:
            seen.append((method, part._module))
            original(part)

        monkeypatch.setattr(Part, method, note)
    return seen


def test_whichever_part_is_used_is_alone_there(watched: list[tuple[str, torch.nn.Module]]) -> None:
    place, modules = OneAtATime(torch.device("cpu")), [torch.nn.Linear(2, 2) for _ in range(3)]
    for module in modules:
        place.add(module)
    first, second, third = modules
    for module in (first, first, third, second, third):
        module(torch.ones(1, 2))
    came_and_went = [
        ("bring", first),
        ("put_away", first),
        ("bring", third),
        ("put_away", third),
        ("bring", second),
        ("put_away", second),
        ("bring", third),
    ]
    assert watched == came_and_went


def test_a_part_goes_home_to_the_weights_that_it_came_from() -> None:
    place, module, other = OneAtATime(torch.device("cpu")), torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    places = [tensor.data_ptr() for tensor in module.parameters()]
    part = place.add(module)
    place.add(other)
    module(torch.ones(1, 2))
    module.weight.data = module.weight.data.clone()  # as a device's copy is another
    assert module.weight.data_ptr() != places[0]
    other(torch.ones(1, 2))
    assert [tensor.data_ptr() for tensor in module.parameters()] == places
    assert computes_on(module) == part.execution_device


def test_where_a_part_has_no_room_nobody_is_there_and_the_next_call_brings_it() -> None:
    class Tight(torch.nn.Linear):
        full = True

        def to(self, *arguments: Any, **options: Any) -> Any:
            if self.full:
                self.full = False
                raise torch.OutOfMemoryError("no room")
            return super().to(*arguments, **options)

    place, module, other = OneAtATime(torch.device("cpu")), Tight(2, 2), torch.nn.Linear(2, 2)
    place.add(module)
    place.add(other)
    other(torch.ones(1, 2))
    with pytest.raises(torch.OutOfMemoryError):
        module(torch.ones(1, 2))
    expected = torch.nn.functional.linear(torch.ones(1, 2), module.weight, module.bias)
    assert torch.equal(module(torch.ones(1, 2)), expected)


def test_in_company_only_the_part_in_use_is_there_and_pictures_are_the_same(
    model: LoadedModel, watched: list[tuple[str, torch.nn.Module]]
) -> None:
    apart = offloaded(Path(model.source), "model")
    one, doomed, other = job(apart, "one"), job(apart, "doomed", seed=9), job(apart, "other", seed=8)
    here: set[int] = set()
    crowds = []

    def on_event(event: object) -> None:
        if isinstance(event, Stepped) and event.job_id == "doomed":
            drawing.cancel(doomed)

    with Drawing(apart, on_event=on_event) as drawing:
        ends = drawing.draw(one, doomed, other)
    for what, part in watched:
        here = here | {id(part)} if what == "bring" else here - {id(part)}
        crowds.append(len(here))
    assert max(crowds) == 1
    assert len({id(part) for _, part in watched}) > 2
    assert isinstance(ends[1], Cancelled)
    assert np.array_equal(pixels(ends[0]), alone(model, one))
    assert np.array_equal(pixels(ends[2]), alone(model, other))


def test_layers_that_take_turns_draw_the_same_pictures_in_company(model: LoadedModel) -> None:
    apart = offloaded(Path(model.source), "group")
    one, other = job(apart, "one"), job(apart, "other", seed=8)
    with Drawing(apart) as drawing:
        ends = drawing.draw(one, other)
    assert np.array_equal(pixels(ends[0]), alone(model, one))
    assert np.array_equal(pixels(ends[1]), alone(model, other))
    assert computes_on(apart.pipeline.vae) == torch.device("cpu")


def test_of_a_models_weights_the_largest_part_counts(flux: LoadedModel) -> None:
    parts = [flux.pipeline.transformer, flux.pipeline.text_encoder, flux.pipeline.text_encoder_2, flux.pipeline.vae]
    sizes = [sum(tensor.nbytes for tensor in (*part.parameters(), *part.buffers())) for part in parts]
    assert largest_part(flux.pipeline) == max(sizes) < memory_of(flux.pipeline) == flux.bytes


@needs_cuda
@pytest.mark.parametrize("kind", ["model", "group"])
def test_on_a_gpu_there_is_never_more_than_the_largest_part(flux: LoadedModel, kind: Any) -> None:
    on_gpu = load(ModelSpec(source=flux.source, dtype="float32"), "cuda")
    apart = load(ModelSpec(source=flux.source, dtype="float32", options=ModelOptions(offload=kind)), "cuda")
    for each in (on_gpu, apart):
        each.pipeline.set_progress_bar_config(disable=True)
    assert apart.fingerprint == on_gpu.fingerprint
    one, other = job(apart, "one"), job(apart, "other", seed=8)
    with Drawing(apart) as drawing:
        ends = drawing.draw(one, other)
    assert np.array_equal(pixels(ends[0]), alone(on_gpu, one))
    assert np.array_equal(pixels(ends[1]), alone(on_gpu, other))
    there = [t for part in apart.pipeline.components.values() for t in getattr(part, "parameters", list)() if t.is_cuda]
    assert sum(tensor.nbytes for tensor in there) <= apart.bytes
