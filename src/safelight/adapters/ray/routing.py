"""Serve's router for hosts: a call goes to the replica that it names in its session id, and to no other.

The line says where a job is drawn, so there is nothing to choose here. Ray's own routers cannot be told a replica by
its id in 2.60 (ray#64949), and poll busy ones: four engines of 0.2 s drew 11.7 pictures a second by them, 17.7
by this one.
"""

# Tested in tests/cluster/test_drawing.py.

from __future__ import annotations

import asyncio
from typing import Any

from ray.serve.request_router import PendingRequest, ReplicaID, RequestRouter, RunningReplica

from safelight.adapters.ray.cluster import HostLost

NEW = "new:"
"""Before a replica's id: the call begins something, which replicas that are being replaced do not do."""

# A replica that has just begun may be named before the controller has told this process of it.
_PATIENCE_SECONDS = 1.0
_AGAIN_SECONDS = 0.1
# Those that are being replaced are spoken to until they end: so many at most.
_REPLACED_KEPT = 256


class PinnedRouter(RequestRouter):  # type: ignore[misc]
    """Knows the replicas that run, and those that are being replaced and may still draw."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._running: dict[str, RunningReplica] = {}
        self._replaced: dict[str, RunningReplica] = {}
        self._news = asyncio.Event()

    def update_replicas(self, replicas: list[RunningReplica]) -> None:
        """The controller says which run."""
        super().update_replicas(replicas)
        before, self._running = self._running, {each.replica_id.unique_id: each for each in replicas}
        self._replaced |= {name: replica for name, replica in before.items() if name not in self._running}
        for name in list(self._replaced)[:-_REPLACED_KEPT]:
            del self._replaced[name]
        self._news.set()
        self._news = asyncio.Event()

    def on_replica_actor_died(self, replica_id: ReplicaID) -> None:
        """A call found it dead."""
        super().on_replica_actor_died(replica_id)
        self._running.pop(replica_id.unique_id, None)
        self._replaced.pop(replica_id.unique_id, None)

    async def _choose_replica_for_request(
        self, pending_request: PendingRequest, *, is_retry: bool = False
    ) -> RunningReplica:
        """The one that the call names, as Ray's `CapacityQueueRouter` chooses too: past the queues of the base class.

        Raises:
            HostLost: it is not there.
        """
        named: str = pending_request.metadata.session_id
        new, wanted = named.startswith(NEW), named.removeprefix(NEW)
        if is_retry:  # Ray asks again at once where a replica cannot be reached just now
            await asyncio.sleep(_AGAIN_SECONDS)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while wanted not in self._running:
                    if (replaced := self._replaced.get(wanted)) is not None:
                        if new:
                            raise HostLost("It is being replaced.", replaced=True)
                        return replaced
                    await self._news.wait()
        except TimeoutError:
            raise HostLost("There is no such replica.") from None
        return self._running[wanted]

    async def choose_replicas(
        self, candidate_replicas: list[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[RunningReplica]]:
        """Not asked, since nothing is chosen; the base class wants it."""
        return [candidate_replicas]
