"""Changes of jobs that leave no trace in their rows, kept for a few minutes: a star, and a job that is gone.

NOTIFY reaches who listens at that moment. What becomes of unfinished jobs, and endings, are found by looking at the
jobs; these are found here.
"""

# Tested in tests/contracts/test_news_port.py.

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from safelight.adapters.sql.clock import DatabaseNow
from safelight.adapters.sql.schema import notices
from safelight.service.ports.processes.news import RowChange

_KEPT_SECONDS = 600.0
KINDS = ("changed", "gone")
_SWEPT_AT_ONCE = 200
# What was written a moment ago is on its way through the channel. What is older than a minute was missed by a process
# that has been away for so long that it looks at everything.
MISSED = """
    SELECT id, kind, job_id, owner, listed FROM notices
    WHERE process <> $1
      AND time < extract(epoch FROM clock_timestamp()) - 0.5 AND time > extract(epoch FROM clock_timestamp()) - 60
    ORDER BY time
"""


async def keep(connection: AsyncConnection, process: str, changes: Sequence[RowChange]) -> tuple[str, ...]:
    """Keep those that are not found otherwise; the ids of all of these changes, empty for those that are not kept."""
    ids = tuple(secrets.token_hex(16) if change.kind in KINDS else "" for change in changes)
    rows: list[dict[str, Any]] = [
        {
            "id": notice,
            "process": process,
            "kind": change.kind,
            "job_id": change.job_id,
            "owner": change.owner,
            "listed": change.listed,
        }
        for notice, change in zip(ids, changes, strict=True)
        if notice
    ]
    if rows:
        await connection.execute(insert(notices).values(time=DatabaseNow()), rows)
        # Two that sweep at once do not wait for each other.
        old = select(notices.c.id).where(notices.c.time < DatabaseNow() - _KEPT_SECONDS)
        some = old.limit(_SWEPT_AT_ONCE).with_for_update(skip_locked=True)
        await connection.execute(delete(notices).where(notices.c.id.in_(some)))
    return ids
