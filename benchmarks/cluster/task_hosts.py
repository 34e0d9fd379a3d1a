"""Many hosts as tasks of one Serve replica, which api processes reach as they reach real ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from ray import serve
from ray.serve.config import RequestRouterConfig
from ray.serve.context import _get_serve_request_context
from ray.serve.request_router import PendingRequest, RunningReplica

from benchmarks.cluster.hosts import SOURCE
from safelight.adapters.fake.engine import FakeEngine
from safelight.adapters.ray.hosts.host import Host
from safelight.adapters.ray.hosts.reports import Reports
from safelight.adapters.ray.line.actor import RayLine
from safelight.adapters.ray.names import host_name
from safelight.adapters.ray.routing import NEW, PinnedRouter
from safelight.protocol.cluster.deploying import APPLICATION

KIND = "task"
_CALLS_AT_ONCE = 10_000


class OneReplicaRouter(PinnedRouter):
    """Whichever host a call names is in the one replica that there is."""

    async def _choose_replica_for_request(
        self, pending_request: PendingRequest, *, is_retry: bool = False
    ) -> RunningReplica:
        while not self._running:
            await self._news.wait()
        return next(iter(self._running.values()))


class TaskHosts:
    """So many hosts that draw stripes, by their names; each tells the line how it stands."""

    async def __init__(self, count: int, step_seconds: float) -> None:  # type: ignore[misc]  # Serve waits for it
        self._hosts: dict[str, Host] = {}
        self._telling = [asyncio.create_task(self._add(str(each), step_seconds).run()) for each in range(count)]

    def _add(self, name: str, step_seconds: float) -> Reports:
        engine = FakeEngine((SOURCE,), capacity=1, step_seconds=step_seconds)
        host = self._hosts[name] = Host(engine, lambda: reports.changed())
        reports = Reports(host_name(KIND, name), KIND, host, RayLine())
        return reports

    async def read(self, payload: bytes) -> AsyncGenerator[bytes, None]:
        """As a host's own replica has it."""
        stream = self._named().read(payload)
        try:
            async for piece in stream:
                yield piece
        finally:
            await stream.aclose()

    async def tell(self, payload: bytes) -> bytes:
        """As a host's own replica has it."""
        return self._named().tell(payload)

    def _named(self) -> Host:
        """The host that the call was pinned to."""
        return self._hosts[_get_serve_request_context().session_id.removeprefix(NEW)]


def deploy_tasks(count: int, step_seconds: float) -> None:
    """Have the cluster that this process has joined keep these instead of all others."""
    serve.start(proxy_location="Disabled")
    deployment: Any = serve.deployment(
        TaskHosts,
        name=KIND,
        ray_actor_options={"num_cpus": 1},
        max_ongoing_requests=_CALLS_AT_ONCE,
        max_queued_requests=-1,
        request_router_config=RequestRouterConfig(request_router_class=OneReplicaRouter),
    )
    serve.run(deployment.bind(count, step_seconds), name=APPLICATION, route_prefix=None)
