"""Which number of threads is fastest for a kind of step: the policy, on simulated machines."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping

from safelight.engine.runs.teams.fastest_team import ENOUGH, FastestTeam


def steps(
    team: FastestTeam, seconds: Mapping[int, float], count: int, noise: Callable[[], float] = lambda: 1.0
) -> list[int]:
    """The numbers chosen for so many steps on two cores, with each of which a step takes so long."""
    found = []
    for _ in range(count):
        found.append(team.choose(2))
        team.took(found[-1], seconds[found[-1]] * noise())
    return found


def test_a_warm_up_that_was_disturbed_is_corrected_within_a_picture_or_two() -> None:
    team = FastestTeam({1: 0.015, 2: 0.029})  # somebody else had a core while two threads were measured
    found = steps(team, {1: 0.015, 2: 0.011}, 16)
    assert Counter(found[:8])[2] >= ENOUGH - 2
    assert set(found[-4:]) == {2}


def test_what_takes_twice_the_time_is_not_tried_at_once() -> None:
    team = FastestTeam({1: 0.015, 2: 0.15})
    assert set(steps(team, {1: 0.015, 2: 0.15}, 60)) == {1}


def test_the_slower_way_is_tried_again_so_seldom_that_it_costs_little() -> None:
    team, seconds = FastestTeam({1: 1.0, 2: 10.0}), {1: 1.0, 2: 10.0}
    found = steps(team, seconds, 20_000)
    assert 2 in found
    assert sum(seconds[threads] for threads in found) < 1.02 * len(found)


def test_when_the_other_way_has_become_faster_it_is_found_out() -> None:
    team = FastestTeam({1: 1.0, 2: 1.5})
    steps(team, {1: 1.0, 2: 1.5}, 100)
    assert set(steps(team, {1: 1.0, 2: 0.7}, 400)[-50:]) == {2}


def test_noise_does_not_move_it_away_from_the_faster_way() -> None:
    dice = random.Random(5)
    for _ in range(20):
        team = FastestTeam({1: 1.0, 2: 1.0})
        found = steps(team, {1: 1.0, 2: 0.8}, 1000, lambda: dice.uniform(0.9, 1.15))
        assert Counter(found)[2] > 930


def test_as_fast_means_fewer_threads_and_never_more_than_it_is_allowed() -> None:
    team = FastestTeam({1: 1.0, 2: 1.0})
    assert set(steps(team, {1: 1.01, 2: 1.0}, 40)[-20:]) == {1}
    fast = FastestTeam({1: 1.0, 2: 0.5})
    assert fast.choose(1) == 1
    assert FastestTeam({}).choose(4) == 4
