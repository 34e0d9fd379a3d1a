"""Several models on one device: real pipelines within a budget of memory."""

from __future__ import annotations

import gc
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest

from safelight.engine.checkpoint.loading import load, weight_of
from safelight.engine.machine.weights.memory import memory_of
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.residency.load_times import FIRST_GUESS_BYTES_PER_SECOND, FIRST_GUESS_SECONDS, LoadTimes
from safelight.protocol.messages import (
    Cancelled,
    Failed,
    Finished,
    ModelLoading,
    ModelReady,
    ModelResting,
    ModelSpec,
    Stepped,
)
from tests.engine.drawing import Drawing, job


@pytest.fixture
def two(models: dict[str, LoadedModel]) -> tuple[LoadedModel, LoadedModel]:
    return models["flux"], models["stable-diffusion"]


def room_for_one(*models: LoadedModel) -> int:
    return max(memory_of(model.pipeline) for model in models) + 1


def whereabouts(drawing: Drawing) -> list[tuple[str, str]]:
    """What was loaded and put away, in order."""
    seen = [event for event in drawing.events if isinstance(event, ModelReady | ModelResting)]
    return [("loaded" if isinstance(event, ModelReady) else "put away", event.source) for event in seen]


def test_shared_weights_count_once(models: dict[str, LoadedModel]) -> None:
    pipeline = models["flux"].pipeline
    each = [memory_of(type("One", (), {"components": {"c": c}})) for c in pipeline.components.values()]
    assert memory_of(pipeline) == sum(each) > 0


def test_a_model_that_is_wanted_has_the_idle_one_put_away_and_jobs_of_both_are_drawn(
    two: tuple[LoadedModel, LoadedModel],
) -> None:
    a, b = two
    with Drawing(a, b, memory_bytes=room_for_one(a, b)) as drawing:
        ends = drawing.draw(job(a, "1"), job(b, "2"))
        ends += drawing.draw(job(a, "3"))
        ends += drawing.draw(job(b, "4"))
    assert [type(end) for end in ends] == [Finished] * 4
    moves = whereabouts(drawing)
    assert moves[-4:] == [("put away", b.source), ("loaded", a.source), ("put away", a.source), ("loaded", b.source)]


def test_room_is_made_before_a_model_is_loaded_where_its_files_tell_its_weight(
    two: tuple[LoadedModel, LoadedModel],
) -> None:
    a, b = two
    weights = {model.source: weight_of(ModelSpec(source=model.source, dtype="float32"), "cpu") for model in two}
    assert all(0 < weights[m.source] <= memory_of(m.pipeline) < 1.1 * weights[m.source] for m in two)
    with Drawing(a, b, memory_bytes=room_for_one(a, b), weigh=lambda spec: weights[spec.source]) as drawing:
        drawing.wait(ModelReady, lambda event: event.source == b.source)
    assert whereabouts(drawing) == [("loaded", a.source), ("put away", a.source), ("loaded", b.source)]


def test_a_pinned_model_stays(two: tuple[LoadedModel, LoadedModel]) -> None:
    a, b = two
    known = {a.source: a, b.source: b}
    with Drawing(memory_bytes=room_for_one(a, b), loads=lambda spec: known[spec.source]) as drawing:
        drawing.loop.put(ModelSpec(source=a.source, pinned=True))
        drawing.loop.put(ModelSpec(source=b.source))
        drawing.draw(job(a, "1"))
        drawing.draw(job(b, "2"))
        drawing.draw(job(a, "3"))
    assert ("put away", a.source) not in whereabouts(drawing)


def test_a_model_in_use_is_not_put_away_and_what_has_not_begun_makes_room(
    two: tuple[LoadedModel, LoadedModel],
) -> None:
    a, b = two
    running = [job(a, f"a{i}", seed=i, steps=6) for i in range(4)]
    drawing: Drawing

    def on_event(event: Any) -> None:
        if isinstance(event, Stepped) and event.job_id == "a0" and event.step == 1:
            drawing.put(job(b, "b"))

    with Drawing(b, a, memory_bytes=room_for_one(a, b), on_event=on_event) as drawing:
        drawing.wait(ModelReady, lambda event: event.source == a.source)
        ends = drawing.draw(*running)
        drawing.end_of(job(b, "b"))
    assert [type(end) for end in ends] == [Finished] * 4
    order = [event.job_id for event in drawing.events if isinstance(event, Finished)]
    assert order.index("b") < 3  # the rest of the other model's jobs did not go before it


def test_a_job_that_waits_for_its_model_can_be_cancelled(two: tuple[LoadedModel, LoadedModel]) -> None:
    a, _ = two
    gate = threading.Event()
    with Drawing(a, before_load=lambda source: gate.wait()) as drawing:
        drawing.put(job(a, "held"), job(a, "kept"))
        drawing.cancel(job(a, "held"))
        assert drawing.end_of(job(a, "held")) == Cancelled(job_id="held")
        gate.set()
        assert isinstance(drawing.end_of(job(a, "kept")), Finished)


def test_other_models_draw_while_one_is_loaded(two: tuple[LoadedModel, LoadedModel]) -> None:
    a, b = two
    gate = threading.Event()
    with Drawing(a, b, before_load=lambda source: source == b.source and gate.wait()) as drawing:
        assert isinstance(drawing.draw(job(a, "meanwhile"))[0], Finished)
        gate.set()
        assert isinstance(drawing.draw(job(b, "then"))[0], Finished)


def test_what_is_put_away_is_freed(checkpoints: Any) -> None:
    kept: list[weakref.ref[Any]] = []

    def fresh(spec: ModelSpec) -> LoadedModel:
        model = load(spec, "cpu")
        kept.append(weakref.ref(model.pipeline))
        return model

    sources = [str(checkpoints["flux"]), str(checkpoints["stable-diffusion"])]
    with Drawing(loads=fresh, memory_bytes=1) as drawing:
        for source in sources:
            drawing.loop.put(ModelSpec(source=source))
        for turn in range(4):
            wanted = ModelSpec(source=sources[turn % 2])
            drawing.draw(job(wanted, f"job-{turn}"))
        gc.collect()
        assert len(kept) > 2, "each was put away for the other, and loaded again"
        assert sum(reference() is not None for reference in kept) <= 1


def test_a_loader_that_breaks_fails_those_who_wait(two: tuple[LoadedModel, LoadedModel]) -> None:
    a, _ = two

    def broken(spec: ModelSpec) -> LoadedModel:
        raise RuntimeError("no such luck")

    with Drawing(a, loads=broken) as drawing:
        (end,) = drawing.draw(job(a))
    assert isinstance(end, Failed)
    assert end.reason.startswith("The model could not be made ready (RuntimeError)")
    assert not end.retry_helps


def test_who_waits_for_a_model_is_told_how_long_and_the_second_time_from_the_first(
    two: tuple[LoadedModel, LoadedModel], tmp_path: Path
) -> None:
    a, b = two
    with Drawing(a, b, load_times=LoadTimes(tmp_path), weigh=lambda spec: 500_000_000) as drawing:
        drawing.wait(ModelReady, lambda event: event.source == b.source)
    first = [(event.source, event.seconds) for event in drawing.events if isinstance(event, ModelLoading)]
    guess = FIRST_GUESS_SECONDS + 500e6 / FIRST_GUESS_BYTES_PER_SECOND
    assert first[0] == (a.source, guess)
    assert (b.source, 2 * guess) in first, "the one before it in line comes first"
    took = LoadTimes(tmp_path)
    assert took.expect(a.source, 0) < guess
    assert took.expect("never seen", 1000) < guess


def test_load_times_that_cannot_be_read_are_forgotten(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "load-times.json").write_text("{")
    times = LoadTimes(tmp_path)
    assert "measured again" in caplog.text
    times.note("model", 3.0, 100)
    assert LoadTimes(tmp_path).expect("model", 100) == 3.0


def test_a_job_that_came_just_before_its_model_is_put_away_waits_for_it_again(
    two: tuple[LoadedModel, LoadedModel],
) -> None:
    a, b = two
    loads, goes_on, holding = threading.Event(), threading.Event(), threading.Event()

    def hold(event: Any) -> None:  # in the engine's thread, which takes in nothing meanwhile
        if isinstance(event, Failed):
            holding.set()
            goes_on.wait()

    def wait_for_both(source: str) -> None:
        if source == b.source:
            loads.wait()

    with Drawing(a, b, memory_bytes=room_for_one(a, b), before_load=wait_for_both, on_event=hold) as drawing:
        drawing.wait(ModelReady, lambda event: event.source == a.source)
        drawing.put(job(ModelSpec(source="unknown"), "refused"))
        holding.wait()
        loader = next(thread for thread in threading.enumerate() if thread.name == "load")
        drawing.put(job(a, "just before"))
        loads.set()
        loader.join()
        goes_on.set()
        assert isinstance(drawing.end_of(job(a, "just before")), Finished)
