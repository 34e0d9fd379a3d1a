"""This process's claims on jobs, in a store that may be full or away: made and ended, however long that takes."""

# Tested in tests/service/test_job_drawing.py.

from __future__ import annotations

from collections.abc import Callable

from safelight.contract.records.jobs import JobRecord
from safelight.service.keeping.firmly import firmly
from safelight.service.ports.stores.jobs import Ending, Hold, JobStore


class Claims:
    """`holder` is the name under which this process claims jobs, `clock` the wall's."""

    def __init__(self, store: JobStore, holder: str, clock: Callable[[], float]) -> None:
        self._store = store
        self._holder = holder
        self._clock = clock

    async def claim(self, job_id: str) -> JobRecord | None:
        """Make a job ours to draw; None if it has ended, or another process draws it. A claim that failed may have come
        through, so it is taken back before the next.
        """
        failed = False

        async def claim() -> JobRecord | None:
            nonlocal failed
            if failed:
                for hold in await self._store.renew(self._holder):
                    if hold.job_id == job_id:
                        await self._store.put_back(hold)
            failed = True
            return next(iter(await self._store.claim([job_id], 1, self._clock(), self._holder)), None)

        return await firmly(claim)

    async def begun(self, job: JobRecord, fingerprint: str) -> None:
        """A model of that fingerprint draws a job that is ours.

        Raises:
            SafelightError: the store cannot be written.
        """
        if (hold := Hold.of(job)) is not None:
            await self._store.begun(hold, fingerprint)

    async def put_back(self, job: JobRecord) -> None:
        """Another process, or the next start, is to draw it.

        Raises:
            SafelightError: the store cannot be written.
        """
        if (hold := Hold.of(job)) is not None:
            await self._store.put_back(hold)

    async def end(self, job: JobRecord, ending: Ending) -> JobRecord | None:
        """End a job that is ours still; None if it is not. An ending that failed may have come through: then the row
        says what we wrote.
        """
        failed = False

        async def end() -> JobRecord | None:
            nonlocal failed
            may_have_ended, failed = failed, True
            ended = await self._store.end(job.id, ending, Hold.of(job))
            if ended is None and may_have_ended:
                there = await self._store.get(job.origin.owner, job.id)
                return there if there is not None and _is_as_said(there, ending) else None
            return ended

        return await firmly(end)


def _is_as_said(job: JobRecord, ending: Ending) -> bool:
    """Whether that ending is in the row. A picture's name is that of one try."""
    return (job.course.state, job.course.ended, job.image) == (ending.state, ending.when, ending.image)
