"""Which connections are open, within a bound in all and one for each address.

A connection costs a descriptor, and a process that has none left can neither accept, nor read a picture, nor open its
database. So the bound leaves a reserve. Where it is met, the connection that has waited longest for a request goes: its
client opens another, while one whose request is being answered would lose the answer.
"""

# Tested in tests/hostile/test_connections.py.

from __future__ import annotations

import resource
from typing import Protocol

from safelight.contract.errors import ApiError, RateLimited, Unavailable, retry_after

# The database, logs, files that are being read, a pair for each worker, and connections that are just being closed.
RESERVED_DESCRIPTORS = 64
# Some 10 kB each while they say nothing. A proxy in front is the better place for more than that to wait in.
MOST_BY_DEFAULT = 4096
_RETRY_SECONDS = 5.0


class Connection(Protocol):
    """What is counted."""

    def give_way(self) -> None:
        """Close at once, for another's sake."""


class Connections:
    """The open connections. A group is an address, or what stands for one; the group None has no bound of its own."""

    def __init__(self, most: int, most_per_group: int) -> None:
        self.most = most
        self.most_per_group = most_per_group
        self._groups: dict[Connection, str | None] = {}
        self._sizes: dict[str | None, int] = {}
        self._resting: dict[Connection, None] = {}  # in the order in which they began to wait

    def __len__(self) -> int:
        return len(self._groups)

    def opened(self, connection: Connection, group: str | None) -> ApiError | None:
        """Count a connection, which waits for its first request. What is to be said where it cannot stay."""
        self._groups[connection] = group
        self._sizes[group] = self._sizes.get(group, 0) + 1
        if group is not None and self._sizes[group] > self.most_per_group and not self._make_room(group):
            return RateLimited(
                f"{self.most_per_group} connections are open from this address, which is the most, and all of them are "
                "busy. Use those again, or wait for an answer.",
                headers=retry_after(_RETRY_SECONDS),
            )
        if len(self._groups) > self.most and not self._make_room():
            return Unavailable(
                f"{self.most} connections are open, which is the most, and all of them are busy. Try again.",
                code="engine_overloaded",
                retry_after_seconds=_RETRY_SECONDS,
            )
        self.rests(connection)
        return None

    def rests(self, connection: Connection) -> None:
        """Nothing is being answered on it from now on: it may be closed."""
        if connection in self._groups:
            self._resting.setdefault(connection)

    def works(self, connection: Connection) -> None:
        """A request is being answered on it."""
        self._resting.pop(connection, None)

    def closed(self, connection: Connection) -> None:
        """It counts no more; nothing happens to one that was not counted."""
        if connection not in self._groups:
            return
        group = self._groups.pop(connection)
        self._resting.pop(connection, None)
        self._sizes[group] -= 1
        if not self._sizes[group]:
            del self._sizes[group]

    def _make_room(self, group: str | None = None) -> bool:
        """Close the connection that has rested longest, of that group if one is named; False where all are busy."""
        for connection in self._resting:
            if group is None or self._groups[connection] == group:
                self.closed(connection)
                connection.give_way()
                return True
        return False


def raise_descriptor_limit() -> int:
    """Raise the soft limit of open files to the hard one, as far as the system lets us; what it is then.

    Many systems start processes with 256 or 1,024 for the sake of `select`, which is not used here.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (ValueError, OSError):  # macOS says "unlimited" and takes no more than OPEN_MAX
            return soft
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return limit if limit != resource.RLIM_INFINITY else MOST_BY_DEFAULT + RESERVED_DESCRIPTORS


def most_connections(asked: int, descriptors: int) -> int:
    """How many may be open: what the operator asked for (0: what we say), as far as descriptors go.

    A small limit is shared in halves with the reserve, so that something is left for either.
    """
    room = max(descriptors - RESERVED_DESCRIPTORS, descriptors // 2)
    return max(1, min(asked or MOST_BY_DEFAULT, room))
