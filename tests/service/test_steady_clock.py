"""A clock that is set believes what goes back at once, and what goes ahead after a day."""

from __future__ import annotations

import pytest

from safelight.service.keeping.steady_clock import SteadyClock

DAY = 86_400.0


class Times:
    """What the two witnesses say."""

    def __init__(self) -> None:
        self.wall, self.elapsed = 1000 * DAY, 0.0
        self.clock = SteadyClock(lambda: self.wall, lambda: self.elapsed)

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.elapsed += seconds


def test_a_clock_that_agrees_is_followed_and_small_steps_with_it() -> None:
    times = Times()
    times.pass_by(3600.0)
    times.wall += 100.0
    assert times.clock() == times.wall


def test_a_clock_that_is_set_back_is_believed_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    times = Times()
    times.wall -= 7 * DAY
    assert times.clock() == times.wall
    assert "nothing is forgotten before its time" in capsys.readouterr().out


def test_one_that_is_set_ahead_counts_after_it_held_for_a_day_and_is_told_of_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    times = Times()
    true = times.wall
    times.wall += 30 * DAY
    for _ in range(23):
        times.pass_by(3600.0)
        true += 3600.0
        assert times.clock() == true
    times.pass_by(2 * 3600.0)
    assert times.clock() == times.wall
    assert capsys.readouterr().out.count("clock_jumped") == 1


def test_the_time_since_boot_is_witness_by_itself() -> None:
    clock = SteadyClock()
    first = clock()
    assert 0 <= clock() - first < 60
