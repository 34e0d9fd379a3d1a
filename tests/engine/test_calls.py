"""What a call is made within is entered while the call runs, whatever it is: here something of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch

from safelight.engine.pipeline.stand_ins.calls import CacheContext, Call
from safelight.engine.runs.joining import CannotMerge
from safelight.engine.runs.recordings.recorders import Rerun
from safelight.engine.runs.recordings.replaying import Replays
from tests.engine.drawing import together


class Denoiser(torch.nn.Module):
    """Adds what an adapter put on it."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.added = 0.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.weight + self.added


@dataclass(frozen=True)
class Adapter:
    """Puts a number on the component for as long as a call runs."""

    name: str
    adds: float
    repeats: bool = True
    entered_by: list[str] = field(default_factory=list, compare=False)

    @property
    def key(self) -> str:
        return self.name

    @contextmanager
    def entered(self, component: Any) -> Iterator[None]:
        self.entered_by.append(self.name)
        component.added += self.adds
        try:
            yield
        finally:
            component.added -= self.adds


def call_of(component: Denoiser, *within: Adapter) -> Call:
    return Call("transformer", component, "__call__", "denoise", (torch.ones(1, 2),), {}, within)


@torch.no_grad()
def test_a_call_runs_within_all_that_its_caller_was_in_and_leaves_nothing_behind() -> None:
    component = Denoiser()
    order: list[str] = []
    call = call_of(component, Adapter("outer", 2.0, entered_by=order), Adapter("inner", 3.0, entered_by=order))
    assert component.added == 0.0, "not while it waits"
    assert torch.equal(call.execute(), torch.full((1, 2), 6.0))
    assert component.added == 0.0
    assert order == ["outer", "inner"]


@torch.no_grad()
def test_a_fault_within_leaves_it_too() -> None:
    component = Denoiser()
    with pytest.raises(TypeError):
        replace(call_of(component, Adapter("one", 2.0)), args=(1, 2)).execute()
    assert component.added == 0.0


def test_calls_within_different_things_make_no_batch() -> None:
    component = Denoiser()
    one, other = call_of(component, Adapter("one", 1.0)), call_of(component, Adapter("other", 1.0))
    assert [part.tolist() for part in together([one, one])] == [[[2.0, 2.0]]] * 2
    with pytest.raises(CannotMerge):
        together([one, other])


def test_what_does_not_repeat_is_neither_merged_nor_recorded() -> None:
    component, once = Denoiser(), Adapter("once", 1.0, repeats=False)
    with pytest.raises(CannotMerge):
        together([call_of(component, once)] * 2)
    replays = Replays(Rerun(), 100)
    for _ in range(4):
        replays.run(call_of(component, once))
    assert len(once.entered_by) == 4, "each call ran once"


def test_a_decoding_stops_on_its_way_only_where_nothing_is_set_for_it() -> None:
    plain = replace(call_of(Denoiser()), stage="decode")
    assert plain.stops
    assert not replace(plain, within=(Adapter("one", 1.0),)).stops


def test_a_step_cache_is_named_for_its_run_and_told_apart_by_its_branch() -> None:
    mine, others = CacheContext("run 1: ", "cond"), CacheContext("run 2: ", "cond")
    assert mine.key == others.key == "cond"
    assert mine != others
