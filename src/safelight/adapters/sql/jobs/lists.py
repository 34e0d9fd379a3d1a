"""Lists of jobs, and what ended since."""

# Tested in tests/contracts/test_job_port.py.

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import func, select, true

from safelight.adapters.sql.dialect import TextSearch
from safelight.adapters.sql.jobs.rows import record_of
from safelight.adapters.sql.jobs.table import IS_UNFINISHED, JobTable, Rows
from safelight.adapters.sql.schema import counters, jobs
from safelight.adapters.sql.uncancellable import uncancellable
from safelight.contract.records.jobs import JobRecord
from safelight.service.ports.stores.jobs import JobFilter, Standing

_LAST_ENDING = select(counters.c.value).where(counters.c.name == "endings")


@uncancellable
class JobLists(JobTable):
    """What is read of jobs."""

    async def get(self, owner: str, job_id: str) -> JobRecord | None:
        found = await self._read(select(jobs).where(jobs.c.id == job_id, jobs.c.owner == owner))
        return found[0] if found else None

    async def page(self, wanted: JobFilter, limit: int) -> Sequence[JobRecord]:
        fitting = self._fitting(select(jobs), wanted)
        if not wanted.text:
            return await self._read(fitting.order_by(jobs.c.number.desc()).limit(limit))
        asked = TextSearch(
            text=wanted.text,
            owner=wanted.owner,
            fitting=fitting,
            before=wanted.before,
            every=wanted == JobFilter(owner=wanted.owner, text=wanted.text, before=wanted.before),
        )
        async with self._dialect.reading() as connection:
            return [record_of(row) for row in await self._dialect.search.newest(connection, asked, limit)]

    async def count(self, wanted: JobFilter) -> int:
        async with self._dialect.reading() as connection:
            query = self._fitting(select(func.count()).select_from(jobs), wanted)
            if wanted.text:
                query = query.where(self._dialect.search.containing(wanted.text, wanted.owner))
            return int((await connection.execute(query)).scalar_one())

    async def ended_after(self, owner: str, end_number: int, limit: int) -> Sequence[JobRecord]:
        mine = select(jobs).where(jobs.c.owner == owner, jobs.c.listed == true(), jobs.c.end_number > end_number)
        return await self._read(mine.order_by(jobs.c.end_number).limit(limit))

    async def last_ending(self) -> int:
        async with self._dialect.reading() as connection:
            return int((await connection.execute(_LAST_ENDING)).scalar_one())

    async def ended_since(self, owners: Collection[str], end_number: int) -> Sequence[JobRecord]:
        found: list[JobRecord] = []
        for listed in (True, False):
            theirs = (jobs.c.owner.in_(owners)) & (jobs.c.listed == listed) & (jobs.c.end_number > end_number)
            found += await self._read(select(jobs).where(theirs))
        return sorted(found, key=lambda job: job.course.end_number or 0)

    async def these(self, job_ids: Collection[str]) -> Sequence[JobRecord]:
        return await self._read(select(jobs).where(jobs.c.id.in_(job_ids)))

    async def unfinished(self) -> Sequence[Standing]:
        query = select(jobs.c.id, jobs.c.owner, jobs.c.state, jobs.c.holder).where(IS_UNFINISHED)
        async with self._dialect.reading() as connection:
            rows = (await connection.execute(query.order_by(jobs.c.number))).all()
        return [Standing(job_id=row.id, owner=row.owner, state=row.state, holder=row.holder) for row in rows]

    async def newest(self) -> float:
        async with self._dialect.reading() as connection:
            query = select(jobs.c.created).order_by(jobs.c.number.desc()).limit(1)
            return float((await connection.execute(query)).scalar_one_or_none() or 0.0)

    async def known(self, job_ids: Collection[str]) -> Mapping[str, JobRecord]:
        return {job.id: job for job in await self._read(select(jobs).where(jobs.c.id.in_(job_ids)))}

    def _fitting(self, query: Rows, wanted: JobFilter) -> Rows:
        """What fits all that is asked for but the words."""
        query = query.where(jobs.c.owner == wanted.owner, jobs.c.listed == wanted.listed)
        if wanted.states is not None:
            query = query.where(jobs.c.state.in_(wanted.states))
        if wanted.model is not None:
            query = query.where(jobs.c.model == wanted.model)
        if wanted.starred is not None:
            query = query.where(jobs.c.starred == wanted.starred)
        match wanted.shape:
            case "landscape":
                query = query.where(jobs.c.width > jobs.c.height)
            case "portrait":
                query = query.where(jobs.c.width < jobs.c.height)
            case "square":
                query = query.where(jobs.c.width == jobs.c.height)
        if wanted.since is not None:
            query = query.where(jobs.c.created >= wanted.since)
        if wanted.until is not None:
            query = query.where(jobs.c.created <= wanted.until)
        if wanted.before is not None:
            query = query.where(jobs.c.number < wanted.before)
        return query
