"""What `ClusterEngine` needs of a cluster beside its line: streams from hosts, and words to them. Only bytes cross."""

# Tested in tests/adapters/ray/test_engine.py.

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol


class HostLost(Exception):
    """That host is dead, out of reach, or takes nothing new; `replaced`: it goes on with what it has; `silent`: nothing
    is heard of it, as when its whole machine stands still; `foreign`: it and we do not understand each other."""

    def __init__(self, reason: str, *, replaced: bool = False, silent: bool = False, foreign: bool = False) -> None:
        super().__init__(reason)
        self.replaced = replaced
        self.silent = silent
        self.foreign = foreign


class Cluster(Protocol):
    """Hosts by their names, which are those in the line's placements."""

    async def join(self) -> None:
        """Become part of it, however long that takes. Nothing else is asked before.

        Raises:
            Unavailable: it cannot be reached just now.
        """

    async def cut_off(self) -> None:
        """Returns once nothing of it can be reached any more, until it is joined again."""

    async def leave(self) -> None:
        """Be part of it no more."""

    def read(self, host: str, payload: bytes, *, new: bool) -> AsyncGenerator[bytes, None]:
        """A stream of a job's events from that host (`Host.read`). `new`: the job is begun by it, which hosts that are
        being replaced do not do. Closing it ends it at the host too.

        Raises:
            HostLost: as it says; before the first piece or after any.
        """

    async def tell_host(self, host: str, payload: bytes) -> None:
        """Say something to that host (`Host.tell`).

        Raises:
            HostLost: as it says.
        """
