"""What loading takes, as it was told to those who wait."""

from __future__ import annotations

from pathlib import Path

import pytest

from safelight.engine.residency.load_times import (
    FIRST_GUESS_BYTES_PER_SECOND,
    FIRST_GUESS_SECONDS,
    FIRST_MOVE_BYTES_PER_SECOND,
    LoadTimes,
)

GB = 10**9


def test_the_first_model_of_all_is_guessed_by_its_weight() -> None:
    times = LoadTimes()
    assert times.expect("flux", GB) == FIRST_GUESS_SECONDS + GB / FIRST_GUESS_BYTES_PER_SECOND
    assert times.expect("flux", GB, moved=True) == GB / FIRST_MOVE_BYTES_PER_SECOND


def test_a_model_takes_as_long_as_the_last_time_whatever_it_weighs() -> None:
    times = LoadTimes()
    for seconds in (9.0, 4.0):
        times.note("flux", seconds, GB)
    assert times.expect("flux", 7 * GB) == 4.0


def test_another_is_expected_to_load_at_the_rate_in_the_middle() -> None:
    times = LoadTimes()
    for name, seconds in (("slow", 10.0), ("usual", 2.0), ("fast", 1.0)):
        times.note(name, seconds, GB)
    times.note("weightless", 3.0, 0)  # says nothing of a rate
    assert times.expect("new", 5 * GB) == pytest.approx(FIRST_GUESS_SECONDS + 10.0)


def test_a_move_back_says_nothing_of_a_load() -> None:
    times = LoadTimes()
    times.note("flux", 0.5, GB, moved=True)
    assert times.expect("flux", GB, moved=True) == 0.5
    assert times.expect("flux", GB) > FIRST_GUESS_SECONDS


def test_the_next_process_knows_both(tmp_path: Path) -> None:
    times = LoadTimes(tmp_path)
    times.note("flux", 30.0, GB)
    times.note("flux", 0.5, GB, moved=True)
    later = LoadTimes(tmp_path)
    assert (later.expect("flux", GB), later.expect("flux", GB, moved=True)) == (30.0, 0.5)
