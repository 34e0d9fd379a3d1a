"""What api processes and hosts say to each other comes back as it went."""

from __future__ import annotations

import pytest

from safelight.contract.errors import ProtocolError
from safelight.protocol.cluster.hosting import (
    Beat,
    Drain,
    Follow,
    HandedBack,
    HostOrder,
    Leave,
    NotHere,
    Take,
    View,
    from_host,
    read_host_events,
    read_host_order,
    to_host,
)
from safelight.protocol.messages import Draw, Started
from tests.orders import order


@pytest.mark.parametrize(
    "said",
    [
        Take(reader="api", work=Draw(order=order("job"))),
        Follow(reader="api", job_id="job"),
        Leave(reader="api", job_id="job"),
        View(reader="api", job_id="job", longest=64),
        Drain(),
    ],
)
def test_orders_to_a_host(said: HostOrder) -> None:
    assert read_host_order(to_host(said)) == said


def test_events_of_a_host_come_in_batches() -> None:
    said = (Beat(), Started(job_id="job"), HandedBack(job_id="job", begun=True), NotHere(job_id="job"))
    assert read_host_events(from_host(said)) == said


@pytest.mark.parametrize("nonsense", [b"", b"\x93", from_host((Beat(),))])
def test_nonsense_is_no_order(nonsense: bytes) -> None:
    with pytest.raises(ProtocolError, match="host"):
        read_host_order(nonsense)


@pytest.mark.parametrize("nonsense", [b"", b"\x93", to_host(Drain())])
def test_nonsense_is_no_event(nonsense: bytes) -> None:
    with pytest.raises(ProtocolError, match="host"):
        read_host_events(nonsense)
