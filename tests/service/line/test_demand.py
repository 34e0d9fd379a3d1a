"""How much of what waits counts for each kind of host."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from safelight.protocol.cluster.placing import HostModel, LineStanding
from tests.service.line.simulated import SimCluster, SimHost, model

BIG = model("big", fingerprint="g")


def waiting(there: SimCluster) -> Mapping[str, float]:
    """As hosts are told it."""
    standing = there.line.standing(there.now)
    kinds = standing.waiting_by_kind
    assert kinds is not None
    assert sum(kinds.values()) in (0.0, pytest.approx(standing.waiting_seconds))
    return kinds


def full(*hosts: SimHost) -> SimCluster:
    """These hosts, none of which has room."""
    for host in hosts:
        host.room = 0
    return SimCluster(hosts)


def test_what_one_kind_alone_can_draw_counts_for_that_one() -> None:
    there = full(SimHost("one", kind="a", models=(model(), BIG)), SimHost("two", kind="b"))
    there.ask("job", source="big", seconds=60.0)
    assert waiting(there) == {"a": 60.0, "b": 0.0}


def test_what_several_can_draw_is_shared_among_them_by_their_workers() -> None:
    there = full(
        SimHost("one", kind="a"),
        SimHost("two", kind="a"),
        SimHost("three", kind="b"),
        SimHost("four", kind="c", models=(BIG,)),
    )
    for number in range(3):
        there.ask(f"job_{number}", seconds=20.0)
    assert waiting(there) == pytest.approx({"a": 40.0, "b": 20.0, "c": 0.0})


def test_a_host_that_goes_or_whose_model_failed_counts_no_more_and_one_that_loads_it_does() -> None:
    failed = HostModel(source="m", status="failed")
    loading = replace(failed, status="loading")
    there = full(
        SimHost("one", kind="a", models=(loading,)),
        SimHost("two", kind="b", models=(failed,)),
        SimHost("three", kind="c", draining=True),
    )
    there.ask("job", seconds=5.0)
    assert waiting(there) == {"a": 5.0, "b": 0.0}


def test_what_waits_for_its_own_fingerprint_counts_where_that_is_and_then_for_all() -> None:
    there = full(SimHost("one", kind="a"), SimHost("two", kind="b", models=(model(fingerprint="g"),)))
    there.ask("job", seconds=6.0, fingerprint="g", patience_seconds=30.0)
    there.ask("of_a_host_that_is_gone", seconds=4.0, fingerprint="h", patience_seconds=30.0)
    assert waiting(there) == {"a": 2.0, "b": 8.0}
    there.wait(31.0)
    assert waiting(there) == {"a": 5.0, "b": 5.0}


def test_what_nobody_draws_brings_no_host() -> None:
    there = full(SimHost("one", kind="a"))
    there.ask("job", source="unknown", seconds=9.0)
    assert waiting(there) == {"a": 0.0}


def test_a_line_that_does_not_tell_kinds_apart_counts_all_for_each() -> None:
    assert LineStanding(waiting_seconds=7.0).seconds_for("a") == 7.0
    assert LineStanding(waiting_seconds=7.0, waiting_by_kind={"a": 5.0}).seconds_for("b") == 0.0
