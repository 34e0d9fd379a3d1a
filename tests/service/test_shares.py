"""A budget is filled like communicating vessels."""

from __future__ import annotations

import pytest

from safelight.service.keeping.shares import shares


def test_where_all_fits_everybody_keeps_what_they_hold() -> None:
    assert shares({"a": 3, "b": 5}, {"a": 1.0, "b": 1.0}, 10) == {"a": 3.0, "b": 5.0}
    assert shares({}, {}, 10) == {}


@pytest.mark.parametrize(
    ("held", "weights", "kept"),
    [
        ({"a": 100, "b": 100}, {"a": 1.0, "b": 1.0}, {"a": 50.0, "b": 50.0}),
        ({"a": 100, "b": 100}, {"a": 3.0, "b": 1.0}, {"a": 75.0, "b": 25.0}),
        ({"a": 100, "b": 10}, {"a": 1.0, "b": 1.0}, {"a": 90.0, "b": 10.0}),
        ({"a": 100, "b": 10, "c": 40}, {"a": 1.0, "b": 1.0, "c": 1.0}, {"a": 50.0, "b": 10.0, "c": 40.0}),
    ],
)
def test_what_one_does_not_need_is_shared_by_weight_among_the_others(
    held: dict[str, int], weights: dict[str, float], kept: dict[str, float]
) -> None:
    assert shares(held, weights, 100) == kept
