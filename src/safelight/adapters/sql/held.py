"""Who holds which jobs of a database, for whoever looks."""

# Tested in tests/cli/test_cluster_shown.py.

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import func, select

from safelight.adapters.sql.clock import DatabaseNow
from safelight.adapters.sql.dialect import Dialect
from safelight.adapters.sql.schema import jobs, processes


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """A process that draws jobs of the database, where others reach it, if it said so, and how many it holds. Its
    leases end in `seconds_left`, or ended that long ago where that is below 0: others take them then."""

    process: str
    address: str
    jobs: int
    seconds_left: float


async def holdings(dialect: Dialect) -> Sequence[Holding]:
    """Every process that is known or holds a job, by name. Nothing is changed."""
    held = (
        select(jobs.c.holder, func.count(), func.min(jobs.c.lease_until - DatabaseNow()))
        .where(jobs.c.holder.is_not(None), jobs.c.end_number.is_(None))
        .group_by(jobs.c.holder)
    )
    known = select(processes.c.name, processes.c.address, processes.c.lease_until - DatabaseNow())
    async with dialect.snapshot() as connection:
        found = {name: (address, 0, float(left)) for name, address, left in await connection.execute(known)}
        for name, count, left in await connection.execute(held):
            found[name] = (found[name][0] if name in found else "", count, float(left or 0.0))
    return [
        Holding(process=name, address=address, jobs=count, seconds_left=left)
        for name, (address, count, left) in sorted(found.items())
    ]
