"""Who draws a job, for how long that holds, and how it ends."""

# Tested in tests/contracts/test_leases.py.

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, case, func, select, update

from safelight.adapters.sql.clock import DatabaseNow
from safelight.adapters.sql.jobs.rows import LEASE_END, of_image, record_of
from safelight.adapters.sql.jobs.table import IS_UNFINISHED, JobTable, next_ending
from safelight.adapters.sql.reserved import take_off
from safelight.adapters.sql.schema import jobs
from safelight.adapters.sql.uncancellable import uncancellable
from safelight.contract.records.jobs import JobRecord
from safelight.service.ports.stores.jobs import Ending, Hold

_WAITS_AGAIN: dict[str, Any] = {"state": "queued", "started": None, "holder": None, "lease_until": None}


@uncancellable
class JobClaims(JobTable):
    """What changes while a job is drawn: by one conditional update each, so that whoever comes second learns it."""

    async def waiting(self, but: Collection[str]) -> Sequence[JobRecord]:
        free = select(jobs).where(IS_UNFINISHED, jobs.c.state == "queued", jobs.c.holder.is_(None))
        return await self._read(free.where(jobs.c.id.not_in(but)).order_by(jobs.c.number))

    async def claim(self, job_ids: Sequence[str], most: int, when: float, holder: str) -> Sequence[JobRecord]:
        values = {
            "state": "running",
            "started": func.coalesce(jobs.c.started, when),
            "attempts": jobs.c.attempts + 1,
            "tries": jobs.c.tries + 1,
            "holder": holder,
            "lease_until": LEASE_END,
        }
        # A row that another process holds is being claimed there: to wait for it could be to wait in a ring.
        free = jobs.alias("free")
        waits = (free.c.state == "queued") & (free.c.holder.is_(None) | (free.c.holder == holder))
        claimed: list[JobRecord] = []
        async with self._dialect.writing() as connection:
            for job_id in job_ids:
                if len(claimed) == most:
                    break
                it = select(free.c.id).where(free.c.id == job_id, waits).with_for_update(skip_locked=True)
                change = update(jobs).where(jobs.c.id == it.scalar_subquery()).values(values).returning(jobs)
                if (row := (await connection.execute(change)).one_or_none()) is not None:
                    claimed.append(record_of(row))
                    await self._tell(connection, "drawn", row)
        return claimed

    async def begun(self, hold: Hold, fingerprint: str) -> bool:
        begun = update(jobs).where(_held(hold)).values(began_with=fingerprint).returning(jobs.c.id)
        async with self._dialect.writing() as connection:
            return (await connection.execute(begun)).one_or_none() is not None

    async def renew(self, holder: str) -> Collection[Hold]:
        prolonged = update(jobs).where(jobs.c.holder == holder).values(lease_until=LEASE_END)
        async with self._dialect.writing() as connection:
            rows = (await connection.execute(prolonged.returning(jobs.c.id, jobs.c.tries))).all()
        return {Hold(row.id, holder, row.tries) for row in rows}

    async def take_back(
        self, holder: str, *, others_are_gone: bool = False, keep_from: int | None = None
    ) -> Sequence[JobRecord]:
        lost = jobs.c.holder.is_not(None) & (jobs.c.holder != holder)
        if others_are_gone:  # a version without leases drew without a holder
            lost = IS_UNFINISHED & (lost | (jobs.c.holder.is_(None) & (jobs.c.state == "running")))
        else:
            lost = lost & (jobs.c.lease_until < DatabaseNow())
        values = dict(_WAITS_AGAIN)
        if keep_from is not None:
            kept = jobs.c.attempts >= keep_from
            values |= {"holder": case((kept, holder)), "lease_until": case((kept, LEASE_END))}
        async with self._dialect.writing() as connection:
            rows = (await connection.execute(update(jobs).where(lost).values(values).returning(jobs))).all()
            await self._tell(connection, "waits", *rows)
        return sorted((record_of(row) for row in rows), key=lambda job: job.number)

    async def put_back(self, hold: Hold) -> JobRecord | None:
        values = _WAITS_AGAIN | {"attempts": jobs.c.attempts - 1}
        return await self._write(update(jobs).where(_held(hold), jobs.c.state == "running").values(values), "waits")

    async def end(self, job_id: str, ending: Ending, hold: Hold | None = None) -> JobRecord | None:
        values: dict[str, Any] = {"state": ending.state, "ended": ending.when, "holder": None, "lease_until": None}
        if ending.error is not None:
            values |= {"error_code": ending.error.code, "error_message": ending.error.message}
        if ending.image is not None:
            image = ending.image
            values |= of_image(image)
            values["stored_bytes"] = jobs.c.stored_bytes + image.bytes
        it = (jobs.c.id == job_id) & IS_UNFINISHED
        async with self._dialect.writing() as connection:
            values["end_number"] = await next_ending(connection)
            ended = update(jobs).where(it if hold is None else it & _held(hold)).values(values).returning(jobs)
            row = (await connection.execute(ended)).one_or_none()
            if row is not None and row.reservation is not None and ending.image is None:
                await take_off(connection, {row.reservation: 1})
            await self._tell(connection, "ended", row)
        return None if row is None else record_of(row)


def _held(hold: Hold) -> ColumnElement[bool]:
    return (jobs.c.id == hold.job_id) & (jobs.c.holder == hold.holder) & (jobs.c.tries == hold.tries)
