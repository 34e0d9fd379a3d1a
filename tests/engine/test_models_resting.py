"""Models that are put away into the host's memory, and come back from there.

There is no second kind of memory here, so a move makes every tensor anew where it is, by the way that `.to` takes.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from safelight.contract.errors import ModelLoadError
from safelight.contract.models.costs import CostPoint
from safelight.engine.checkpoint.loading import load
from safelight.engine.machine.weights.memory import memory_of
from safelight.engine.output.previews import Previewer
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.residency.load_times import FIRST_MOVE_BYTES_PER_SECOND, LoadTimes
from safelight.protocol.messages import Cancelled, Failed, Finished, ModelLoading, ModelReady, ModelResting, ModelSpec
from tests.engine.drawing import Drawing, alone, job, pixels

DEVICE = "elsewhere"
PLENTY = 1_000_000_000


class Moves:
    """Moves models, and remembers which went where. `before` may wait, or fail in the midst of a move."""

    def __init__(self, before: Callable[[str, str], object] = lambda source, device: None) -> None:
        self.made: list[tuple[str, str]] = []
        self._before = before

    def __call__(self, model: LoadedModel, device: str) -> None:
        self.made.append((model.source, device))
        components = [part for part in model.pipeline.components.values() if isinstance(part, torch.nn.Module)]
        components[0]._apply(torch.clone)  # type: ignore[no-untyped-call]
        self._before(model.source, device)
        for component in components[1:]:
            component._apply(torch.clone)  # type: ignore[no-untyped-call]


class Shelves(Drawing):
    """A device with room for one of these models, and a host beside it."""

    def __init__(self, *models: LoadedModel, moves: Moves, host_memory_bytes: int = PLENTY, **options: Any) -> None:
        self.loaded: list[str] = []
        known = {model.source: replace(model, device=DEVICE) for model in models}
        sizes = {model.source: memory_of(model.pipeline) for model in models}

        def loads(spec: ModelSpec) -> LoadedModel:
            self.loaded.append(spec.source)
            return known[spec.source]

        fields: dict[str, Any] = {
            "loads": loads,
            "weigh": lambda spec: sizes[spec.source],
            "memory_bytes": max(sizes.values(), default=0),
        }
        super().__init__(*models, move=moves, host_memory_bytes=host_memory_bytes, **(fields | options))

    def __enter__(self) -> Shelves:
        super().__enter__()
        return self

    @property
    def whereabouts(self) -> list[tuple[str, str]]:
        seen = [event for event in self.events if isinstance(event, ModelReady | ModelResting)]
        return [(event.source, event.where if isinstance(event, ModelResting) else DEVICE) for event in seen]


@pytest.fixture(scope="module")
def models(checkpoints: dict[str, Path]) -> dict[str, LoadedModel]:
    """This file's own: where its weights were copied to another place, a model drew other last bits in other files."""
    names = ("flux", "stable-diffusion", "latent-consistency")
    loaded = {name: load(ModelSpec(source=str(checkpoints[name]), dtype="float32"), "cpu") for name in names}
    for model in loaded.values():
        model.pipeline.set_progress_bar_config(disable=True)
    return loaded


@pytest.fixture
def three(models: dict[str, LoadedModel]) -> tuple[LoadedModel, LoadedModel, LoadedModel]:
    return models["flux"], models["stable-diffusion"], models["latent-consistency"]


@pytest.fixture
def two(models: dict[str, LoadedModel]) -> tuple[LoadedModel, LoadedModel]:
    return models["flux"], models["stable-diffusion"]


def test_the_least_recently_used_is_moved_and_then_dropped(
    three: tuple[LoadedModel, LoadedModel, LoadedModel],
) -> None:
    a, b, c = three
    room = max(memory_of(model.pipeline) for model in three)
    with Shelves(a, b, c, moves=Moves(), host_memory_bytes=room) as drawing:
        drawing.wait(ModelReady, lambda event: event.source == c.source)
        drawing.draw(job(b, "back"), job(a, "again"))
    assert drawing.whereabouts == [
        (a.source, DEVICE),
        (a.source, "host"),
        (b.source, DEVICE),
        (a.source, "none"),
        (b.source, "host"),
        (c.source, DEVICE),
        (c.source, "host"),  # the two change places
        (b.source, DEVICE),
        (c.source, "none"),
        (b.source, "host"),
        (a.source, DEVICE),
    ]
    assert drawing.loaded == [a.source, b.source, c.source, a.source]


def test_a_job_of_a_model_in_the_hosts_memory_is_drawn_without_loading_it_and_to_the_same_pixels(
    two: tuple[LoadedModel, LoadedModel],
) -> None:
    a, b = two
    moves = Moves()
    warmed: list[str] = []

    def warm_up(model: LoadedModel, previewer: Previewer) -> tuple[CostPoint, ...]:
        warmed.append(model.source)
        return ()

    with Shelves(a, b, moves=moves, warm_up=warm_up) as drawing:
        drawing.wait(ModelReady, lambda event: event.source == b.source)
        slot = drawing.loop._models.slot(a.source)
        assert slot is not None
        costs, previewer = slot.known.costs, slot.known.previewer
        (end,) = drawing.draw(job(a, "waits"))
        assert (slot.known.costs, slot.known.previewer) == (costs, previewer)
    assert drawing.loaded == warmed == [a.source, b.source]
    assert moves.made == [(a.source, "cpu"), (b.source, "cpu"), (a.source, DEVICE)]
    assert (pixels(end) == alone(a, job(a))).all()
    ready = [event for event in drawing.events if isinstance(event, ModelReady) and event.source == a.source]
    assert [event.moved for event in ready] == [False, True]
    assert ready[0].fingerprint == ready[1].fingerprint


def test_a_pinned_model_does_not_move(two: tuple[LoadedModel, LoadedModel]) -> None:
    a, b = two
    moves = Moves()
    known = {a.source: a, b.source: b}
    with Shelves(moves=moves, loads=lambda spec: known[spec.source], weigh=lambda spec: 1, memory_bytes=1) as drawing:
        drawing.loop.put(ModelSpec(source=a.source, pinned=True))
        drawing.loop.put(ModelSpec(source=b.source))
        ends = drawing.draw(job(a, "1"), job(b, "2"), job(a, "3"), job(b, "4"))
    assert [type(end) for end in ends] == [Finished] * 4
    assert {source for source, _ in moves.made} <= {b.source}


def test_without_a_budget_nothing_moves(two: tuple[LoadedModel, LoadedModel]) -> None:
    a, b = two
    moves = Moves()
    with Shelves(a, b, moves=moves, host_memory_bytes=0) as drawing:
        drawing.wait(ModelReady, lambda event: event.source == b.source)
        drawing.draw(job(b, "1"), job(a, "2"))
    assert moves.made == []
    assert {where for _, where in drawing.whereabouts} == {DEVICE, "none"}
    assert drawing.loaded.count(a.source) == 2


def test_a_model_that_cannot_be_moved_out_is_dropped_and_loaded_again(two: tuple[LoadedModel, LoadedModel]) -> None:
    a, b = two

    def full(source: str, device: str) -> None:
        if device == "cpu":
            raise MemoryError

    with Shelves(a, b, moves=Moves(full)) as drawing:
        drawing.wait(ModelReady, lambda event: event.source == b.source)
        ends = drawing.draw(job(a, "1"), job(b, "2"))
    assert [type(end) for end in ends] == [Finished] * 2
    assert {where for _, where in drawing.whereabouts} == {DEVICE, "none"}
    assert drawing.loaded == [a.source, b.source, a.source, b.source]


def test_a_model_that_cannot_be_moved_back_is_loaded(two: tuple[LoadedModel, LoadedModel]) -> None:
    a, b = two
    with Shelves(a, b, moves=Moves(full_device)) as drawing:
        drawing.wait(ModelReady, lambda event: event.source == b.source)
        (end,) = drawing.draw(job(a, "waits"))
    assert (pixels(end) == alone(a, job(a))).all()
    assert drawing.loaded == [a.source, b.source, a.source]
    assert not any(event.moved for event in drawing.events if isinstance(event, ModelReady))


def full_device(source: str, device: str) -> None:
    if device == DEVICE:
        raise torch.OutOfMemoryError


def test_one_that_can_neither_be_moved_back_nor_loaded_fails_those_who_wait(
    two: tuple[LoadedModel, LoadedModel],
) -> None:
    a, b = two
    seen: list[str] = []

    def once(spec: ModelSpec) -> LoadedModel:
        if spec.source in seen:
            raise ModelLoadError("The checkpoint does not fit into the memory of elsewhere.")
        seen.append(spec.source)
        return replace(a if spec.source == a.source else b, device=DEVICE)

    with Shelves(a, b, moves=Moves(full_device), loads=once) as drawing:
        drawing.wait(ModelReady, lambda event: event.source == b.source)
        ends = drawing.draw(job(a, "1"), job(a, "2"))
        (other,) = drawing.draw(job(a, "late"))
    for end in (*ends, other):
        assert isinstance(end, Failed)
        assert "does not fit" in end.reason


def test_a_job_can_be_cancelled_while_its_model_is_moved_and_the_others_are_drawn(
    two: tuple[LoadedModel, LoadedModel],
) -> None:
    a, b = two
    leaving, coming, goes_on = threading.Event(), threading.Event(), threading.Event()

    def hold(source: str, device: str) -> None:
        if source == a.source:
            (leaving if device == "cpu" else coming).set()
            goes_on.wait()

    with Shelves(a, b, moves=Moves(hold)) as drawing:
        leaving.wait()
        drawing.put(job(a, "while it leaves"), job(a, "kept"))
        drawing.cancel(job(a, "while it leaves"))
        assert drawing.end_of(job(a, "while it leaves")) == Cancelled(job_id="while it leaves")
        goes_on.set()
        assert isinstance(drawing.end_of(job(a, "kept")), Finished)
        drawing.draw(job(b, "other"))
        coming.clear()
        goes_on.clear()
        drawing.put(job(a, "while it comes"), job(a, "also kept"))
        coming.wait()
        drawing.cancel(job(a, "while it comes"))
        assert drawing.end_of(job(a, "while it comes")) == Cancelled(job_id="while it comes")
        goes_on.set()
        assert isinstance(drawing.end_of(job(a, "also kept")), Finished)
    assert drawing.loaded == [a.source, b.source]


def test_who_waits_for_a_model_in_the_hosts_memory_is_told_how_long_moving_takes(
    two: tuple[LoadedModel, LoadedModel], tmp_path: Path
) -> None:
    a, b = two
    slow = LoadTimes(tmp_path / "engine")
    with Shelves(a, b, moves=Moves(), load_times=slow) as drawing:
        drawing.wait(ModelReady, lambda event: event.source == b.source)
        slow.note(a.source, 1000.0, 1)
        slow.note(b.source, 1000.0, 1)
        before = len(drawing.events)
        drawing.draw(job(a, "1"))
        first = [event.seconds for event in drawing.events[before:] if isinstance(event, ModelLoading)]
        assert first
        assert first == [memory_of(a.pipeline) / FIRST_MOVE_BYTES_PER_SECOND] * len(first)
        drawing.draw(job(b, "2"))
        before = len(drawing.events)
        took = slow.expect(a.source, 0, moved=True)
        drawing.draw(job(a, "3"))
        again = [event.seconds for event in drawing.events[before:] if isinstance(event, ModelLoading)]
        assert again
        assert again == [took] * len(again)
    kept = LoadTimes(tmp_path / "engine")
    assert kept.expect(a.source, 0) == 1000.0, "moves teach nothing about loads"
    assert kept.expect(a.source, 0, moved=True) < 1000.0


@pytest.mark.parametrize("host_memory_bytes", [0, PLENTY])
def test_what_is_dropped_is_gone_before_the_next_is_loaded(
    checkpoints: dict[str, Path], host_memory_bytes: int
) -> None:
    made: list[weakref.ref[Any]] = []
    alive: list[int] = []

    def fresh(spec: ModelSpec) -> LoadedModel:
        alive.append(sum(reference() is not None for reference in made))
        model = replace(load(spec, "cpu"), device=DEVICE)
        made.append(weakref.ref(model.pipeline))
        return model

    a, b = (ModelSpec(source=str(checkpoints[family])) for family in ("flux", "stable-diffusion"))
    weighs: dict[str, Any] = {"weigh": lambda spec: 1000, "memory_bytes": 1, "host_memory_bytes": host_memory_bytes}
    with Shelves(moves=Moves(full_device), loads=fresh, **weighs) as drawing:
        drawing.loop.put(a)
        drawing.loop.put(b)
        drawing.wait(ModelReady, lambda event: event.source == b.source)
        drawing.draw(job(a, "1"), job(b, "waits while the other is drawn"))
        drawing.draw(job(a, "2"))
    assert len(made) == 5, "each was put away for the other, and loaded again"
    rests = 1 if host_memory_bytes else 0
    assert alive == [0, rests, rests, rests, rests], "half of one that could not come back is gone too"
