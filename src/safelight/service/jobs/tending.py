"""What goes on beside requests: resuming, forgetting, ending what revoked keys asked for, and the end."""

# Tested in tests/api/test_jobs.py.

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from safelight.contract.errors import AuthenticationFailed, SafelightError
from safelight.service.drawing.generate import Generate
from safelight.service.jobs.library import Library
from safelight.service.jobs.once import REVOKED, DrawnOnce
from safelight.service.jobs.processes.elsewhere import Elsewhere
from safelight.service.jobs.processes.leases import LOOK_SECONDS, Leases
from safelight.service.jobs.processes.peers import Peers
from safelight.service.jobs.processes.suspects import Suspects
from safelight.service.jobs.running.runner import JobRunner
from safelight.service.keeping.disk_space import DiskSpace
from safelight.service.keeping.retention import Retention
from safelight.service.ports.processes.feed import JobFeed
from safelight.service.ports.processes.news import JobNews
from safelight.service.ports.processes.steps import PeerClaims
from safelight.service.ports.stores.jobs import JobStore

_LOOK_FOR_REVOKED_SECONDS = 2.0

log = structlog.get_logger(__name__)


class Tending:
    """Of the jobs of a store, by a process that draws them: alone, or beside others (`share`)."""

    def __init__(
        self,
        *,
        store: JobStore,
        generate: Generate,
        feed: JobFeed,
        runner: JobRunner,
        retention: Retention,
        disks: DiskSpace,
        library: Library,
        once: DrawnOnce,
        peers: Peers,
        elsewhere: Elsewhere,
        calls: PeerClaims | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._generate = generate
        self._feed = feed
        self._runner = runner
        self._retention = retention
        self._disks = disks
        self._library = library
        self._once = once
        self._peers = peers
        self._elsewhere = elsewhere
        self.leases = Leases(store, runner, peers, calls)
        self._suspects = Suspects(store, feed, runner, clock)

    async def resume(self) -> int:
        """Take up what was accepted and has not ended; how many jobs that are. Once a start, by one process alone.

        What this process accepted before it was alone it draws already.
        """
        await self._disks.look()
        await self._store.take_back(self._peers.name, others_are_gone=True)
        queued = await self._store.waiting(self._runner.ids)
        if queued:
            log.info("jobs_resumed", jobs=len(queued))
        await self._suspects.resume(queued)
        return len(queued)

    async def end_revoked(self, is_revoked: Callable[[str], Awaitable[bool]]) -> None:
        """End the jobs, requests and streams of keys that were ended, also by another process, until cancelled."""
        while True:
            for owner in self._owners():
                try:
                    if await is_revoked(owner):
                        self._once.revoked.add(owner)  # who waits for one of the jobs is told why it was cancelled
                        for listed in (True, False):
                            for job in await self._library.unfinished(owner, listed=listed):
                                await self._library.cancel(owner, job.id)
                        self._generate.by_key.refuse(owner, AuthenticationFailed(REVOKED))
                        self._feed.dismiss(owner)
                except SafelightError as error:
                    log.error("revoked_jobs_not_ended", owner=owner, reason=str(error))
            await asyncio.sleep(_LOOK_FOR_REVOKED_SECONDS)

    async def share(self, news: JobNews) -> None:
        """Draw from a store from which others draw too, and take up what they lose, until cancelled."""
        await self._disks.look()
        await asyncio.gather(self._take_up_lost(), self._elsewhere.follow(news))

    async def _take_up_lost(self) -> None:
        while True:
            try:
                lost = await self.leases.take_back()
                await self._suspects.take_up(lost)
                await self.leases.tell(lost)
            except SafelightError as error:
                log.warning("lost_jobs_not_looked_for", reason=str(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def renew_leases(self) -> None:
        """Keep the claims of this process alive, until cancelled."""
        await self.leases.go_on()

    async def leave(self) -> None:
        """This process draws no more: the others need not wait until its lease has run out to know that."""
        with suppress(SafelightError):
            await self._peers.leave()

    def _owners(self) -> set[str]:
        """Whose jobs, requests or streams are under way."""
        return self._runner.owners | self._suspects.owners | self._generate.by_key.owners | set(self._feed.owners)

    async def claim(self) -> bool:
        """Whether the place for pictures is ours; see `Retention.claim`."""
        return await self._retention.claim()

    async def forget_forever(self) -> None:
        """Forget what is to be forgotten, until cancelled. In the process that resumed."""
        await self._retention.go_on()

    async def watch_disks(self) -> None:
        """Watch the disks for room, until cancelled."""
        await self._disks.watch()

    async def settle(self, within_seconds: float | None = None) -> None:
        """Returns when what is being drawn has been drawn and kept, in a service that drains."""
        await self._runner.settle(within_seconds)

    def close(self) -> None:
        """End every watch: the server stops."""
        self._feed.close()
