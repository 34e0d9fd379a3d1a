"""What a step costs is measured once for a fingerprint, within a budget, and kept."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from safelight.contract.sizes import SIZES
from safelight.engine.loading import LoadedModel
from safelight.engine.previews import Previewer
from safelight.engine.warm_up import keep, measure, warm_up
from tests.engine.drawing import Drawing, job


def broken(*args: Any, **kwargs: Any) -> Any:
    raise RuntimeError("this must not be drawn")


def test_a_picture_is_measured_by_its_stages_and_teaches_the_previews(model: LoadedModel) -> None:
    previewer = Previewer(model.pipeline)
    point = measure(model, 64, 64, 2, previewer)
    assert point.pixels == 64 * 64
    assert min(point.step, point.decode, point.encode_prompt) > 0
    assert previewer.can_show


def test_what_was_measured_is_kept_and_not_measured_again(
    flux: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("safelight.engine.warm_up._SIDES", (32, 64))
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

    monkeypatch.setattr("safelight.engine.warm_up.measure", noted)
    (tmp_path / f"{flux.fingerprint}.json").write_text('[{"pixels": 1024, "step": 0.5}]')
    compiled = replace(flux, compiled=True)
    (point,) = warm_up(compiled, Previewer(flux.pipeline), budget_seconds=1e-6, kept=tmp_path)
    assert point.step == 0.5  # known, so not measured
    assert [f"{width}x{height}" for width, height in drawn] == list(SIZES)
    drawn.clear()
    warm_up(compiled, Previewer(flux.pipeline), budget_seconds=0, kept=tmp_path)
    warm_up(flux, Previewer(flux.pipeline), budget_seconds=60, kept=tmp_path)
    assert drawn == []


def test_a_damaged_file_is_measured_anew(flux: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safelight.engine.warm_up._SIDES", (32,))
    (tmp_path / f"{flux.fingerprint}.json").write_text("[{")
    assert len(warm_up(flux, Previewer(flux.pipeline), budget_seconds=60, kept=tmp_path)) == 1


def test_no_budget_draws_nothing(flux: LoadedModel) -> None:
    assert warm_up(replace(flux, pipeline=broken), Previewer(None), budget_seconds=0) == ()


def test_a_size_expected_to_take_too_long_is_left_out(flux: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safelight.engine.warm_up._SIDES", (32, 64))
    assert len(warm_up(flux, Previewer(flux.pipeline), budget_seconds=1e-6)) == 1


def test_a_model_that_cannot_draw_is_loaded_all_the_same(flux: LoadedModel) -> None:
    assert warm_up(replace(flux, pipeline=broken), Previewer(None), budget_seconds=60) == ()


def test_pictures_that_were_drawn_correct_what_was_measured(flux: LoadedModel, tmp_path: Path) -> None:
    with Drawing(flux, keep=partial(keep, folder=tmp_path)) as drawing:
        drawing.draw(*(job(flux, str(i), seed=i) for i in range(3)))
    (point,) = warm_up(replace(flux, pipeline=broken), Previewer(None), budget_seconds=60, kept=tmp_path)
    assert (point.pixels, point.passes) == (64 * 48, "")
