"""Keeping and forgetting: what is too old or too much goes, starred pictures never."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from safelight.contract.errors import SafelightError
from safelight.contract.records.jobs import JobRecord
from safelight.service.keeping.forgetting import Forgetting
from safelight.service.keeping.place import Place
from safelight.service.keeping.steady_clock import SteadyClock
from safelight.service.keeping.sweep import TRASH_SECONDS, KnownFolders, Sweep
from safelight.service.ports.processes.feed import JobFeed
from safelight.service.ports.stores.files import FileStore
from safelight.service.ports.stores.jobs import JobStore, Upkeep

DAY_SECONDS = 86_400.0
# An `Idempotency-Key` is honoured for 24 hours, and what is kept for its sake alone is kept as long.
IDEMPOTENCY_SECONDS = DAY_SECONDS
_ROUND_SECONDS = 60.0
# So many jobs without a picture end before a round comes early: a flood is then not left to grow for a minute.
_HURRY_AFTER = 200

log = structlog.get_logger(__name__)


class Retention:
    """Forgets ended jobs after `keep_seconds`, and the oldest of those keys that hold more than their share of
    `keep_bytes`. `weight_of` says how large a key's share is beside others. `clock` is not the wall's: see there.
    """

    def __init__(
        self,
        *,
        store: JobStore,
        files: FileStore,
        feed: JobFeed,
        place: Place,
        upkeep: Upkeep,
        keep_seconds: float,
        keep_bytes: int,
        weight_of: Callable[[str], Awaitable[float]] | None = None,
        clock: SteadyClock | None = None,
        elapsed: Callable[[], float] = time.monotonic,
        forget_when_full: bool = False,
        known_folders: KnownFolders | None = None,
    ) -> None:
        self._elapsed = elapsed
        self._forget_when_full = forget_when_full
        self._store = store
        self._place = place
        self._upkeep = upkeep
        self._sweep = Sweep(store, files, place, known_folders)
        self._forgetting = Forgetting(store=store, files=files, feed=feed, place=place, weight_of=weight_of)
        self._keep_bytes = keep_bytes
        self.held_bytes = 0
        self._without_picture = 0
        self._hurry = asyncio.Event()
        self.clock = clock or SteadyClock()
        self.keep_seconds = keep_seconds

    async def go_on(self) -> None:
        """Claim the place for pictures, and sweep it once a day; look every minute, until cancelled."""
        claimed, swept_at = False, -math.inf
        while True:
            claimed = claimed or await self._try(self.claim)
            if claimed and self._elapsed() - swept_at >= DAY_SECONDS and await self._try(self.sweep):
                swept_at = self._elapsed()
            await self._try(self.forget)
            with suppress(TimeoutError):
                async with asyncio.timeout(_ROUND_SECONDS):
                    await self._hurry.wait()
            self._hurry.clear()

    def ended_without_picture(self) -> None:
        """A job was cancelled or failed: many at once bring the next round forward."""
        self._without_picture += 1
        if self._without_picture >= _HURRY_AFTER:
            self._without_picture = 0
            self._hurry.set()

    async def forget(self) -> int:
        """Forget what is too old or too much; how many jobs that were."""
        now = self.clock()
        held = await self._store.held()
        self.held_bytes = sum(each.bytes for each in held)
        forgotten = await self._forgetting.many(held)
        if await self._is_ours():
            jobs = sum(each.rows for each in held)
            forgotten += await self._forgetting.old(now - self.keep_seconds, now - IDEMPOTENCY_SECONDS, jobs)
            forgotten += await self._forgetting.heavy(self._keep_bytes)
            await self._sweep.empty_trash(now - TRASH_SECONDS)
        await self._place.note(now)
        await self._upkeep.tidy(now)
        if forgotten:
            log.info("jobs_forgotten", jobs=forgotten)
        return forgotten

    async def make_room(self, missing: int) -> int:
        """So many bytes are missing on the disk of pictures: empty the trash, which nobody is shown. Where it is empty
        already and the operator has said so, forget the oldest pictures of those keys that hold more than a share of
        what is left; starred ones never. How many files or jobs that were.
        """
        if not await self._is_ours():
            return 0
        if files := await self._sweep.empty_trash(math.inf):
            log.warning("trash_emptied", files=files, reason="the disk of `files` is nearly full")
            return files
        if not self._forget_when_full:
            return 0
        held = sum(each.bytes for each in await self._store.held())
        jobs = await self._forgetting.heavy(max(0, held - missing))
        if jobs:
            log.warning("jobs_forgotten", jobs=jobs, reason="the disk of `files` is nearly full (`forget_when_full`)")
        return jobs

    async def claim(self) -> bool:
        """Find out whose the place for pictures is; before that nothing in it is deleted.

        Raises:
            OSError: the place cannot be read or written.
        """
        self.clock.witness(max(await self._place.seen(), await self._store.newest()))
        return await self._place.claim()

    async def sweep(self) -> int:
        """Move files that belong to no job to the trash; how many."""
        return await self._sweep.collect(self.clock())

    async def remove_files(self, job: JobRecord) -> None:
        """Remove what belongs to a job that is gone. A file that will not go is left to the next sweep."""
        await self._forgetting.remove_files(job)

    async def may_delete(self) -> bool:
        """Whether the place for pictures is ours; see `Place.may_delete`."""
        return await self._place.may_delete()

    async def _is_ours(self) -> bool:
        """Whether the place is ours, for a round: one that cannot be looked at is not, this time."""
        try:
            return await self._place.look()
        except OSError as error:
            log.warning("files_not_looked_at", reason=str(error), effect="nothing in them is deleted this time")
            return False

    async def _try(self, round_of: Callable[[], Awaitable[object]]) -> bool:
        try:
            await round_of()
        except (OSError, SafelightError) as error:
            log.error("forgetting_failed", reason=str(error))
            return False
        return True
