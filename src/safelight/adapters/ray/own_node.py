"""The Ray node of this machine by which a process has joined its cluster: while that is gone, so is the cluster."""

# Tested in tests/adapters/ray/test_own_node.py.

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any

# Twice in turn: what is asked once may have been lost.
LOOK_SECONDS = 1.0
_CONNECT_SECONDS = 1.0


class OwnNode:
    """`path` is where its raylet listens. `is_member`, which may take long, says whether the cluster counts it as
    alive; it raises where nobody can tell.

    A process whose raylet has ended hears nothing of it: Ray ends workers then and not drivers. Calls go on for some
    seconds, and wait for ever once the cluster counts the node as dead, whose processes nobody answers any more.
    """

    def __init__(self, path: str, is_member: Callable[[], bool]) -> None:
        self._path = path
        self._is_member = is_member

    async def gone(self, look_seconds: float = LOOK_SECONDS) -> None:
        """Returns once it was found gone twice in turn."""
        before = False
        while True:
            await asyncio.sleep(look_seconds)
            now = not await self.lives()
            if before and now:
                return
            before = now

    async def lives(self) -> bool:
        """Whether it does, as far as can be told."""
        if not _listens(self._path):
            return False
        with contextlib.suppress(Exception):  # whatever Ray raises while its head is away
            return await asyncio.to_thread(self._is_member)
        return True


def own_node() -> OwnNode:
    """That of this process, which has joined."""
    import ray

    name = ray.get_runtime_context().get_node_id()

    def found() -> dict[str, Any]:
        return next(node for node in ray.nodes() if node["NodeID"] == name)

    return OwnNode(found()["RayletSocketName"], lambda: bool(found()["Alive"]))


def _listens(path: str) -> bool:
    """A frozen one does, too: the kernel takes connections for it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(_CONNECT_SECONDS)
        try:
            asking.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:  # it has too much to do
            return True
        return True
