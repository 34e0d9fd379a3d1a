"""How many threads steps may take: the policy, on simulated machines."""

from __future__ import annotations

import itertools
import random

from safelight.engine.runs.teams.allowance import LONG, Allowance


def after(allowance: Allowance, *ratios: float) -> int:
    for ratio in ratios:
        allowance.stepped(ratio)
    return allowance.threads


def test_slow_steps_lead_to_fewer_threads_and_calm_ones_back() -> None:
    allowance = Allowance((1, 2, 4))
    assert after(allowance, *[2.5] * (LONG - 1)) == 4
    assert after(allowance, 2.5) == 2
    assert after(allowance, *[2.5] * LONG) == 1
    assert after(allowance, *[3.0] * 100) == 1
    assert after(allowance, *[1.0] * 200) == 4


def test_it_begins_with_what_others_leave_and_takes_all_once_steps_are_calm() -> None:
    assert [Allowance((1, 2, 4), left).threads for left in (1, 2, 3, 4, 9)] == [1, 2, 2, 4, 4]
    assert after(Allowance((1, 2), 1), *[1.0] * 31) == 1
    assert after(Allowance((1, 2), 1), *[1.0] * 32) == 2


def test_a_few_slow_steps_among_others_change_nothing() -> None:
    allowance = Allowance((1, 2))
    assert after(allowance, *[5.0, 1.0] * 500) == 2


def test_steps_that_are_neither_slow_nor_calm_keep_it_where_it_is() -> None:
    allowance = Allowance((1, 2))
    after(allowance, *[2.5] * LONG)
    assert after(allowance, *[1.5] * 5000) == 1


def simulated(busy: range, steps: int) -> list[int]:
    """Threads after each step on two cores, of which neighbours take some while the step's number is in `busy`."""
    dice, allowance, found = random.Random(7), Allowance((1, 2)), []
    for step in range(steps):
        slowed = {1: 1.2, 2: 8.0} if step in busy else {1: 1.0, 2: 1.0}
        allowance.stepped(slowed[allowance.threads] * dice.uniform(1.0, 1.2))
        found.append(allowance.threads)
    return found


def test_beside_neighbours_for_long_it_hardly_ever_tries_the_slow_way_again() -> None:
    found = simulated(range(20_000), 20_000)
    assert found.count(2) < 0.03 * len(found)
    changes = sum(a != b for a, b in itertools.pairwise(found))
    assert changes < 60


def test_when_neighbours_leave_all_threads_are_used_again() -> None:
    found = simulated(range(100, 5_000), 8_000)
    assert found[99] == 2
    assert found[300] == 1
    assert set(found[-1000:]) == {2}
