"""Keeping and forgetting: what is too old or too much goes, starred pictures never."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import structlog

from safelight.contract.errors import SafelightError
from safelight.contract.jobs import JobRecord, JobUpdate, input_names, thumbnail_name
from safelight.service.keeping.place import Place
from safelight.service.keeping.shares import shares
from safelight.service.keeping.steady_clock import SteadyClock
from safelight.service.keeping.sweep import TRASH_SECONDS, Sweep
from safelight.service.ports.feed import JobFeed
from safelight.service.ports.files import FilesAway, FileStore
from safelight.service.ports.jobs import Held, JobStore, Upkeep

DAY_SECONDS = 86_400.0
# An `Idempotency-Key` is honoured for 24 hours, and what is kept for its sake alone is kept as long.
IDEMPOTENCY_SECONDS = DAY_SECONDS
_ROUND_SECONDS = 60.0
_BATCH = 200
# What goes for its age in one round, of all jobs: an hour must pass before a mistake has taken everything.
_SHARE_OF_A_ROUND = 1 / 60
# Who tries things out looks at failed jobs for some days; a thousand are more than anybody reads.
MOST_WITHOUT_PICTURE = 1000
# Lists stay as quick as they were measured with that many.
MOST_ROWS = 100_000
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
    ) -> None:
        self._elapsed = elapsed
        self._forget_when_full = forget_when_full
        self._store = store
        self._files = files
        self._feed = feed
        self._place = place
        self._upkeep = upkeep
        self._sweep = Sweep(store, files, place)
        self._keep_bytes = keep_bytes
        self._weight_of = weight_of
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
                await asyncio.wait_for(self._hurry.wait(), _ROUND_SECONDS)
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
        forgotten = await self._trim(held)
        if await self._is_ours():
            forgotten += await self._forget_old(now, sum(each.rows for each in held))
            forgotten += await self._forget_heavy(self._keep_bytes)
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
        jobs = await self._forget_heavy(max(0, held - missing))
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
        try:
            if not await self._place.may_delete():
                log.warning("file_left", job=job.id, reason="the place for pictures is not known to be ours")
                return
            picture = () if job.image is None else (job.image.file, thumbnail_name(job.image))
            for name in (*picture, *input_names(job)):
                await self._remove(job, name)
        except FilesAway as error:  # nothing else there would answer either, and somebody may wait
            log.warning("file_not_removed", job=job.id, reason=str(error))

    async def _remove(self, job: JobRecord, name: str) -> None:
        try:
            await self._files.delete(name)
        except FilesAway:
            raise
        except OSError as error:
            log.warning("file_not_removed", job=job.id, reason=str(error))

    async def _is_ours(self) -> bool:
        """Whether the place is ours, for a round: one that cannot be looked at is not, this time."""
        try:
            return await self._place.look()
        except OSError as error:
            log.warning("files_not_looked_at", reason=str(error), effect="nothing in them is deleted this time")
            return False

    async def _forget_old(self, now: float, jobs: int) -> int:
        most = max(_BATCH, int(jobs * _SHARE_OF_A_ROUND))
        old = await self._store.expired(now - self.keep_seconds, now - IDEMPOTENCY_SECONDS, most)
        return await self._forget_all(old)

    async def _forget_heavy(self, keep_bytes: int) -> int:
        held = {each.owner: each.bytes for each in await self._store.held()}
        if sum(held.values()) <= keep_bytes:
            return 0
        weights = {owner: 1.0 if self._weight_of is None else await self._weight_of(owner) for owner in held}
        forgotten = 0
        for owner, share in shares(held, weights, keep_bytes).items():
            excess = held[owner] - share
            while excess > 0 and (batch := await self._store.oldest(owner, _BATCH)):
                going = []
                for job in batch:
                    if excess > 0:
                        going.append(job)
                        excess -= job.stored_bytes
                forgotten += await self._forget_all(going)
        return forgotten

    async def _trim(self, held: Sequence[Held]) -> int:
        """What is bounded by number: rows without a picture, and rows of one key."""
        forgotten = 0
        for each in held:
            spare = each.without_picture - MOST_WITHOUT_PICTURE
            forgotten += await self._forget_oldest(each.owner, spare, without_picture=True)
            if self._place.is_ours:
                forgotten += await self._forget_oldest(each.owner, each.rows - max(0, spare) - MOST_ROWS)
        return forgotten

    async def _forget_oldest(self, owner: str, many: int, *, without_picture: bool = False) -> int:
        forgotten = 0
        while forgotten < many:
            most = min(_BATCH, many - forgotten)
            gone = await self._forget_all(await self._store.oldest(owner, most, without_picture=without_picture))
            if not gone:
                break
            forgotten += gone
        return forgotten

    async def _forget_all(self, jobs: Sequence[JobRecord]) -> int:
        gone = await self._store.forget([job.id for job in jobs]) if jobs else []
        for job in gone:
            if job.image is not None or input_names(job):
                await self.remove_files(job)
            self._feed.publish(JobUpdate(kind="deleted", job=job))
        return len(gone)

    async def _try(self, round_of: Callable[[], Awaitable[object]]) -> bool:
        try:
            await round_of()
        except (OSError, SafelightError) as error:
            log.error("forgetting_failed", reason=str(error))
            return False
        return True
