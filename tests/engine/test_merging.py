"""Batches of several runs' calls: right, to the last bit where that was promised, and only where they pay."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.pipeline.stand_ins.calls import Call
from safelight.engine.runs.execution import Raised
from safelight.engine.runs.joining import CannotMerge, Joining
from safelight.engine.runs.merging import PROOFS, Merger
from safelight.protocol.messages import Finished, Stepped
from tests.engine.drawing import Drawing, alone, job, pixels, together


def denoiser(model: LoadedModel) -> torch.nn.Module:
    module: torch.nn.Module = getattr(model.pipeline, "transformer", None) or model.pipeline.unet
    return module


def drawn(model: LoadedModel, count: int, more_steps: int = 0, **changes: Any) -> tuple[list[Any], list[Any], int]:
    """Jobs of different seeds and lengths together: the jobs, their ends, and how often the denoiser was called."""
    calls = 0

    def counted(*_: Any) -> None:
        nonlocal calls
        calls += 1

    hook = denoiser(model).register_forward_pre_hook(counted)
    jobs = [job(model, str(i), seed=i + 1, steps=6 + i + more_steps, **changes) for i in range(count)]
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
def test_what_came_with_a_seed_has_its_own_bytes_in_all_company(model: LoadedModel) -> None:
    """Some families' steps are merged here, since a batch of theirs gives the same bytes, and others' are not."""
    jobs, ends, _ = drawn(model, 3, more_steps=2 * PROOFS, exact=True)
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
    parts = together([call(module, 1, 1.0), call(module, 2, 5.0)])
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
        together([call(module, 1, 1.0, **one), call(module, 1, 1.0, **other)])


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


class Layer(torch.nn.Module):
    """Rows that do not touch each other. `noise` is what a batch adds to its second sample."""

    def __init__(self, noise: float = 0.0, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.full((3,), 1.5, dtype=dtype), requires_grad=False)
        self.noise, self.batches = noise, 0

    def forward(self, x: torch.Tensor, t: torch.Tensor) -> tuple[torch.Tensor]:
        found = x * self.weight + t.reshape(-1, 1)
        self.batches += x.shape[0] > 1
        found[1:] += self.noise
        return (found,)


def exactly(module: torch.nn.Module, merger: Merger, size: int = 1) -> bool:
    """Whether two calls with promises were merged; their results are always those of calls alone."""
    calls = [call(module, size, t) for t in (1.0, 5.0)]
    results, merged = merger.run("key", calls, "cpu", exact=True)
    expected = [each.execute() for each in calls]
    assert all(torch.equal(a[0], b[0]) for a, b in zip(results, expected, strict=True))
    return merged


@pytest.mark.usefixtures("pays")
def test_calls_with_a_promise_are_merged_once_a_batch_of_their_form_gave_the_same_bytes_each_time() -> None:
    module, merger = Layer(), Merger(enabled=True)
    assert [exactly(module, merger) for _ in range(PROOFS + 2)] == [False] * PROOFS + [True, True]
    assert not exactly(module, merger, size=2), "another form is another sum"
    merger.forget()
    assert not exactly(module, merger), "and so may be other weights"


@pytest.mark.usefixtures("pays")
@pytest.mark.parametrize("module", [Layer(noise=1e-6), Layer(dtype=torch.bfloat16)])
def test_a_batch_that_gave_other_bytes_once_or_rounds_them_away_breaks_no_promise(module: Layer) -> None:
    merger = Merger(enabled=True)
    exactly(module, merger)
    assert not merger.may_pay("key", exact=True)
    assert merger.may_pay("key"), "it is right but for the last bits"
    assert not any(exactly(module, merger) for _ in range(2 * PROOFS))


def test_a_slow_first_batch_is_not_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of a form pays for kernels that are made then."""
    clock = iter([0, 1, 9, *range(10, 10 + 3 * PROOFS)])  # one by one 1 s and together 8, then 1 s each
    monkeypatch.setattr("safelight.engine.runs.merging.now", lambda device: float(next(clock)))
    module, merger = Layer(), Merger(enabled=True)
    for _ in range(PROOFS):
        assert merger.may_pay("key", exact=True)
        exactly(module, merger)
    assert not merger.may_pay("key", exact=True), "as fast is not faster"


@pytest.mark.usefixtures("pays")
def test_what_is_in_the_background_gets_no_place_in_a_batch_of_others(flux: LoadedModel) -> None:
    with Drawing(flux, merge=True) as drawing:
        jobs = [job(flux, "a", exact=False), job(flux, "b", exact=False, background=True)]
        ends = drawing.draw(*jobs)
    assert [end.tier for end in ends if isinstance(end, Finished)] == ["exact", "exact"]


@pytest.mark.usefixtures("pays")
def test_what_a_step_took_in_company_is_not_learned_as_its_cost_alone(flux: LoadedModel) -> None:
    learned: list[set[int]] = []
    with Drawing(flux, merge=True, keep=lambda model, points: learned.append({p.batch for p in points})) as drawing:
        drawing.draw(*[job(flux, str(i), seed=i + 1, steps=3, exact=False) for i in range(2)])
    assert learned == [{2}] * 2, "after two steps in a batch; a picture more would not be kept now"


def test_what_is_given_at_every_step_is_joined_once() -> None:
    module, joining = Doubling(), Joining()
    kept = [torch.ones(1, 3), torch.zeros(1, 3)]
    calls = [call(module, 1, float(t), states=states) for t, states in enumerate(kept)]
    first = joining.joined(calls).kwargs["states"]
    assert joining.joined([replace(each) for each in calls]).kwargs["states"] is first
    kept[1] += 1
    second = joining.joined(calls).kwargs["states"]
    assert second.tolist() == [[1.0] * 3] * 2
    second += 1  # by a component that writes into what it is given
    assert joining.joined(calls).kwargs["states"].tolist() == [[1.0] * 3] * 2
    assert joining.joined(calls[::-1]).kwargs["states"] is not first, "the order counts"


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
