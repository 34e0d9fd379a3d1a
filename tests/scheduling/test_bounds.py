"""A bound is shared among groups by weight; nobody with nothing in it is kept out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from safelight.scheduling.bounds import FairBound


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
