"""A bound is shared among groups by weight; nobody with nothing in it is kept out."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.scheduling.bounds import FairBound, waits


@dataclass
class Work:
    owner: str
    seconds: float
    weight: float = 1.0
    here_seconds: float = 0.0


def test_a_group_alone_has_the_whole_bound() -> None:
    bound = FairBound(10)
    for _ in range(10):
        assert not bound.excess("a", 1.0, 1)
        bound.add("a", 1.0, 1)
    assert bound.excess("a", 1.0, 1) == 1


def test_the_first_amount_of_a_group_always_fits() -> None:
    bound = FairBound(10)
    bound.add("a", 1.0, 1000)
    assert not bound.excess("b", 1.0, 1000)


def test_what_is_removed_is_gone_without_a_rest() -> None:
    bound = FairBound(10)
    bound.add("a", 1.0, 0.1)
    bound.add("a", 1.0, 0.2)
    bound.change("a", -0.05)
    bound.remove("a", 0.05)
    bound.remove("a", 0.2)
    assert (bound.total, bound.count, bound.has("a")) == (0, 0, False)


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.floats(0.1, 3.0)), max_size=200))
def test_the_sum_never_passes_the_bound_times_the_harmonic_number_and_a_first_for_each(
    asked: list[tuple[str, float]],
) -> None:
    bound = FairBound(12)
    for group, amount in asked:
        if not bound.excess(group, 1.0, amount):
            bound.add(group, 1.0, amount)
    assert bound.total <= 12 * sum(1 / n for n in range(1, 9)) + 8 * 3.0


@given(
    st.lists(st.builds(Work, owner=st.sampled_from("abc"), seconds=st.floats(0.1, 9.0))),
    st.floats(1.0, 60.0),
    st.integers(1, 8),
)
def test_a_key_alone_gets_in_no_more_than_the_bound_of_all_workers_and_one_work(
    wanted: list[Work], bound_seconds: float, workers: int
) -> None:
    alone = [Work("a", each.seconds) for each in wanted]
    in_all = [
        each.seconds for each, wait in zip(alone, waits(bound_seconds, workers, [], alone), strict=True) if not wait
    ]
    assert sum(in_all) <= max(bound_seconds * workers, in_all[0] if in_all else 0.0) + 1e-6
    # What several keys get in is what `FairBound` gives them one by one.
    bound, together = FairBound(bound_seconds * workers), waits(bound_seconds, workers, [], wanted)
    for each, wait in zip(wanted, together, strict=True):
        assert wait == bound.excess(each.owner, each.weight, each.seconds) / workers
        if not wait:
            bound.add(each.owner, each.weight, each.seconds)


def test_what_has_no_room_where_it_came_in_is_not_let_in_and_takes_none_from_others() -> None:
    wanted = [Work("a", 6.0, here_seconds=2.5), Work("a", 6.0), Work("a", 6.0)]
    assert waits(5.0, 2, [Work("a", 1.0)], wanted) == [2.5, 0.0, pytest.approx((1 + 6 + 6 - 10) / 2)]


def test_without_workers_there_is_the_bound_of_one_as_the_next_is_on_its_way() -> None:
    assert waits(5.0, 0, [Work("a", 4.0)], [Work("a", 1.0), Work("a", 1.0)]) == [0.0, 1.0]
