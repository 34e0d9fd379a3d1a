"""The log of changes, in SQL."""

# Tested in tests/contracts/test_audit_port.py.

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from safelight.adapters.sql.clock import DatabaseNow
from safelight.adapters.sql.dialect import Dialect
from safelight.adapters.sql.schema import audit
from safelight.adapters.sql.uncancellable import uncancellable
from safelight.service.ports.stores.audit import AuditEntry

# Two years, so that last year's changes can be looked at when this year ends; the number bounds a script that signs in
# again and again, at some 30 MB.
KEPT_SECONDS = 731 * 86_400.0
MOST_ENTRIES = 100_000


@uncancellable
class SqlAudit:
    """An `AuditLog`."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    async def add(self, entry: AuditEntry) -> None:
        async with self._dialect.writing() as connection:
            await note(connection, entry)

    async def entries(self, most: int, before: int | None = None) -> Sequence[AuditEntry]:
        query = select(audit).order_by(audit.c.id.desc()).limit(most)
        query = query if before is None else query.where(audit.c.id < before)
        async with self._dialect.reading() as connection:
            return [
                AuditEntry(
                    who=row.who,
                    action=row.action,
                    subject=row.subject,
                    before=row.before,
                    after=row.after,
                    time=row.time,
                    number=row.id,
                )
                for row in await connection.execute(query)
            ]


async def note(connection: AsyncConnection, entry: AuditEntry) -> None:
    """Write an entry with the change that it tells of."""
    values = {
        "time": DatabaseNow(),
        "who": entry.who,
        "action": entry.action,
        "subject": entry.subject,
        "before": entry.before,
        "after": entry.after,
    }
    await connection.execute(insert(audit).values(values))


async def forget_old(connection: AsyncConnection, at_once: int) -> None:
    """Entries that are too old or too many, some of them."""
    last = int((await connection.execute(select(func.max(audit.c.id)))).scalar_one() or 0)
    spare = (audit.c.time < DatabaseNow() - KEPT_SECONDS) | (audit.c.id <= last - MOST_ENTRIES)
    some = select(audit.c.id).where(spare).limit(at_once)
    await connection.execute(delete(audit).where(audit.c.id.in_(some)))
