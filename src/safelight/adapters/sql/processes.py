"""The processes that draw from a database, as they said last how they stand."""

# Tested in tests/contracts/test_news_port.py.

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from safelight.adapters.sql.clock import DatabaseNow
from safelight.adapters.sql.dialect import Dialect
from safelight.adapters.sql.schema import let_in, processes
from safelight.adapters.sql.uncancellable import uncancellable
from safelight.protocol.cluster.placing import Amount, LetInReply, LetInRequest
from safelight.service.ports.processes.bound import judged
from safelight.service.ports.processes.news import ProcessState
from safelight.service.ports.stores.jobs import LEASE_SECONDS

# Rows of processes that ended without a word are no use to anybody after that.
_FORGET_SECONDS = 600.0


@uncancellable
class SqlProcesses:
    """`Processes` and `SharedBound`. Errors as those of the other stores."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    async def renew(self, mine: ProcessState, under_way: Sequence[Amount] = ()) -> Sequence[ProcessState]:
        values = {
            "name": mine.name,
            "address": mine.address,
            "workers": mine.workers,
            "seconds": mine.seconds,
            "lease_until": DatabaseNow() + LEASE_SECONDS,
        }
        live = select(processes).where(processes.c.lease_until > DatabaseNow()).order_by(processes.c.name)
        long_gone = select(processes.c.name).where(processes.c.lease_until < DatabaseNow() - _FORGET_SECONDS)
        async with self._dialect.writing() as connection:
            await self._dialect.look_at_clock(connection)
            await connection.execute(self._dialect.put(processes, values, ["name"]))
            await connection.execute(delete(let_in).where(let_in.c.process == mine.name))
            if under_way:
                rows = [{"process": mine.name, **msgspec.structs.asdict(each)} for each in under_way]
                await connection.execute(insert(let_in), rows)
            for name in (await connection.execute(long_gone)).scalars().all():
                await self._remove(connection, name)
            alive = (await connection.execute(live)).all()
        return [
            ProcessState(name=row.name, address=row.address, workers=row.workers, seconds=row.seconds) for row in alive
        ]

    async def let_in(self, request: LetInRequest) -> LetInReply:
        name = self._dialect.process
        others = (processes.c.lease_until > DatabaseNow()) & (processes.c.name != name)
        workers = select(func.coalesce(func.sum(processes.c.workers), 0)).where(others)
        theirs = select(let_in).join(processes, processes.c.name == let_in.c.process).where(others)
        async with self._dialect.writing() as connection:
            await self._dialect.in_turn(connection, "bound")
            count = int((await connection.execute(workers)).scalar_one())
            there = [
                Amount(owner=row.owner, weight=row.weight, seconds=row.seconds)
                for row in await connection.execute(theirs)
            ]
            reply, under_way = judged(request, there, request.workers + count)
            for each in under_way:
                values = {"process": name, **msgspec.structs.asdict(each)}
                await connection.execute(self._dialect.put(let_in, values, ["process", "owner"]))
        return reply

    async def leave(self, name: str) -> None:
        async with self._dialect.writing() as connection:
            await self._remove(connection, name)

    async def _remove(self, connection: AsyncConnection, name: str) -> None:
        await connection.execute(delete(let_in).where(let_in.c.process == name))
        await connection.execute(delete(processes).where(processes.c.name == name))
