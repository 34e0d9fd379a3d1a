"""Counting for all processes of a database: each name's minute is one row, by the database's clock."""

# Tested in tests/contracts/test_rate_port.py.

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import text

from safelight.adapters.sql.dialect import Dialect
from safelight.adapters.sql.uncancellable import uncancellable
from safelight.service.ports.stores.rates import Counted

# What is older than the window goes, and the new event comes in if there is room. `now` is read once, and only when
# the row is ours: a process that waited for it counts from when it had it. OFFSET 0 keeps it from being read twice.
_HIT = """
INSERT INTO rates AS r (name, taken, accepted)
SELECT CAST(:name AS text), CAST(ARRAY[n] AS double precision[]), true FROM (SELECT {now} AS n) AS first
ON CONFLICT (name) DO UPDATE SET (taken, accepted) = (
    SELECT CASE WHEN count(t) < :most THEN coalesce(array_agg(t ORDER BY t) FILTER (WHERE t IS NOT NULL), '{{}}') || n
                ELSE array_agg(t ORDER BY t) END,
           count(t) < :most
    FROM (SELECT {now} AS n OFFSET 0) AS clock
    LEFT JOIN LATERAL unnest(r.taken) AS t ON t > n - CAST(:seconds AS double precision)
    GROUP BY n)
RETURNING accepted, cardinality(taken) AS counted, taken[1] + CAST(:seconds AS double precision) - {now} AS leaves
"""
CLOCK = "CAST(extract(epoch FROM clock_timestamp()) AS double precision)"


@uncancellable
class SqlRates:
    """A `RateCounter`. A power cut of the database's server may lose what was counted last."""

    def __init__(self, dialect: Dialect, clock: Callable[[], str] = lambda: CLOCK) -> None:
        """`clock` gives what SQL reads the time by, in seconds."""
        self._dialect = dialect
        self._clock = clock

    async def hit(self, name: str, most: int, window_seconds: float) -> Counted:
        statement = text(_HIT.format(now=self._clock()))
        async with self._dialect.writing() as connection:
            # Nothing is lost by it but a count: synced, it would take twice as long.
            await connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
            values = {"name": name, "most": most, "seconds": window_seconds}
            row = (await connection.execute(statement, values)).one()
        return Counted(accepted=row.accepted, count=row.counted, oldest_leaves_seconds=row.leaves)
