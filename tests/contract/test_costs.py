"""The step-time curve: what is known, what is expected between and beyond, what is learned."""

from __future__ import annotations

import pytest

from safelight.contract.models.costs import CostPoint, Costs


def test_nothing_measured_is_nothing_known() -> None:
    assert Costs().at(1024) is None


def test_one_point_goes_by_the_pixels_and_the_prompt_does_not() -> None:
    expected = Costs([CostPoint(pixels=1000, step=2.0, once={"encode_prompt": 0.5, "decode": 1.0})]).at(3000)
    assert expected == CostPoint(pixels=3000, step=6.0, once={"encode_prompt": 0.5, "decode": 3.0})


def test_two_points_give_a_power_law() -> None:
    costs = Costs([CostPoint(pixels=100, step=1.0), CostPoint(pixels=400, step=8.0)])
    found = costs.at(200)
    assert found is not None
    assert found.step == pytest.approx(8**0.5)


def test_noise_in_two_near_points_says_nothing_absurd_about_far_ones() -> None:
    costs = Costs([CostPoint(pixels=1000, step=1.0), CostPoint(pixels=1010, step=1.3)])
    found = costs.at(4000)
    assert found is not None
    assert 1.0 < found.step <= 1.3 * 4.0**2


def test_passes_and_batches_have_curves_of_their_own() -> None:
    costs = Costs([CostPoint(pixels=100, step=1.0), CostPoint(pixels=100, step=2.0, passes="negative")])
    costs.observe(CostPoint(pixels=100, step=1.5, batch=4))
    steps = [costs.at(100), costs.at(100, passes="negative"), costs.at(100, batch=4), costs.at(100, batch=8)]
    assert [point.step if point else None for point in steps] == [1.0, 2.0, 1.5, None]


def test_an_unknown_kind_of_pass_is_taken_for_a_known_one() -> None:
    found = Costs([CostPoint(pixels=100, step=1.0)]).at(100, passes="negative")
    assert found is not None
    assert found.step == 1.0


def test_the_newest_counts_most_and_the_memory_is_bounded() -> None:
    costs = Costs()
    for pixels in range(1, 1000):
        costs.observe(CostPoint(pixels=pixels, step=1.0))
    assert len(costs.points) == 256
    for _ in range(12):
        costs.observe(CostPoint(pixels=999, step=3.0))
    found = costs.at(999)
    assert found is not None
    assert found.step == pytest.approx(3.0, abs=0.05)


def test_the_longest_turn_is_a_step_or_what_is_done_once() -> None:
    assert CostPoint(pixels=64, step=2.0, once={"decode": 3.0}).longest_turn == 3.0
    assert CostPoint(pixels=64, step=4.0, once={"decode": 3.0}).longest_turn == 4.0
    assert CostPoint(pixels=64, step=4.0).longest_turn == 4.0
