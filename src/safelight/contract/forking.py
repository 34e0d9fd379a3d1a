"""What the api process and the template of its workers say to each other: one msgpack struct a packet.

The template reads `Configure` first. Each `Fork` brings two file descriptors along: the worker's end of its socket and
where its standard error goes. It is answered by `Forked` or `CannotFork`, in the order in which they were sent, and
every worker that was forked ends with `Ended`.
"""

from __future__ import annotations

import msgspec

from safelight.contract.errors import ProtocolError
from safelight.contract.messages import Configure, Message

PACKET_BYTES = 1 << 17


class Fork(Message, frozen=True):
    """Make another worker."""


class Kill(Message, frozen=True):
    """End that worker at once; one that has ended, or never was, is ignored."""

    pid: int


class Forked(Message, frozen=True):
    pid: int


class CannotFork(Message, frozen=True):
    """`reason` is for the log."""

    reason: str


class Ended(Message, frozen=True):
    """`status` is negative for a signal, as `subprocess` has it."""

    pid: int
    status: int


Order = Configure | Fork | Kill
Report = Forked | CannotFork | Ended

_encoder = msgspec.msgpack.Encoder()
_orders: msgspec.msgpack.Decoder[Order] = msgspec.msgpack.Decoder(Order)
_reports: msgspec.msgpack.Decoder[Report] = msgspec.msgpack.Decoder(Report)


def to_packet(message: Order | Report) -> bytes:
    """A message as it goes over the socket, whole in one packet."""
    return _encoder.encode(message)


def read_order(packet: bytes) -> Order:
    """Raises ProtocolError: it is none."""
    try:
        return _orders.decode(packet)
    except msgspec.DecodeError as error:
        raise ProtocolError(f"A packet to the template of the workers cannot be read: {error}") from error


def read_report(packet: bytes) -> Report:
    """Raises ProtocolError: it is none."""
    try:
        return _reports.decode(packet)
    except msgspec.DecodeError as error:
        raise ProtocolError(f"A packet of the workers' template cannot be read: {error}") from error
