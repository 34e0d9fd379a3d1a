"""A cluster in one process: real hosts, a real line and real engines of api processes; Ray alone is left out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from safelight.adapters.metrics import PrometheusTelemetry
from safelight.adapters.ray.cluster import HostLost
from safelight.adapters.ray.engine import ClusterEngine
from safelight.adapters.ray.hosts.host import Host
from safelight.adapters.ray.hosts.reports import Reports
from safelight.adapters.ray.line.desk import LineDesk
from safelight.contract.errors import Unavailable
from safelight.contract.requests.sentences import BUNDLED_ENCODER
from safelight.service.ports.engine import Engine
from safelight.service.ports.telemetry import Telemetry


class NearCluster:
    """Fills `Cluster`. Hosts in `frozen` say nothing any more. While `cut` is set none is heard, and it cannot be
    joined."""

    def __init__(self) -> None:
        self.line = LineDesk(settle_seconds=0.0)
        self.hosts: dict[str, Host] = {}
        self.frozen: set[str] = set()
        self.cut = asyncio.Event()
        self._reports: dict[str, tuple[Reports, asyncio.Task[None]]] = {}

    async def add_host(self, name: str, engine: Engine) -> Host:
        """A host with that engine, which is started."""
        await engine.start()
        host = self.hosts[name] = Host(engine, lambda: reports.changed(), beat_seconds=0.1, silence_seconds=0.5)
        reports = Reports(name, name.partition("/")[0], host, self.line)
        self._reports[name] = reports, asyncio.create_task(reports.run())
        return host

    async def kill_host(self, name: str) -> None:
        """It is gone from one moment to the other."""
        host = self.hosts.pop(name)
        self._reports.pop(name)[1].cancel()
        await host.stop()

    async def stop(self) -> None:
        """Everything ends."""
        for name in list(self.hosts):
            await self.kill_host(name)

    async def cut_off(self) -> None:
        await self.cut.wait()

    async def join(self) -> None:
        """It is there already, or cannot be joined."""
        if self.cut.is_set():
            raise Unavailable("It is cut off.", code="engine_overloaded", retry_after_seconds=1.0)

    async def leave(self) -> None:
        """It stays."""

    async def read(self, host: str, payload: bytes, *, new: bool) -> AsyncGenerator[bytes, None]:
        stream = self._host(host).read(payload)
        try:
            async for piece in stream:
                if self.cut.is_set() or host in self.frozen:  # who is cut off hears nothing; that no host died is known
                    await asyncio.Event().wait()
                if host not in self.hosts:
                    raise HostLost("killed")
                yield piece
        finally:
            await stream.aclose()

    async def tell_host(self, host: str, payload: bytes) -> None:
        self._host(host).tell(payload)

    def _host(self, host: str) -> Host:
        if host not in self.hosts:
            raise HostLost("There is no such host.")
        return self.hosts[host]


def engine_of(
    cluster: NearCluster,
    *,
    silence_seconds: float = 8.0,
    load_wait_seconds: float = 120.0,
    telemetry: Telemetry | None = None,
) -> ClusterEngine:
    """An api process's."""
    return ClusterEngine(
        cluster,
        cluster.line,
        telemetry or PrometheusTelemetry(),
        sources=("postcard",),
        encoders=(BUNDLED_ENCODER,),
        silence_seconds=silence_seconds,
        load_wait_seconds=load_wait_seconds,
    )
