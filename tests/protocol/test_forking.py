"""What is said between the api process and the template of its workers comes back as it was, or is no message."""

from __future__ import annotations

import pytest

from safelight.contract.errors import ProtocolError
from safelight.protocol.forking import CannotFork, Ended, Fork, Forked, ForkOrder, ForkReport, Kill
from safelight.protocol.frames import read_fork_order, read_fork_report, to_packet
from safelight.protocol.messages import Configure


@pytest.mark.parametrize("order", [Configure(models=()), Fork(), Kill(pid=7)])
def test_an_order_comes_back_as_it_was(order: ForkOrder) -> None:
    assert read_fork_order(to_packet(order)) == order


@pytest.mark.parametrize("report", [Forked(pid=7), CannotFork(reason="no memory"), Ended(pid=7, status=-9)])
def test_a_report_comes_back_as_it_was(report: ForkReport) -> None:
    assert read_fork_report(to_packet(report)) == report


@pytest.mark.parametrize("packet", [b"", b"\xc1", b"\x80", to_packet(Kill(pid=7))[:-1]])
def test_what_is_no_message_is_an_error_that_says_who_sent_it(packet: bytes) -> None:
    with pytest.raises(ProtocolError, match="to the template"):
        read_fork_order(packet)
    with pytest.raises(ProtocolError, match="of the workers' template"):
        read_fork_report(packet)
