"""The line over 64 workers with the real schedule in each: a key that floods, and what others wait beside it."""

from __future__ import annotations

import pytest
from benchmarks.simulated_cluster import BestOfTwo, OneLine, SimulatedCluster, StaleBacklogs, arrivals, slowdowns

_WORKERS, _PICTURES = 64, 2500


def test_beside_a_key_that_floods_a_short_picture_of_another_takes_hardly_longer_than_alone() -> None:
    came = arrivals(7, _PICTURES, _WORKERS, load=0.95)
    SimulatedCluster(_WORKERS, OneLine()).run(came)
    light, flood = slowdowns(came)
    assert light.mean <= 1.2
    assert light.p99 <= 4.0
    assert flood.mean <= 1.5  # and who floods does not pay for it more than it must
    assert all(picture.ended for picture in came)


@pytest.mark.parametrize("chooser", [StaleBacklogs(0.25), BestOfTwo()])
def test_where_each_process_chooses_by_itself_they_wait_longer(chooser: StaleBacklogs | BestOfTwo) -> None:
    """What the line is for: a line that were no better would be one process too many."""
    by_line, by_each = (arrivals(3, 1500, _WORKERS, load=0.95) for _ in range(2))
    SimulatedCluster(_WORKERS, OneLine()).run(by_line)
    SimulatedCluster(_WORKERS, chooser).run(by_each)
    assert slowdowns(by_line)[0].mean < slowdowns(by_each)[0].mean
