"""Batches of several runs' calls: right, only where nothing was promised, and only where they pay."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from safelight.engine.pipeline.calls import Call
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.runs.execution import Raised
from safelight.engine.runs.merging import CannotMerge, Merger, execute_together
from safelight.protocol.messages import Finished, Stepped
from tests.engine.drawing import Drawing, alone, job, pixels


def denoiser(model: LoadedModel) -> torch.nn.Module:
    module: torch.nn.Module = getattr(model.pipeline, "transformer", None) or model.pipeline.unet
    return module


def drawn(model: LoadedModel, count: int, **changes: Any) -> tuple[list[Any], list[Any], int]:
    """Jobs of different seeds and lengths together: the jobs, their ends, and how often the denoiser was called."""
    calls = 0

    def counted(*_: Any) -> None:
        nonlocal calls
        calls += 1

    hook = denoiser(model).register_forward_pre_hook(counted)
    jobs = [job(model, str(i), seed=i + 1, steps=6 + i, **changes) for i in range(count)]
    try:
        with Drawing(model, merge=True) as drawing:
            ends = drawing.draw(*jobs)
    finally:
        hook.remove()
    return jobs, ends, calls


@pytest.fixture
def pays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiny models gain or lose by chance; here a batch always counts as a gain."""
    monkeypatch.setattr("safelight.engine.runs.merging._PAYS", 1e9)


@pytest.mark.usefixtures("pays")
def test_every_family_draws_the_same_in_batches_but_for_the_last_bits(model: LoadedModel) -> None:
    jobs, ends, calls = drawn(model, 3, exact=False)
    _, _, one_by_one = drawn(model, 3, exact=True)
    assert [end.tier for end in ends] == ["throughput"] * 3
    assert calls < one_by_one
    for wanted, end in zip(jobs, ends, strict=True):
        difference = np.abs(pixels(end).astype(int) - alone(model, wanted).astype(int))
        assert difference.max() <= 2


@pytest.mark.usefixtures("pays")
def test_what_came_with_a_seed_is_never_in_a_batch(model: LoadedModel) -> None:
    jobs, ends, _ = drawn(model, 3, exact=True)
    for wanted, end in zip(jobs, ends, strict=True):
        assert end.tier == "exact"
        assert np.array_equal(pixels(end), alone(model, wanted))


def test_a_batch_that_does_not_pay_is_not_made_again(flux: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safelight.engine.runs.merging._PAYS", 0.0)
    jobs, ends, _ = drawn(flux, 3, exact=False)
    for wanted, end in zip(jobs, ends, strict=True):
        assert end.tier == "exact"
        assert np.array_equal(pixels(end), alone(flux, wanted))


@pytest.mark.usefixtures("pays")
def test_one_of_a_batch_can_be_cancelled_and_the_others_go_on(flux: LoadedModel) -> None:
    jobs = [job(flux, str(i), seed=i + 1, steps=8, exact=False) for i in range(3)]
    drawing: Drawing

    def on_event(event: Any) -> None:
        if isinstance(event, Stepped) and event.job_id == "1" and event.step == 3:
            drawing.cancel(jobs[1])

    with Drawing(flux, merge=True, on_event=on_event) as drawing:
        ends = drawing.draw(*jobs)
    assert [type(end).__name__ for end in ends] == ["Finished", "Cancelled", "Finished"]


@pytest.mark.usefixtures("pays")
def test_sizes_do_not_mix(flux: LoadedModel) -> None:
    with Drawing(flux, merge=True) as drawing:
        ends = drawing.draw(job(flux, "a", exact=False), job(flux, "b", width=128, exact=False))
    assert [end.tier for end in ends if isinstance(end, Finished)] == ["exact", "exact"]


class Doubling(torch.nn.Module):
    def forward(self, x: torch.Tensor, t: torch.Tensor, **_: Any) -> tuple[torch.Tensor]:
        return (2 * x + t.reshape(-1, 1),)


def call(module: torch.nn.Module, size: int, t: float, **kwargs: Any) -> Call:
    return Call("transformer", module, "forward", "denoise", (torch.full((size, 3), t), torch.tensor(t)), kwargs)


def test_a_timestep_for_the_whole_call_becomes_one_for_each_sample() -> None:
    module = Doubling()
    parts = execute_together([call(module, 1, 1.0), call(module, 2, 5.0)])
    assert [part[0].tolist() for part in parts] == [[[3.0] * 3], [[15.0] * 3] * 2]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"scale": 1.0}, {"scale": 2.0}),
        ({"ids": torch.zeros(7, 3)}, {"ids": torch.ones(7, 3)}),
        ({"ids": torch.zeros(7, 3)}, {"ids": None}),
        ({"extra": {"a": 1}}, {"extra": {"b": 1}}),
        ({"a": 1}, {"b": 1}),
    ],
)
def test_what_differs_and_belongs_to_no_sample_cannot_be_merged(one: dict[str, Any], other: dict[str, Any]) -> None:
    module = Doubling()
    with pytest.raises(CannotMerge):
        execute_together([call(module, 1, 1.0, **one), call(module, 1, 1.0, **other)])


class Wrong(torch.nn.Module):
    """Mixes its samples, as nothing should that is merged."""

    def forward(self, x: torch.Tensor, t: torch.Tensor) -> tuple[torch.Tensor]:
        return (x - x.mean(0, keepdim=True) * (x.shape[0] > 1) + t.reshape(-1, 1),)


@pytest.mark.usefixtures("pays")
def test_a_model_whose_samples_touch_each_other_is_found_out_and_never_merged() -> None:
    module, merger = Wrong(), Merger(enabled=True)
    for _ in range(3):
        results, merged = merger.run("key", [call(module, 1, 1.0), call(module, 1, 5.0)], "cpu")
        assert not merged
        assert [result[0].tolist() for result in results] == [[[2.0] * 3], [[10.0] * 3]]
    assert not merger.may_pay("key")


class Exhausted(torch.nn.Module):
    """Has memory for a batch, and for no single call: whatever happens must stay with the runs."""

    def forward(self, x: torch.Tensor, t: torch.Tensor) -> tuple[torch.Tensor]:
        if x.shape[0] == 1:
            raise torch.OutOfMemoryError("tried to allocate 40 GiB")
        return (x,)


def test_calls_that_fail_by_themselves_fail_as_they_would_alone() -> None:
    merger = Merger(enabled=True)
    results, merged = merger.run("key", [call(Exhausted(), 1, 1.0), call(Exhausted(), 1, 5.0)], "cpu")
    assert not merged
    assert all(isinstance(result, Raised) for result in results)
    assert merger.may_pay("key")


def test_what_did_not_pay_is_looked_at_again_after_a_while() -> None:
    module, merger = Wrong(), Merger(enabled=True)
    merger.run("key", [call(module, 1, 1.0), call(module, 1, 5.0)], "cpu")
    assert sum(merger.may_pay("key") for _ in range(300)) == 300 - 255
