"""What is asked of hosts and told to them, and what they say: one that is silent for too long is lost."""

# Tested in tests/adapters/ray/test_engine.py.

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from time import monotonic

import structlog

from safelight.adapters.ray.cluster import Cluster, HostLost
from safelight.contract.errors import ProtocolError
from safelight.protocol.cluster.hosting import Drain, HostEvent, HostOrder, Take, read_host_events, to_host

# One who was spoken to just now is not given up at once, although nothing was heard of it for long: it may be new.
_LEAST_PATIENCE_SECONDS = 2.5

log = structlog.get_logger(__name__)


class HostCalls:
    """Streams from the hosts of a cluster, and words to them, which may be lost.

    A host from which nothing has come on any stream for `silence_seconds` is taken for dead.
    """

    def __init__(self, cluster: Cluster, silence_seconds: float) -> None:
        self._cluster = cluster
        self._silence_seconds = silence_seconds
        self._last_heard: dict[str, float] = {}
        self._sent: set[asyncio.Task[None]] = set()

    async def events(self, host: str, wanted: HostOrder) -> AsyncGenerator[HostEvent, None]:
        """What that host says of a job that it is to draw or to tell of, until that is closed.

        Raises:
            HostLost: it is dead, out of reach, silent, or cannot be understood.
        """
        since = monotonic()
        try:
            async with aclosing(self._cluster.read(host, to_host(wanted), new=isinstance(wanted, Take))) as stream:
                while True:
                    piece = await self._next(stream, host, since)
                    for event in read_host_events(piece):
                        yield event
        except ProtocolError as error:
            raise HostLost(str(error), foreign=True) from error
        except HostLost as error:
            if error.replaced:
                self.tell(host, Drain())
            raise

    def tell(self, host: str, order: HostOrder) -> None:
        """Say something to a host; one that is not reached will be found silent."""
        task = asyncio.create_task(self._tell(host, order))
        self._sent.add(task)
        task.add_done_callback(self._sent.discard)

    async def settle(self) -> None:
        """Returns when all that was to be told has been told, or was lost."""
        await asyncio.gather(*self._sent, return_exceptions=True)

    async def _next(self, stream: AsyncGenerator[bytes, None], host: str, since: float) -> bytes:
        try:
            async with asyncio.timeout_at(self._until(host, since)):
                piece = await anext(stream, b"")
        except TimeoutError:
            raise HostLost(f"it has been silent for {self._silence_seconds:.0f} s", silent=True) from None
        if not piece:
            raise HostLost("Its stream ended before the job did.")
        self._last_heard[host] = monotonic()
        return piece

    def _until(self, host: str, since: float) -> float:
        """When a host's silence has been too long, on the loop's clock, which is the monotonic one."""
        heard = self._last_heard.get(host, since)
        return max(heard + self._silence_seconds, since + min(_LEAST_PATIENCE_SECONDS, self._silence_seconds))

    async def _tell(self, host: str, order: HostOrder) -> None:
        try:
            async with asyncio.timeout(self._silence_seconds):
                await self._cluster.tell_host(host, to_host(order))
        except (HostLost, TimeoutError) as error:
            log.info("host_not_told", host=host, reason=str(error))
