"""What is kept of ended jobs, and what goes."""

# Tested in tests/contracts/test_job_port.py.

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, delete, false, func, select, update

from safelight.adapters.sql.dialect import Dialect
from safelight.adapters.sql.jobs.rows import record_of
from safelight.adapters.sql.jobs.table import IS_UNFINISHED, JobTable
from safelight.adapters.sql.schema import jobs
from safelight.adapters.sql.uncancellable import uncancellable
from safelight.contract.records.jobs import JobRecord
from safelight.service.ports.stores.jobs import Held

_NO_PICTURE = jobs.c.file.is_(None) & jobs.c.end_number.is_not(None)


@uncancellable
class JobKeeping(JobTable):
    """Stars, deletion, and what retention asks."""

    def __init__(self, dialect: Dialect) -> None:
        super().__init__(dialect)
        # Whether words of deleted prompts may still be in the full text index: an earlier process may have left some.
        self.has_deleted = True

    async def star(self, owner: str, job_id: str, starred: bool) -> JobRecord | None:
        mine = (jobs.c.id == job_id) & (jobs.c.owner == owner)
        return await self._write(update(jobs).where(mine).values(starred=starred), "changed")

    async def delete(self, owner: str, job_id: str) -> JobRecord | None:
        gone = await self._delete((jobs.c.id == job_id) & (jobs.c.owner == owner))
        return gone[0] if gone else None

    async def forget(self, job_ids: Collection[str]) -> Sequence[JobRecord]:
        return await self._delete(jobs.c.id.in_(job_ids) & ~jobs.c.starred)

    async def expired(self, listed_before: float, unlisted_before: float, limit: int) -> Sequence[JobRecord]:
        # Two ranges of one index: as one condition it would be the whole table, read once a minute.
        found: list[JobRecord] = []
        for listed, before in ((True, listed_before), (False, unlisted_before)):
            too_old = (jobs.c.starred == false()) & (jobs.c.listed == listed) & (jobs.c.ended < before)
            found += await self._read(select(jobs).where(too_old).order_by(jobs.c.ended).limit(limit))
        return sorted(found, key=lambda job: job.course.ended or 0.0)[:limit]

    async def held(self) -> Sequence[Held]:
        without = func.count()
        fewer = select(jobs.c.owner, without.label("without")).where(_NO_PICTURE).group_by(jobs.c.owner)
        every = select(jobs.c.owner, func.count().label("rows"), func.sum(jobs.c.stored_bytes).label("bytes"))
        async with self._dialect.reading() as connection:
            bare = {row.owner: row.without for row in await connection.execute(fewer)}
            rows = (await connection.execute(every.group_by(jobs.c.owner))).all()
        return [Held(row.owner, row.rows, bare.get(row.owner, 0), int(row.bytes)) for row in rows]

    async def oldest(self, owner: str, limit: int, *, without_picture: bool = False) -> Sequence[JobRecord]:
        mine = (jobs.c.owner == owner) & (jobs.c.starred == false()) & jobs.c.end_number.is_not(None)
        query = select(jobs).where(mine & _NO_PICTURE if without_picture else mine)
        return await self._read(query.order_by(jobs.c.end_number).limit(limit))

    async def _delete(self, which: ColumnElement[bool]) -> list[JobRecord]:
        async with self._dialect.writing() as connection:
            found = await connection.execute(delete(jobs).where(which, ~IS_UNFINISHED).returning(jobs))
            rows = found.all()
            await self._dialect.search.take_out(connection, rows)
            await self._tell(connection, "gone", *rows)
        self.has_deleted = self.has_deleted or bool(rows)
        return [record_of(row) for row in rows]
