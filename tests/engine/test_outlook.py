"""A stage is one line: here one more is declared, and everything that goes by stages has it."""

from __future__ import annotations

import pytest

from safelight.adapters.metrics import PrometheusTelemetry
from safelight.contract.models import costs, stages
from safelight.contract.models.costs import CostPoint, Costs
from safelight.contract.models.stages import STAGES, StageKind, comes_before_steps
from safelight.contract.requests.order import Recipe
from safelight.engine.runs import outlook as engine_outlook
from safelight.engine.runs.outlook import outlook
from safelight.engine.runs.stage_times import StageTimes
from safelight.protocol import times


@pytest.fixture
def with_one_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """`encode_picture` between the prompt's encoding and the steps."""
    first, *rest = STAGES.items()
    more = dict([first, ("encode_picture", StageKind()), *rest])
    for module in (stages, costs, times, engine_outlook):
        monkeypatch.setattr(module, "STAGES", more)


def times_of(**seconds: float) -> StageTimes:
    times = StageTimes()
    for stage, took in seconds.items():
        times.turn(stage, took, stepped=stage == "denoise")
    return times


@pytest.mark.usefixtures("with_one_more")
def test_a_stage_that_is_declared_is_timed_learned_and_expected() -> None:
    times = times_of(encode_prompt=0.5, encode_picture=2.0, denoise=3.0, decode=1.0)
    timings = times.timings(10.0, 0.1)
    assert timings.of("encode_picture") == 2.0
    assert (timings.active, timings.wait) == (6.5, 3.5)
    point = timings.cost_of(Recipe(source="m", prompt="", width=10, height=10, seed=1))
    assert point == CostPoint(pixels=100, step=3.0, once={"encode_prompt": 0.5, "encode_picture": 2.0, "decode": 1.0})
    assert point.total(4) == 15.5
    known = Costs([point])
    expected = known.at(200)
    assert expected is not None
    assert expected.of("encode_picture") == 4.0, "it grows with the picture"
    known.observe(CostPoint(pixels=100, step=3.0, once={"encode_picture": 12.0}))
    again = known.at(100)
    assert again is not None
    assert again.of("encode_picture") == pytest.approx(5.0)
    assert again.longest_turn == pytest.approx(5.0)


@pytest.mark.usefixtures("with_one_more")
def test_what_is_left_counts_it_until_it_is_over() -> None:
    point = CostPoint(pixels=100, step=1.0, once={"encode_prompt": 0.5, "encode_picture": 2.0, "decode": 1.0})
    left = {
        stage: outlook(point, 100, 4, 0, stage, StageTimes()).remaining for stage in ("encode_prompt", "encode_picture")
    }
    assert left == {"encode_prompt": 7.5, "encode_picture": 7.0}
    assert outlook(point, 100, 4, 0, "denoise", times_of(encode_picture=2.0)).remaining == 5.0
    assert outlook(point, 100, 4, 4, "decode", times_of(decode=4.0)).remaining == 1.0, "late, and still not over"
    assert comes_before_steps("encode_picture")
    assert not comes_before_steps("decode")


def test_a_model_that_was_never_measured_takes_a_second_a_step_and_megapixel() -> None:
    assert outlook(None, 500_000, 4, 1, "denoise", StageTimes()).remaining == 1.5


def test_the_metrics_tell_each_stage() -> None:
    assert all(stage in PrometheusTelemetry().render().decode() for stage in STAGES)
