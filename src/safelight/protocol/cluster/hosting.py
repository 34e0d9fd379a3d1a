"""What an api process and a host of a cluster say to each other: typed structs in msgpack, a host's in batches.

A host draws for many api processes. Whoever reads a job's events is a `reader`: one order of one api process.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from safelight.contract.errors import ProtocolError
from safelight.protocol.messages import Draw, Embed, JobEvent, Message

HOSTING_VERSION = 1
"""Counts up when an older process could not read what a newer one says. Fields with a default may come without that."""

BEAT_SECONDS = 2.0
SILENCE_SECONDS = 8.0
"""A host says something on each stream every 2 s. One that has said nothing for 8 s is taken for dead: Ray itself
notices a frozen machine after 60 s. A job that nobody has followed for 8 s is cancelled: who wanted it is dead too."""


# From an api process to a host


class Take(Message, frozen=True):
    """Draw that, and tell the reader of it. Where it is drawn already the reader reads along."""

    reader: str
    work: Draw | Embed


class Follow(Message, frozen=True):
    """Tell the reader of a job that was taken from another."""

    reader: str
    job_id: str


class Leave(Message, frozen=True):
    """The reader wants that job no more: its stream ends as cancelled, and so does the job where it was the last."""

    reader: str
    job_id: str


class View(Message, frozen=True):
    """Send that reader previews of the job, at most `longest` pixels a side; 0: no more."""

    reader: str
    job_id: str
    longest: int


class Drain(Message, frozen=True):
    """The host is to be replaced, which it cannot see itself: it takes nothing more, and says so to the line."""


HostOrder = Take | Follow | Leave | View | Drain


# From a host to an api process


class Beat(Message, frozen=True):
    """The host lives. It is the first thing that is said on a stream."""


class HandedBack(Message, frozen=True):
    """The host does not draw that job any more, as its worker died: another can. `begun`: it was being drawn then, or
    was alone there, so it may have been the cause."""

    job_id: str
    begun: bool


class NotHere(Message, frozen=True):
    """The host has no such job, or takes none any more."""

    job_id: str


HostEvent = JobEvent | Beat | HandedBack | NotHere

_encoder = msgspec.msgpack.Encoder()
_orders: msgspec.msgpack.Decoder[HostOrder] = msgspec.msgpack.Decoder(HostOrder)
_events: msgspec.msgpack.Decoder[tuple[HostEvent, ...]] = msgspec.msgpack.Decoder(tuple[HostEvent, ...])


def to_host(order: HostOrder) -> bytes:
    """As it crosses to a host."""
    return _encoder.encode(order)


def read_host_order(payload: bytes) -> HostOrder:
    """What `to_host` made.

    Raises:
        ProtocolError: it is none of the orders.
    """
    try:
        return _orders.decode(payload)
    except msgspec.DecodeError as error:
        raise ProtocolError(f"What came to a host is not of version {HOSTING_VERSION}: {error}") from error


def from_host(events: Sequence[HostEvent]) -> bytes:
    """What has gathered for a reader, as it crosses to it."""
    return _encoder.encode(events)


def read_host_events(payload: bytes) -> tuple[HostEvent, ...]:
    """What `from_host` made.

    Raises:
        ProtocolError: it is no list of a host's events.
    """
    try:
        return _events.decode(payload)
    except msgspec.DecodeError as error:
        raise ProtocolError(f"What a host said is not of version {HOSTING_VERSION}: {error}") from error
