"""The line over 64 workers with the real schedule in each: a key that floods, and what others wait beside it."""

from __future__ import annotations

import pytest
from benchmarks.simulated_cluster import (
    BestOfTwo,
    OneLine,
    SimulatedCluster,
    StaleBacklogs,
    arrivals,
    overload,
    slowdowns,
)

_WORKERS, _PICTURES = 64, 2500


def test_beside_a_key_that_floods_a_short_picture_of_another_takes_hardly_longer_than_alone() -> None:
    came = arrivals(7, _PICTURES, _WORKERS, load=0.95)
    SimulatedCluster(_WORKERS, OneLine()).run(came)
    light, flood = slowdowns(came)
    assert light.mean <= 1.2
    assert light.p99 <= 4.0
    assert flood.mean <= 1.5  # and who floods does not pay for it more than it must
    assert all(picture.ended for picture in came)


def test_beside_a_key_that_always_has_more_waiting_a_short_picture_of_another_shares_a_worker_at_once() -> None:
    """Alone with it a worker gives each key half of its time: 2 times as long as alone."""
    came, without = overload(7, 1000, 4), overload(7, 1000, 4)
    SimulatedCluster(4, OneLine()).run(came)
    SimulatedCluster(4, OneLine(beyond=0)).run(without)
    assert slowdowns(came)[0].mean <= 2.5
    assert slowdowns(without)[0].mean > 1.5 * slowdowns(came)[0].mean, "what the place beyond is for"


@pytest.mark.parametrize("chooser", [StaleBacklogs(0.25), BestOfTwo()])
def test_where_each_process_chooses_by_itself_they_wait_longer(chooser: StaleBacklogs | BestOfTwo) -> None:
    """What the line is for: a line that were no better would be one process too many."""
    by_line, by_each = (arrivals(3, 1500, _WORKERS, load=0.95) for _ in range(2))
    SimulatedCluster(_WORKERS, OneLine()).run(by_line)
    SimulatedCluster(_WORKERS, chooser).run(by_each)
    assert slowdowns(by_line)[0].mean < slowdowns(by_each)[0].mean
