"""A run's seconds, told by stage and by step."""

from __future__ import annotations

import pytest

from safelight.engine.runs.stage_times import StageTimes
from safelight.protocol.times import StageSpan


def test_seconds_are_summed_by_stage_and_what_is_left_was_waiting() -> None:
    times = StageTimes()
    times.turn("encode_prompt", 0.5, stepped=False)
    for seconds in (1.0, 2.0):
        times.turn("denoise", seconds, stepped=True)
    times.turn("decode", 0.25, stepped=False)
    timings = times.timings(total=5.0, image_encode=0.125)
    assert timings.stages == {"encode_prompt": 0.5, "denoise": 3.0, "decode": 0.25}
    assert (timings.wait, timings.image_encode, timings.steps) == (1.25, 0.125, (1.0, 2.0))
    assert times.of("denoise") == 3.0


def test_a_step_takes_all_calls_of_the_denoiser_since_the_last_one() -> None:
    times = StageTimes()
    for seconds, stepped in ((1.0, False), (0.5, True), (0.25, True)):
        times.turn("denoise", seconds, stepped=stepped)
    assert times.steps == [1.5, 0.25]


def test_a_stage_that_was_not_reached_took_nothing_and_is_not_made_by_asking() -> None:
    times = StageTimes()
    assert times.of("decode") == 0.0
    assert dict(times.seconds) == {}


def test_nobody_waited_less_than_not_at_all() -> None:
    times = StageTimes()
    times.turn("denoise", 2.0, stepped=True)
    assert times.timings(total=1.9, image_encode=0.0).wait == pytest.approx(0.0)


def test_a_stage_lasts_from_its_first_turn_to_its_last_on_the_clock_whoever_had_turns_between() -> None:
    now = iter((100.5, 102.0, 105.0, 105.5))
    times = StageTimes(clock=lambda: next(now))
    for stage, seconds in (("encode_prompt", 0.5), ("denoise", 1.0), ("denoise", 1.0), ("decode", 0.25)):
        times.turn(stage, seconds, stepped=False)
    assert times.spans() == (
        StageSpan("encode_prompt", 100.0, 100.5, 0.5),
        StageSpan("denoise", 101.0, 105.0, 2.0),
        StageSpan("decode", 105.25, 105.5, 0.25),
    )
