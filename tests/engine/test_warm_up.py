"""What a step costs is measured once for a fingerprint, within a budget, and kept."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from safelight.contract.errors import ModelLoadError
from safelight.contract.models.costs import CostPoint
from safelight.contract.values.sizes import SIZES
from safelight.engine.drawing.warm_up import keep, measure, warm_up
from safelight.engine.machine import device
from safelight.engine.machine.cpu.team_size import workers_that_serve_best
from safelight.engine.output.previews import Previewer
from safelight.engine.pipeline.model import LoadedModel
from safelight.protocol.messages import Failed, Finished, ModelFailed, ModelReady, Started
from tests.engine.drawing import Drawing, job


def calling(pipeline: Any, call: Any) -> Any:
    """The same pipeline, with that in place of its `__call__`."""
    other = copy.copy(pipeline)
    object.__setattr__(other, "__class__", type("Calling", (type(pipeline),), {"__call__": call}))
    return other


def broken(*args: Any, **kwargs: Any) -> Any:
    raise RuntimeError("this must not be drawn")


def test_a_picture_is_measured_by_its_stages_and_teaches_the_previews(model: LoadedModel) -> None:
    previewer = Previewer(model.pipeline)
    point = measure(model, 64, 64, 2, previewer)
    assert point.pixels == 64 * 64
    assert min(point.step, point.of("decode"), point.of("encode_prompt")) > 0
    assert previewer.can_show


def test_what_was_measured_is_kept_and_not_measured_again(
    flux: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("safelight.engine.drawing.warm_up._SIDES", (32, 64))
    points = warm_up(flux, Previewer(flux.pipeline), budget_seconds=60, kept=tmp_path / "measured")
    assert [point.pixels for point in points] == [32 * 32, 64 * 64]
    again = replace(flux, pipeline=broken)
    assert warm_up(again, Previewer(None), budget_seconds=60, kept=tmp_path / "measured") == points


def test_a_compiled_model_draws_every_size_before_it_is_ready_in_every_process_anew(
    flux: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[tuple[int, int]] = []

    def noted(model: LoadedModel, width: int, height: int, steps: int, previewer: Previewer) -> Any:
        drawn.append((width, height))
        return measure(model, 32, 32, steps, previewer)

    monkeypatch.setattr("safelight.engine.drawing.warm_up.measure", noted)
    (tmp_path / f"{flux.fingerprint}.json").write_text('[{"pixels": 1024, "step": 0.5}]')
    compiled = replace(flux, compiled=True)
    (point,) = warm_up(compiled, Previewer(flux.pipeline), budget_seconds=1e-6, kept=tmp_path)
    assert point.step == 0.5  # known, so not measured
    assert [f"{width}x{height}" for width, height in drawn] == list(SIZES)
    drawn.clear()
    warm_up(compiled, Previewer(flux.pipeline), budget_seconds=0, kept=tmp_path)
    warm_up(flux, Previewer(flux.pipeline), budget_seconds=60, kept=tmp_path)
    assert drawn == []


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = torch.get_num_threads()
    monkeypatch.setattr(device, "_reference", 2)
    yield
    torch.set_num_threads(before)


def test_fewer_threads_are_tried_though_a_team_beside_neighbours_takes_most_of_the_time(
    flux: LoadedModel, two_cores: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that only pictures move: 1.6 s with two threads beside a neighbour, 0.6 with one, and ten in all."""
    clock = 0.0

    def drawn(model: LoadedModel, width: int, height: int, steps: int, previewer: Previewer) -> CostPoint:
        nonlocal clock
        took = 1.6 if torch.get_num_threads() == 2 else 0.6
        clock += took
        return CostPoint(pixels=width * height, step=took / steps)

    torch.set_num_threads(2)
    monkeypatch.setattr("safelight.engine.drawing.warm_up.measure", drawn)
    monkeypatch.setattr("safelight.engine.drawing.warm_up.time.perf_counter", lambda: clock)
    points = warm_up(flux, Previewer(None), budget_seconds=10, threads=True)
    assert {point.threads: round(point.total(2), 3) for point in points if point.threads} == {1: 0.6, 2: 1.6}
    assert workers_that_serve_best((point for point in points if point.threads), 1) == 2
    assert torch.get_num_threads() == 2
    clock = 0.0
    assert not [point for point in warm_up(flux, Previewer(None), budget_seconds=6, threads=True) if point.threads]


def test_what_somebody_disturbed_is_measured_again(
    flux: LoadedModel, two_cores: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    took = {1: iter([0.5, 0.5]), 2: iter([0.4, 0.9, 1.6, 0.3, 0.38])}
    drawn = list[int]()

    def disturbed(model: LoadedModel, width: int, height: int, steps: int, previewer: Previewer) -> CostPoint:
        threads = torch.get_num_threads()
        drawn.append(threads)
        return CostPoint(pixels=width * height, step=next(took[threads]) / steps)

    torch.set_num_threads(2)
    monkeypatch.setattr("safelight.engine.drawing.warm_up._SIDES", (64,))
    monkeypatch.setattr("safelight.engine.drawing.warm_up.measure", disturbed)
    points = warm_up(flux, Previewer(None), budget_seconds=100, threads=True)
    assert drawn == [2, 2, 1, 2, 1, 2, 2]  # the size twice; then in turns, the team until two were alike
    assert {point.threads: point.total(2) for point in points if point.threads} == {1: 0.5, 2: 0.3}


def test_a_damaged_file_is_measured_anew(flux: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safelight.engine.drawing.warm_up._SIDES", (32,))
    (tmp_path / f"{flux.fingerprint}.json").write_text("[{")
    assert len(warm_up(flux, Previewer(flux.pipeline), budget_seconds=60, kept=tmp_path)) == 1


def test_no_budget_draws_nothing(flux: LoadedModel) -> None:
    assert warm_up(replace(flux, pipeline=broken), Previewer(None), budget_seconds=0) == ()


def test_a_size_expected_to_take_too_long_is_left_out(flux: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safelight.engine.drawing.warm_up._SIDES", (32, 64))
    assert len(warm_up(flux, Previewer(flux.pipeline), budget_seconds=1e-6)) == 1


def test_a_model_that_cannot_draw_is_refused_with_the_kind_of_its_fault(flux: LoadedModel) -> None:
    with pytest.raises(ModelLoadError, match=r"cannot draw: its first picture failed \(\w+Error\)"):
        warm_up(replace(flux, pipeline=broken), Previewer(None), budget_seconds=60)


def test_a_model_that_draws_its_own_size_alone_is_served(flux: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safelight.engine.drawing.warm_up._SIDES", (33, 66))  # sides that its decoder does not have
    small = replace(flux, traits=msgspec.structs.replace(flux.traits, width=64, height=48, steps=2))

    def no_other(model: LoadedModel, width: int, height: int, *more: Any) -> Any:
        if (width, height) != (64, 48):
            raise ValueError("this size is not drawn")
        return measure(model, width, height, *more)

    monkeypatch.setattr("safelight.engine.drawing.warm_up.measure", no_other)
    (point,) = warm_up(small, Previewer(flux.pipeline), budget_seconds=60)
    assert point.pixels == 64 * 48


def test_a_model_that_cannot_draw_is_never_ready(flux: LoadedModel) -> None:
    with Drawing(replace(flux, pipeline=broken), warm_up=partial(warm_up, budget_seconds=60)) as drawing:
        failed = drawing.wait(ModelFailed)
        assert "cannot draw" in failed.reason
        (end,) = drawing.draw(job(flux))
    assert end == Failed(job_id="job", reason=failed.reason, retry_helps=False)


def test_pictures_that_were_drawn_correct_what_was_measured(flux: LoadedModel, tmp_path: Path) -> None:
    with Drawing(flux, keep=partial(keep, folder=tmp_path)) as drawing:
        drawing.draw(*(job(flux, str(i), seed=i) for i in range(3)))
    (point,) = warm_up(replace(flux, pipeline=broken), Previewer(None), budget_seconds=60, kept=tmp_path)
    assert (point.pixels, point.passes) == (64 * 48, "")


def test_a_model_that_was_not_warmed_up_and_cannot_draw_fails_at_its_first_request(flux: LoadedModel) -> None:
    def no_step(*args: Any, **kwargs: Any) -> Any:
        raise ValueError("there is no such step")

    model = replace(flux, pipeline=calling(flux.pipeline, no_step))
    with Drawing(model, warm_up=partial(warm_up, budget_seconds=0)) as drawing:
        drawing.wait(ModelReady)
        first, second = drawing.draw(job(model, "first"), job(model, "second"))
        failed = drawing.wait(ModelFailed)
        (later,) = drawing.draw(job(model, "later"))
    assert isinstance(first, Failed)
    assert failed.reason == f"The model was loaded, but cannot draw. {first.reason}"
    assert later == Failed(job_id="later", reason=failed.reason, retry_helps=False)
    assert isinstance(second, Failed)


def test_a_request_that_fails_by_itself_leaves_a_model_that_draws_ready(flux: LoadedModel) -> None:
    small = replace(flux, traits=msgspec.structs.replace(flux.traits, width=64, height=48, steps=2))

    def no_other(*args: Any, **kwargs: Any) -> Any:
        if kwargs["height"] != 48:
            raise ValueError("this size is not drawn")
        return flux.pipeline.__class__.__call__(*args, **kwargs)

    picky = replace(small, pipeline=calling(flux.pipeline, no_other))
    with Drawing(picky) as drawing:
        (failed,) = drawing.draw(job(picky, "wide", height=64))
        (drawn,) = drawing.draw(job(picky, "right"))
        (again,) = drawing.draw(job(picky, "wide again", height=64))
    assert isinstance(failed, Failed)
    assert isinstance(drawn, Finished)
    assert isinstance(again, Failed)
    assert not [event for event in drawing.events if isinstance(event, ModelFailed)]
    trials = [event for event in drawing.events if isinstance(event, Started) and " " in event.job_id]
    assert len([trial for trial in trials if trial.job_id.startswith("trial ")]) == 1
