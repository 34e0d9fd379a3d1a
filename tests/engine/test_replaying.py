"""Recorded calls: kept only where they change no byte and are faster, forgotten when weights move."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import torch

from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.pipeline.stand_ins.calls import Call
from safelight.engine.runs.recordings.recorders import CudaGraphs, Rerun, RerunRecording, recorder_for
from safelight.engine.runs.recordings.replaying import Replays
from tests.engine.drawing import Drawing, alone, job, pixels


class Denoiser(torch.nn.Module):
    """A component of a few operations; counts how often it is called."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 4)
        self.calls = 0

    def forward(self, x: torch.Tensor, scale: float = 1.0, return_dict: bool = False) -> tuple[torch.Tensor]:
        self.calls += 1
        return (self.layer(x) * scale,)


@dataclass
class Clocked(Rerun):
    """Its clock says what a call and a recording take, in turns: the call, then the recording."""

    shares: tuple[float, float] = (1.0, 0.5)
    bytes: int = 10
    recorded: int = 0
    _ticks: list[float] = field(default_factory=list)
    kind: str = "cpu"

    def now(self) -> float:
        if not self._ticks:
            self._ticks = [0.0, self.shares[0], 0.0, self.shares[1]]
        return self._ticks.pop(0)

    def record(self, call: Call) -> RerunRecording:
        self.recorded += 1
        return replace(super().record(call), bytes=self.bytes)


class Stale(Clocked):
    """Takes the values that it was recorded with for fixed."""

    def record(self, call: Call) -> Any:
        recording = super().record(call)
        result = recording.run(call)

        class Fixed:
            bytes = 0

            def run(self, call: Call) -> Any:
                return result

        return Fixed()


class Failing(Clocked):
    def record(self, call: Call) -> RerunRecording:
        super().record(call)
        raise RuntimeError("operation not permitted when stream is capturing")


def call_of(component: torch.nn.Module, value: float, **kwargs: Any) -> Call:
    return Call("transformer", component, "__call__", "denoise", (torch.full((2, 4), value),), kwargs)


def drawn(replays: Replays, component: torch.nn.Module, count: int, **kwargs: Any) -> list[torch.Tensor]:
    return [replays.run(call_of(component, float(i), **kwargs))[0] for i in range(count)]


def wanted(component: Denoiser, count: int, **kwargs: Any) -> list[torch.Tensor]:
    with torch.no_grad():
        return [component(torch.full((2, 4), float(i)), **kwargs)[0] for i in range(count)]


def test_a_form_that_comes_again_is_recorded_proven_twice_and_then_run() -> None:
    component, recorder = Denoiser(), Clocked()
    replays = Replays(recorder, 100)
    results = drawn(replays, component, 6)
    assert recorder.recorded == 1
    # Once, once beside its first run, once beside its second; three times recorded: here that calls it too.
    assert component.calls == 6 + 2
    assert all(torch.equal(a, b) for a, b in zip(results, wanted(component, 6), strict=True))


@pytest.mark.parametrize(
    ("recorder", "recorded"),
    [(Clocked(shares=(1.0, 1.0)), 1), (Clocked(bytes=101), 1), (Stale(), 1), (Failing(), 1)],
    ids=["not faster", "too large", "values taken for fixed", "cannot be recorded"],
)
def test_what_is_not_right_or_does_not_pay_is_run_as_it_is(recorder: Clocked, recorded: int) -> None:
    component = Denoiser()
    replays = Replays(recorder, 100)
    results = drawn(replays, component, 6)
    assert recorder.recorded == recorded
    assert replays.bytes == 0
    assert all(torch.equal(a, b) for a, b in zip(results, wanted(component, 6), strict=True))


def test_another_shape_or_plain_argument_is_another_form() -> None:
    component, recorder = Denoiser(), Clocked()
    replays = Replays(recorder, 100)
    for scale in (1.0, 2.0):
        results = drawn(replays, component, 4, scale=scale)
        assert all(torch.equal(a, b) for a, b in zip(results, wanted(component, 4, scale=scale), strict=True))
    assert recorder.recorded == 2
    assert replays.bytes == 20


def test_what_was_recorded_is_forgotten_when_weights_move_or_go() -> None:
    component, recorder = Denoiser(), Clocked()
    replays = Replays(recorder, 100)
    drawn(replays, component, 4)
    assert replays.bytes == 10
    moved = component.layer.weight.data
    component.layer.weight.data = moved.clone() * 2  # as a model that comes back from the host's memory
    results = drawn(replays, component, 4)
    assert all(torch.equal(a, b) for a, b in zip(results, wanted(component, 4), strict=True))
    assert recorder.recorded == 2
    del component
    replays.sweep()
    assert replays.bytes == 0


def test_recordings_have_a_bound_together_and_the_least_recently_used_go() -> None:
    component, recorder = Denoiser(), Clocked(bytes=40)
    replays = Replays(recorder, 100)
    for scale in (1.0, 2.0, 3.0):
        drawn(replays, component, 4, scale=scale)
        assert replays.bytes <= 100
    assert recorder.recorded == 3


@pytest.mark.parametrize("why", ["cached", "offloaded", "other stage", "an object"])
def test_what_keeps_something_between_calls_or_cannot_be_told_apart_is_not_recorded(why: str) -> None:
    component, recorder = Denoiser(), Clocked()
    call = call_of(component, 1.0)
    match why:
        case "cached":
            component.is_cache_enabled = True  # type: ignore[assignment]
        case "offloaded":
            object.__setattr__(component, "_hf_hook", object())
        case "other stage":
            call = replace(call, stage="encode_prompt")
        case _:
            call = replace(call, kwargs={"scale": np.float32(2.0)})
    replays = Replays(recorder, 100)
    for _ in range(4):
        replays.run(call)
    assert recorder.recorded == 0
    assert component.calls == 4


def test_a_fault_of_a_call_is_its_own() -> None:
    replays = Replays(Clocked(), 100)
    for _ in range(4):
        raised = replays.run(call_of(Denoiser(), 1.0, nothing=1))
        assert isinstance(raised.error, TypeError)


def test_pictures_drawn_by_recordings_are_the_pipelines_own(model: LoadedModel) -> None:
    recorder = Clocked()
    with Drawing(model, replays=Replays(recorder, 100)) as drawing:
        jobs = [job(model, f"{seed}", seed=seed, steps=6) for seed in (1, 2)]
        ends = drawing.draw(*jobs)
    assert recorder.recorded >= 1
    for each, end in zip(jobs, ends, strict=True):
        assert np.array_equal(pixels(end), alone(model, each))


def test_nothing_records_on_a_cpu() -> None:
    assert recorder_for("cpu") == (None, 0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_a_cuda_graph_gives_the_calls_bytes() -> None:
    component = Denoiser().cuda()
    replays = Replays(CudaGraphs("cuda:0"), 2**30)
    for value in range(6):
        x = torch.full((2, 4), float(value), device="cuda")
        call = Call("transformer", component, "__call__", "denoise", (x,), {})
        with torch.no_grad():
            assert torch.equal(replays.run(call)[0], component(x)[0])
