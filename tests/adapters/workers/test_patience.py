"""How long a worker may take for what, before it is taken for stuck."""

from __future__ import annotations

from typing import get_args

import pytest

from safelight.adapters.workers.patience import PATIENCE, overdue
from safelight.protocol.times import BusyStage, StageAge


def test_everything_that_a_worker_can_be_in_has_a_bound() -> None:
    assert set(PATIENCE) == set(get_args(BusyStage))


@pytest.mark.parametrize(
    ("stage", "expected", "bound"),
    [
        ("turn", 0.1, 60),
        ("turn", 30, 600),
        ("turn", 0, 900),
        ("load", 5, 900),
        ("load", 101, 6060),  # 24 GB at 250 MB/s: a disk with 4 MB/s is slow, not stuck
        ("load", 0, 900),
        ("warm_up", 540, 10800),
        ("encode_file", 0, 600),
    ],
)
def test_a_bound_fits_what_was_expected(stage: BusyStage, expected: float, bound: float) -> None:
    assert overdue([StageAge(stage=stage, seconds=bound - 1, expected_seconds=expected)]) is None
    trouble = overdue([StageAge(stage=stage, seconds=bound + 1, expected_seconds=expected)])
    assert trouble is not None
    assert f"{bound + 1:.0f} s, and {bound:.0f} s are far too long" in trouble.reason
    assert trouble.loading == (stage in ("load", "warm_up"))


def test_one_that_is_stuck_is_found_beside_others_that_are_not() -> None:
    busy, stuck = StageAge(stage="turn", seconds=1), StageAge(stage="encode_file", seconds=7200)
    assert "making a picture's file" in str(overdue([busy, stuck]))
    assert overdue([]) is None
