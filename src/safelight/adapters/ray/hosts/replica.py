"""A host as a Serve replica. Its methods take and give bytes only; Serve carries no HTTP of ours."""

# Tested in tests/cluster/test_drawing.py.

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import msgspec
from ray import serve

from safelight.adapters.logs.logging import configure_logging
from safelight.adapters.ray.hosts.engines import engine_of
from safelight.adapters.ray.hosts.host import Host
from safelight.adapters.ray.hosts.reports import Reports
from safelight.adapters.ray.hosts.scaling import IN_HAND, WAITING
from safelight.adapters.ray.line.actor import RayLine
from safelight.adapters.ray.names import host_name
from safelight.contract.errors import SafelightError
from safelight.protocol.cluster.deploying import Cluster


class HostTask(msgspec.Struct, frozen=True, kw_only=True):
    """What a replica is told to be. Another `version` is another host, so that an upgrade replaces all."""

    kind: str
    cluster: Cluster
    version: str


def task_to_bytes(task: HostTask) -> bytes:
    """As it goes to a replica."""
    return msgspec.msgpack.encode(task)


class HostReplica:
    """`task` is a `HostTask`. Others are deployments of the same application, which Serve wants bound to one."""

    async def __init__(self, task: bytes, *others: object) -> None:  # type: ignore[misc]  # Serve waits for it
        told = msgspec.msgpack.decode(task, type=HostTask)
        configure_logging("pretty" if told.cluster.log_format == "pretty" else "json", told.cluster.log_level)
        name = host_name(told.kind, serve.get_replica_context().replica_id.unique_id)
        self._host = Host(engine_of(told.kind, told.cluster, self._orphaned), self._changed)
        self._kind, self._line, self._waiting_seconds = told.kind, RayLine(), 0.0
        self._reports = Reports(name, told.kind, self._host, self._line)
        await self._host.engine.start()
        self._telling = asyncio.create_task(self._reports.run(), name="reports")

    async def read(self, payload: bytes) -> AsyncGenerator[bytes, None]:
        """A stream of a job's events (`Host.read`)."""
        stream = self._host.read(payload)
        try:
            async for piece in stream:
                yield piece
        finally:
            await stream.aclose()

    async def tell(self, payload: bytes) -> bytes:
        """Anything else (`Host.tell`)."""
        return self._host.tell(payload)

    async def check_health(self) -> None:
        """Asked by Serve, which replaces a host that raises."""
        if self._telling.done():
            self._telling.result()

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """Asked by Serve now and then, for `scaling.py`."""
        with contextlib.suppress(SafelightError):  # while there is no line, what was told last counts
            self._waiting_seconds = (await self._line.standing()).seconds_for(self._kind)
        return {IN_HAND: self._host.work_seconds, WAITING: self._waiting_seconds}

    async def __del__(self) -> None:
        """Serve waits for it too, once everything that was asked of the host has been answered."""
        self._telling.cancel()
        await self._reports.goodbye()
        await self._host.stop()

    def _changed(self) -> None:
        self._reports.changed()

    def _orphaned(self, job_id: str, begun: bool) -> None:
        self._host.handed_back(job_id, begun)
