"""What keeps the database small, and keeps what was deleted from staying on the disk."""

# Tested in tests/adapters/sql/test_database.py.

from __future__ import annotations

import time

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from safelight.adapters.sql.access.audit import forget_old
from safelight.adapters.sql.access.quotas import forget_dead
from safelight.adapters.sql.dialect import Dialect
from safelight.adapters.sql.jobs import SqlJobStore
from safelight.adapters.sql.schema import ledger, sessions
from safelight.adapters.sql.uncancellable import uncancellable

# A year has every season in it; the number bounds a busy server (not measured).
LEDGER_SECONDS = 366 * 86_400.0
MOST_LEDGER_ROWS = 5_000_000
# A bound for one transaction, so that writers wait for a part of the work only.
_AT_ONCE = 2000
# Merging reads and writes the whole full text index: half a second for 100,000 jobs.
_MERGE_EVERY_SECONDS = 600.0


@uncancellable
class SqlUpkeep:
    """`Upkeep`. Errors of the database are ConfigurationErrors."""

    def __init__(self, dialect: Dialect, jobs: SqlJobStore) -> None:
        self._dialect = dialect
        self._jobs = jobs
        self._merged_at = -_MERGE_EVERY_SECONDS

    async def tidy(self, now: float) -> None:
        async with self._dialect.writing() as connection:
            await connection.execute(delete(sessions).where(sessions.c.expires < now))
            await forget_dead(connection)
            await forget_old(connection, _AT_ONCE)
        while await self._trim_ledger(now):
            pass
        merge = self._jobs.has_deleted and time.monotonic() - self._merged_at >= _MERGE_EVERY_SECONDS
        if merge:
            self._merged_at, self._jobs.has_deleted = time.monotonic(), False
        await self._dialect.scrub(merge=merge)

    async def _trim_ledger(self, now: float) -> bool:
        async with self._dialect.writing() as connection:
            too_many = (await _last(connection)) - MOST_LEDGER_ROWS
            spare = (ledger.c.time < now - LEDGER_SECONDS) | (ledger.c.id <= too_many)
            some = select(ledger.c.id).where(spare).limit(_AT_ONCE)
            gone = await connection.execute(delete(ledger).where(ledger.c.id.in_(some)))
        return gone.rowcount == _AT_ONCE


async def _last(connection: AsyncConnection) -> int:
    return int((await connection.execute(select(func.max(ledger.c.id)))).scalar_one() or 0)
