"""Which jobs go first when they are too many or too heavy, and how one goes: its row, then its files."""

# Tested in tests/service/test_retention.py.

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import structlog

from safelight.contract.records.jobs import JobRecord, JobUpdate, input_names, thumbnail_name
from safelight.service.keeping.place import Place
from safelight.service.keeping.shares import shares
from safelight.service.ports.processes.feed import JobFeed
from safelight.service.ports.stores.files import FilesAway, FileStore
from safelight.service.ports.stores.jobs import Held, JobStore

_BATCH = 200
# What goes for its age in one round, of all jobs: an hour must pass before a mistake has taken everything.
_SHARE_OF_A_ROUND = 1 / 60
# Who tries things out looks at failed jobs for some days; a thousand are more than anybody reads.
MOST_WITHOUT_PICTURE = 1000
# Lists stay as quick as they were measured with that many.
MOST_ROWS = 100_000

log = structlog.get_logger(__name__)


class Forgetting:
    """Forgets jobs of a store. `weight_of` says how large a key's share is beside others."""

    def __init__(
        self,
        *,
        store: JobStore,
        files: FileStore,
        feed: JobFeed,
        place: Place,
        weight_of: Callable[[str], Awaitable[float]] | None,
    ) -> None:
        self._store = store
        self._files = files
        self._feed = feed
        self._place = place
        self._weight_of = weight_of

    async def old(self, ended_before: float, kept_answers_before: float, jobs: int) -> int:
        """Forget what ended before those times, of `jobs` in all; how many that were."""
        most = max(_BATCH, int(jobs * _SHARE_OF_A_ROUND))
        return await self._forget(await self._store.expired(ended_before, kept_answers_before, most))

    async def heavy(self, keep_bytes: int) -> int:
        """Forget the oldest pictures of those keys that hold more than their share of so many bytes; how many."""
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
                forgotten += await self._forget(going)
        return forgotten

    async def many(self, held: Sequence[Held]) -> int:
        """Forget beyond what is bounded by number: rows without a picture, and rows of one key; how many."""
        forgotten = 0
        for each in held:
            spare = each.without_picture - MOST_WITHOUT_PICTURE
            forgotten += await self._oldest(each.owner, spare, without_picture=True)
            if self._place.is_ours:
                forgotten += await self._oldest(each.owner, each.rows - max(0, spare) - MOST_ROWS)
        return forgotten

    async def _oldest(self, owner: str, many: int, *, without_picture: bool = False) -> int:
        forgotten = 0
        while forgotten < many:
            most = min(_BATCH, many - forgotten)
            gone = await self._forget(await self._store.oldest(owner, most, without_picture=without_picture))
            if not gone:
                break
            forgotten += gone
        return forgotten

    async def _forget(self, jobs: Sequence[JobRecord]) -> int:
        gone = await self._store.forget([job.id for job in jobs]) if jobs else []
        for job in gone:
            if job.image is not None or input_names(job):
                await self.remove_files(job)
            self._feed.publish(JobUpdate(kind="deleted", job=job))
        return len(gone)

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
