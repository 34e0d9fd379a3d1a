"""The job store in SQL: accepting jobs, and the parts that do the rest."""

# Tested in tests/contracts/test_job_port.py.

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from safelight.adapters.sql.jobs.claims import JobClaims
from safelight.adapters.sql.jobs.keeping import JobKeeping
from safelight.adapters.sql.jobs.lists import JobLists
from safelight.adapters.sql.jobs.rows import record_of, row_of
from safelight.adapters.sql.jobs.table import next_ending
from safelight.adapters.sql.schema import idempotency, jobs
from safelight.adapters.sql.uncancellable import uncancellable
from safelight.contract.records.jobs import JobRecord
from safelight.service.ports.processes.news import ChangeKind
from safelight.service.ports.stores.jobs import IdempotencyMark


@uncancellable
class SqlJobStore(JobLists, JobClaims, JobKeeping):
    """A `JobStore` whose changes are on disk when a call returns.

    Raises:
        StoreUnavailable, ConfigurationError: from every call; see `Dialect.reading`.
    """

    async def add(self, job: JobRecord, mark: IdempotencyMark | None = None) -> JobRecord | None:
        async with self._dialect.writing() as connection:
            await self._dialect.in_turn(connection)
            if mark is not None:
                await connection.execute(delete(idempotency).where(idempotency.c.created < mark.since))
                earlier = await _earlier(connection, job.origin.owner, mark)
                if earlier is not None:
                    return record_of(earlier) if earlier.digest == mark.digest else None
            newest = (await connection.execute(select(func.max(jobs.c.number)))).scalar_one()
            number = max(job.number, int(job.origin.created * 1e6), (newest or 0) + 1)
            end_number = await next_ending(connection) if job.has_ended else None
            course = msgspec.structs.replace(job.course, end_number=end_number)
            row = row_of(msgspec.structs.replace(job, number=number, course=course))
            added = (await connection.execute(insert(jobs).values(row).returning(jobs))).one()
            await self._dialect.search.put_in(connection, [added])
            if mark is not None:
                await connection.execute(insert(idempotency).values(_marked(job, mark)))
            await self._tell(connection, _kind_of(job), added)
        return record_of(added)

    async def marked(self, owner: str, mark: IdempotencyMark) -> tuple[JobRecord, bool] | None:
        async with self._dialect.reading() as connection:
            earlier = await _earlier(connection, owner, mark)
        return None if earlier is None else (record_of(earlier), earlier.digest == mark.digest)


def _kind_of(job: JobRecord) -> ChangeKind:
    """What others are to do about a new job: nothing about one that is reserved for its process."""
    if job.has_ended:
        return "ended"
    return "waits" if job.course.holder is None else "changed"


async def _earlier(connection: AsyncConnection, owner: str, mark: IdempotencyMark) -> Row[*tuple[Any, ...]] | None:
    """The job that this key stands for, with the digest of its body."""
    mine = (idempotency.c.owner == owner) & (idempotency.c.key == mark.key) & (idempotency.c.created >= mark.since)
    query = select(jobs, idempotency.c.digest).join(idempotency, idempotency.c.job_id == jobs.c.id).where(mine)
    return (await connection.execute(query)).one_or_none()


def _marked(job: JobRecord, mark: IdempotencyMark) -> dict[str, Any]:
    return {
        "owner": job.origin.owner,
        "key": mark.key,
        "digest": mark.digest,
        "job_id": job.id,
        "created": job.origin.created,
    }
