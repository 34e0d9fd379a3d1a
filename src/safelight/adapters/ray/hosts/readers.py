"""Who reads a job at a host: events gather for each reader, and go out in one piece as soon as it takes them."""

# Tested in tests/adapters/ray/hosts/test_host.py.

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from safelight.protocol.cluster.hosting import BEAT_SECONDS, Beat, HostEvent, from_host


class Reader:
    """One order of an api process that reads one job. `longest` is how large it wants previews, 0: none."""

    def __init__(self, name: str, beat_seconds: float = BEAT_SECONDS) -> None:
        self.name = name
        self.longest = 0
        self._beat_seconds = beat_seconds
        self._gathered: list[HostEvent] = [Beat()]
        self._more = asyncio.Event()
        self._more.set()
        self._over = False

    def tell(self, event: HostEvent) -> None:
        """Something happened to the job; after the last nothing more is said."""
        if not self._over:
            self._gathered.append(event)
            self._more.set()

    def end(self, event: HostEvent) -> None:
        """The last thing that it is told."""
        self.tell(event)
        self._over = True

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """What has gathered, each time that it is asked for; a beat where there is nothing for two seconds."""
        while True:
            try:
                async with asyncio.timeout(self._beat_seconds):
                    await self._more.wait()
            except TimeoutError:
                self._gathered.append(Beat())
            gathered, self._gathered = self._gathered, []
            self._more.clear()
            over = self._over
            yield from_host(gathered)
            if over:
                return
