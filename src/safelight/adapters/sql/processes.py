"""The processes that draw from a database, as they said last how they stand."""

# Tested in tests/contracts/test_news_port.py.

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from safelight.adapters.sql.clock import DatabaseNow
from safelight.adapters.sql.dialect import Dialect
from safelight.adapters.sql.schema import let_in, processes
from safelight.adapters.sql.uncancellable import uncancellable
from safelight.protocol.cluster.placing import Amount, LetInReply, LetInRequest
from safelight.service.ports.processes.bound import judged
from safelight.service.ports.processes.news import ProcessState, UnderWay
from safelight.service.ports.stores.jobs import LEASE_SECONDS

# Rows of processes that ended without a word are no use to anybody after that.
_FORGET_SECONDS = 600.0
# By so much may what is noted of a process be more than what it has under way. A process that asks without end never
# says it with a renewal, and its questions are answered the sooner the less they write.
_STALE_SECONDS = 1.0
_LEASE_END = DatabaseNow() + LEASE_SECONDS
_IS_ALIVE = processes.c.lease_until > DatabaseNow()


@uncancellable
class SqlProcesses:
    """`Processes` and `SharedBound`. Errors as those of the other stores."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    async def renew(self, mine: ProcessState, under_way: UnderWay = tuple) -> Sequence[ProcessState]:
        values = {
            "name": mine.name,
            "address": mine.address,
            "workers": mine.workers,
            "seconds": mine.seconds,
            "lease_until": _LEASE_END,
        }
        live = select(processes).where(_IS_ALIVE).order_by(processes.c.name)
        long_gone = select(processes.c.name).where(processes.c.lease_until < DatabaseNow() - _FORGET_SECONDS)
        async with self._dialect.writing() as connection:
            await self._dialect.look_at_clock(connection)
            await self._dialect.in_turn(connection, "bound")  # before any row: whoever asks takes them in that order
            await connection.execute(self._dialect.put(processes, values, ["name"]))
            for name in (await connection.execute(long_gone)).scalars().all():
                await self._remove(connection, name)
            alive = (await connection.execute(live)).all()
            if (now := under_way()) is not None:
                await self._replace(connection, mine.name, now)
        return [
            ProcessState(name=row.name, address=row.address, workers=row.workers, seconds=row.seconds) for row in alive
        ]

    async def let_in(self, request: LetInRequest) -> LetInReply:
        name = self._dialect.process
        live = select(processes.c.name, processes.c.workers).where(_IS_ALIVE)
        async with self._dialect.writing() as connection:
            await self._dialect.in_turn(connection, "bound")
            workers = {row.name: row.workers for row in await connection.execute(live)}
            if workers.pop(name, None) is None:  # else nobody would count what it lets in
                await self._begin(connection, name, request.workers)
            theirs, noted = [], dict[str, float]()
            for row in await connection.execute(select(let_in)):
                if row.process == name:
                    noted[row.owner] = row.seconds
                elif row.process in workers:
                    theirs.append(Amount(owner=row.owner, weight=row.weight, seconds=row.seconds))
            reply, more = judged(request, theirs, request.workers + sum(workers.values()))
            if more or _is_stale(noted, request.own):
                now = {each.owner: each for each in (*request.own, *more)}
                await self._replace(connection, name, list(now.values()))
        return reply

    async def _begin(self, connection: AsyncConnection, name: str, workers: int) -> None:
        """A process that has not renewed yet, or whose lease has ended since it stood still, is alive: it asks."""
        values = {"name": name, "address": "", "workers": workers, "seconds": 0.0, "lease_until": _LEASE_END}
        await connection.execute(self._dialect.put(processes, values, ["name"], ["workers", "lease_until"]))

    async def _replace(self, connection: AsyncConnection, name: str, under_way: Sequence[Amount]) -> None:
        await connection.execute(delete(let_in).where(let_in.c.process == name))
        if under_way:
            rows = [{"process": name, **msgspec.structs.asdict(each)} for each in under_way]
            await connection.execute(insert(let_in), rows)

    async def leave(self, name: str) -> None:
        async with self._dialect.writing() as connection:
            await self._dialect.in_turn(connection, "bound")
            await self._remove(connection, name)

    async def _remove(self, connection: AsyncConnection, name: str) -> None:
        await connection.execute(delete(let_in).where(let_in.c.process == name))
        await connection.execute(delete(processes).where(processes.c.name == name))


def _is_stale(noted: Mapping[str, float], own: Sequence[Amount]) -> bool:
    now = {each.owner: each.seconds for each in own}
    return any(owner not in now or seconds > now[owner] + _STALE_SECONDS for owner, seconds in noted.items())
