"""The store of batches in SQL: made, read in, cancelled, ended."""

# Tested in tests/contracts/test_batch_port.py.

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from safelight.adapters.sql.batches.files import in_order
from safelight.adapters.sql.batches.lines import WAITS, BatchLines
from safelight.adapters.sql.batches.rows import AnyRow, batch_of, batch_row, ended_values, line_row
from safelight.adapters.sql.clock import DatabaseNow
from safelight.adapters.sql.jobs.rows import LEASE_END
from safelight.adapters.sql.schema import batch_files, batch_lines, batches
from safelight.adapters.sql.uncancellable import uncancellable
from safelight.contract.records.batches import UNFINISHED, Batch, Counts, Line, LineEnding, StoredFile
from safelight.contract.records.jobs import JobError

CANCELLED = JobError("batch_cancelled", "This line was not drawn: its batch was cancelled.")
EXPIRED = JobError("batch_expired", "This line was not drawn: its batch was not done within its 24 hours.")
_IS_READ = batches.c.status == "validating"
_FOR_NOBODY = {"holder": None, "lease_until": None}


@uncancellable
class SqlBatchStore(BatchLines):
    """A `BatchStore`. Errors are those of the other stores."""

    async def add(self, batch: Batch) -> None:
        async with self._dialect.writing() as connection:
            await connection.execute(insert(batches).values(batch_row(batch)))

    async def get(self, owner: str, batch_id: str) -> Batch | None:
        async with self._dialect.reading() as connection:
            return await _one(connection, (batches.c.id == batch_id) & (batches.c.owner == owner))

    async def page(self, owner: str, limit: int, after: str | None) -> Sequence[Batch]:
        async with self._dialect.reading() as connection:
            rows = (await connection.execute(in_order(batches, owner, after, newest_first=True).limit(limit))).all()
            return await _counted(connection, rows)

    async def unfinished(self) -> Sequence[Batch]:
        async with self._dialect.reading() as connection:
            query = select(batches).where(batches.c.status.in_(UNFINISHED)).order_by(batches.c.created, batches.c.id)
            return [batch_of(row, Counts(total=row.total)) for row in await connection.execute(query)]

    async def hold(self, batch_id: str, holder: str) -> bool:
        free = or_(batches.c.holder.is_(None), batches.c.holder == holder, batches.c.lease_until < DatabaseNow())
        held = update(batches).where(batches.c.id == batch_id, _IS_READ, free)
        async with self._dialect.writing() as connection:
            return bool((await connection.execute(held.values(holder=holder, lease_until=LEASE_END))).rowcount)

    async def put_lines(self, batch_id: str, holder: str, lines: Sequence[Line]) -> bool:
        async with self._dialect.writing() as connection:
            prolonged = update(batches).where(_read_by(batch_id, holder)).values(lease_until=LEASE_END)
            if not (await connection.execute(prolonged)).rowcount:
                return False
            last = select(func.max(batch_lines.c.place)).where(batch_lines.c.batch_id == batch_id)
            there = (await connection.execute(last)).scalar_one() or 0
            new = [line_row(line) for line in lines if line.place > there]
            if new:
                await connection.execute(insert(batch_lines), new)
        return True

    async def begin(self, batch_id: str, holder: str, when: float, total: int) -> Batch | None:
        async with self._dialect.writing() as connection:
            begun = update(batches).where(_read_by(batch_id, holder))
            values = _FOR_NOBODY | {"status": "in_progress", "begun": when, "total": total}
            row = (await connection.execute(begun.values(values).returning(batches))).one_or_none()
            if row is None:
                return None
            if row.cancelling is not None:
                await _fail_lines(connection, batch_id, CANCELLED)
            return await _one(connection, batches.c.id == batch_id)

    async def fail(self, batch_id: str, holder: str, when: float, fault: JobError) -> Batch | None:
        async with self._dialect.writing() as connection:
            values = {"status": "failed", "ended": when, "error_code": fault.code, "error_message": fault.message}
            failed = update(batches).where(_read_by(batch_id, holder)).values(_FOR_NOBODY | values)
            if not (await connection.execute(failed)).rowcount:
                return None
            await connection.execute(delete(batch_lines).where(batch_lines.c.batch_id == batch_id))
            return await _one(connection, batches.c.id == batch_id)

    async def cancel(self, owner: str, batch_id: str, when: float) -> Batch | None:
        mine = (batches.c.id == batch_id) & (batches.c.owner == owner)
        async with self._dialect.writing() as connection:
            under_way = batches.c.status.in_(UNFINISHED) & batches.c.cancelling.is_(None)
            wanted = update(batches).where(mine, under_way).values(cancelling=when).returning(batches.c.status)
            if (await connection.execute(wanted)).scalar_one_or_none() == "in_progress":
                await _fail_lines(connection, batch_id, CANCELLED)
            return await _one(connection, mine)

    async def expire(self, batch_id: str) -> bool:
        drawn = (batches.c.id == batch_id) & (batches.c.status == "in_progress")
        async with self._dialect.writing() as connection:
            if (await connection.execute(select(batches.c.id).where(drawn).with_for_update())).first() is None:
                return False
            return bool(await _fail_lines(connection, batch_id, EXPIRED))

    async def finish(self, batch_id: str, when: float, files: Sequence[StoredFile]) -> Batch | None:
        held = {file.holds: file.id for file in files}
        async with self._dialect.writing() as connection:
            it = (batches.c.id == batch_id) & (batches.c.status == "in_progress")
            left = select(batch_lines.c.place).where(batch_lines.c.batch_id == batch_id, WAITS).exists()
            row = (await connection.execute(select(batches).where(it, ~left).with_for_update())).one_or_none()
            if row is None:
                return None
            too_late = (batch_lines.c.batch_id == batch_id) & (batch_lines.c.error_code == EXPIRED.code)
            expired = (await connection.execute(select(batch_lines.c.place).where(too_late).limit(1))).first()
            status = "cancelled" if row.cancelling is not None else "completed" if expired is None else "expired"
            values = {"status": status, "ended": when}
            values |= {"output_file_id": held.get("answered"), "error_file_id": held.get("failed")}
            await connection.execute(update(batches).where(it).values(values))
            if files:
                await connection.execute(insert(batch_files), [msgspec.structs.asdict(file) for file in files])
            return await _one(connection, batches.c.id == batch_id)


def _read_by(batch_id: str, holder: str) -> ColumnElement[bool]:
    return (batches.c.id == batch_id) & (batches.c.holder == holder) & _IS_READ


async def _fail_lines(connection: AsyncConnection, batch_id: str, error: JobError) -> int:
    """Those that wait, be they claimed; how many."""
    values = ended_values(LineEnding(state="failed", error=error))
    waiting = update(batch_lines).where(batch_lines.c.batch_id == batch_id, WAITS)
    return (await connection.execute(waiting.values(values))).rowcount


async def _one(connection: AsyncConnection, which: ColumnElement[bool]) -> Batch | None:
    found = await _counted(connection, (await connection.execute(select(batches).where(which))).all())
    return found[0] if found else None


async def _counted(connection: AsyncConnection, rows: Sequence[AnyRow]) -> list[Batch]:
    ids = [row.id for row in rows]
    columns: tuple[Any, ...] = (batch_lines.c.batch_id, batch_lines.c.state)
    query = select(*columns, func.count().label("lines")).where(batch_lines.c.batch_id.in_(ids)).group_by(*columns)
    of = {(each.batch_id, each.state): each.lines for each in await connection.execute(query)}
    return [
        batch_of(
            row,
            Counts(
                total=row.total or sum(lines for (batch_id, _), lines in of.items() if batch_id == row.id),
                completed=of.get((row.id, "answered"), 0),
                failed=of.get((row.id, "failed"), 0),
            ),
        )
        for row in rows
    ]
