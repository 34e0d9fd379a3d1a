"""Calls with fewer threads: only where they are faster, and where the bytes are the same."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from safelight.contract.models.costs import CostPoint
from safelight.engine.machine import device
from safelight.engine.machine.cpu import team_size
from safelight.engine.machine.cpu.team_size import counts_to_try, fastest, workers_that_serve_best
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.pipeline.stand_ins.calls import Call
from safelight.engine.runs.teams.fastest_team import ENOUGH
from safelight.engine.runs.teams.threads import Threads
from safelight.protocol.messages import Finished
from tests.engine.drawing import Drawing, job


def points(seconds: dict[int, float]) -> tuple[CostPoint, ...]:
    return tuple(CostPoint(pixels=1, step=took, threads=count) for count, took in seconds.items())


FASTER_ALONE = points({1: 0.5, 2: 1.0})


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = torch.get_num_threads()
    monkeypatch.setattr(device, "_reference", 2)
    monkeypatch.setattr("safelight.engine.runs.teams.threads.cores_left", lambda cores: 2)
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


class Counting(torch.nn.Module):
    """Notes with how many threads it is called, and may let that be seen in what it gives."""

    def __init__(self, *, tells: bool) -> None:
        super().__init__()
        self.tells, self.seen = tells, list[int]()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen.append(torch.get_num_threads())
        return x + torch.get_num_threads() if self.tells else x + 1


def calls(part: Counting, shape: tuple[int, ...] = (2, 2), times: int = 4) -> tuple[list[Any], Threads]:
    threads = Threads()
    call = Call("transformer", part, "__call__", "denoise", (torch.zeros(shape),), {})
    return [threads.compute(call, FASTER_ALONE, "cpu") for _ in range(times)], threads


def test_fewer_threads_are_used_once_they_gave_the_same_bytes() -> None:
    part = Counting(tells=False)
    calls(part)
    assert part.seen == [2, 1, 1, 1, 1]


def test_where_bytes_differ_all_results_are_those_of_the_reference() -> None:
    part = Counting(tells=True)
    results, _ = calls(part)
    assert part.seen == [2, 1, 2, 2, 2]
    assert all(torch.equal(result, torch.full((2, 2), 2.0)) for result in results)


def test_another_shape_is_compared_anew() -> None:
    part, threads = Counting(tells=False), Threads()
    for shape in ((2, 2), (3, 3)):
        call = Call("transformer", part, "__call__", "denoise", (torch.zeros(shape),), {})
        threads.compute(call, FASTER_ALONE, "cpu")
    assert part.seen == [2, 1, 2, 1]


def test_workers_that_draw_together_share_the_cores() -> None:
    part, threads = Counting(tells=False), Threads()
    call = Call("transformer", part, "__call__", "denoise", (torch.zeros(2, 2),), {})
    faster_together = points({1: 1.0, 2: 0.6})
    threads.compute(call, faster_together, "cpu")
    threads.share(2)
    threads.compute(call, faster_together, "cpu")
    threads.compute(call, faster_together, "cpu")
    threads.share(1)
    threads.compute(call, faster_together, "cpu")
    assert part.seen == [2, 2, 1, 1, 2]


def test_between_its_calls_and_while_decoding_a_pipeline_has_the_reference_number(
    flux: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sum over all of a tensor is another with other threads, and nobody compares what is not a call."""
    seen: dict[str, list[int]] = {"forward": [], "step": [], "decode": []}

    def note(owner: type, name: str) -> None:
        real = getattr(owner, name)

        @functools.wraps(real)
        def noted(*args: Any, **kwargs: Any) -> Any:
            seen[name].append(torch.get_num_threads())
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, name, noted)

    note(type(flux.pipeline.transformer), "forward")
    note(type(flux.pipeline.scheduler), "step")
    note(type(flux.pipeline.vae), "decode")
    with Drawing(flux, warm_up=lambda model, previewer: FASTER_ALONE) as drawing:
        (end,) = drawing.draw(job(flux, steps=4))
    assert isinstance(end, Finished)
    assert seen == {"forward": [2, 1, 1, 1, 1], "step": [2] * 4, "decode": [2]}


def test_steps_correct_what_the_warm_up_found() -> None:
    part, threads = Counting(tells=False), Threads()
    call = Call("transformer", part, "__call__", "denoise", (torch.zeros(2, 2),), {})
    disturbed = points({1: 0.5, 2: 0.9})
    for _ in range(4 * ENOUGH):
        threads.compute(call, disturbed, "cpu", "kind")
        threads.stepped("kind", 0.5 if part.seen[-1] == 1 else 0.3)
    assert set(part.seen[-ENOUGH:]) == {2}


def test_beside_neighbours_the_first_steps_are_taken_with_what_they_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safelight.engine.runs.teams.threads.cores_left", lambda cores: 1)
    part, threads = Counting(tells=False), Threads()
    call = Call("transformer", part, "__call__", "denoise", (torch.zeros(2, 2),), {})
    for _ in range(40):
        threads.compute(call, points({1: 1.0, 2: 0.6}), "cpu", "kind")
        threads.stepped("kind", 1.0 if part.seen[-1] == 1 else 0.6)
    assert part.seen[:3] == [2, 1, 1]  # both ways once, for the bytes
    assert part.seen[-1] == 2


def test_the_fewest_that_are_as_fast_as_any_are_taken() -> None:
    assert counts_to_try(1) == (1,)
    assert counts_to_try(6) == (1, 2, 4, 6)
    assert counts_to_try(8) == (1, 2, 4, 8)
    assert fastest(points({1: 1.02, 2: 1.0}), "denoise", 2) == 1
    assert fastest(points({1: 1.2, 2: 1.0}), "denoise", 2) == 2
    assert fastest(points({1: 1.2, 2: 1.0}), "denoise", 1) == 1
    assert fastest((), "denoise", 2) == 2


def test_as_many_workers_as_give_the_most_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(team_size, "usable_memory", lambda: 16_000_000_000)
    assert workers_that_serve_best(points({1: 1.1, 2: 1.0}), 100_000_000) == 2
    assert workers_that_serve_best(points({1: 1.9, 2: 1.0}), 100_000_000) == 1
    assert workers_that_serve_best(points({1: 1.1, 2: 1.0}), 12_000_000_000) == 1
    assert workers_that_serve_best((), 100_000_000) == 1
