"""What every part of the job store does: run a statement, and make jobs of what comes back."""

# Tested in tests/contracts/test_job_port.py.

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, bindparam, update
from sqlalchemy.ext.asyncio import AsyncConnection

from safelight.adapters.sql.dialect import Dialect
from safelight.adapters.sql.jobs.rows import record_of
from safelight.adapters.sql.schema import counters, jobs
from safelight.contract.records.jobs import UNFINISHED, JobRecord
from safelight.service.ports.processes.news import ChangeKind, RowChange

Rows = Select[*tuple[Any, ...]]
# A partial index is brought in only by a condition that is written like the index's own, values and all.
IS_UNFINISHED = jobs.c.state.in_(bindparam("unfinished", UNFINISHED, expanding=True, literal_execute=True))


class JobTable:
    """The table of jobs of an open database."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    async def _read(self, query: Rows) -> list[JobRecord]:
        async with self._dialect.reading() as connection:
            return [record_of(row) for row in await connection.execute(query)]

    async def _write(self, statement: Any, kind: ChangeKind) -> JobRecord | None:
        """Run a statement that touches one job at most, tell others what kind of change that is, and return the job as
        it then is."""
        async with self._dialect.writing() as connection:
            row = (await connection.execute(statement.returning(jobs))).one_or_none()
            await self._tell(connection, kind, row)
        return None if row is None else record_of(row)

    async def _tell(self, connection: AsyncConnection, kind: ChangeKind, *rows: Any) -> None:
        """Have other processes told, once the transaction is through, what became of these rows."""
        changes = [RowChange(kind, row.id, row.owner, row.listed) for row in rows if row is not None]
        if changes:
            await self._dialect.tell(connection, changes)


async def next_ending(connection: AsyncConnection) -> int:
    """Above every earlier one, also of jobs that are gone. The row stays locked until the
    transaction ends, so that endings are seen in the order of their numbers and none is seen late."""
    counted = update(counters).where(counters.c.name == "endings").values(value=counters.c.value + 1)
    return int((await connection.execute(counted.returning(counters.c.value))).scalar_one())
