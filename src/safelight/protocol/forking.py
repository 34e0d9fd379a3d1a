"""What the api process and the template of its workers say to each other: one msgpack struct a packet.

The template reads `Configure` first. Each `Fork` brings two file descriptors along: the worker's end of its socket and
where its standard error goes. It is answered by `Forked` or `CannotFork`, in the order in which they were sent, and
every worker that was forked ends with `Ended`.
"""

from __future__ import annotations

from safelight.protocol.messages import Configure, Message


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


ForkOrder = Configure | Fork | Kill
ForkReport = Forked | CannotFork | Ended
