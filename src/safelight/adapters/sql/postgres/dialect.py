"""PostgreSQL behind the stores."""

# Tested in tests/adapters/sql/test_postgres.py.

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, Literal

import structlog
from sqlalchemy import ColumnElement, Table, func, literal_column, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import Insert

from safelight.adapters.sql.clock import DatabaseNow
from safelight.adapters.sql.dialect import Names, Search, Turn, new_process_name
from safelight.adapters.sql.maintenance.migrate import upgrade
from safelight.adapters.sql.postgres import locks
from safelight.adapters.sql.postgres.errors import READ_ONLY, code_of, explained
from safelight.adapters.sql.postgres.links import SqlLinks
from safelight.adapters.sql.postgres.news import CHANNEL, PostgresNews, payloads
from safelight.adapters.sql.postgres.notices import keep
from safelight.adapters.sql.postgres.opening import answering, connect
from safelight.adapters.sql.postgres.rates import SqlRates
from safelight.adapters.sql.postgres.search import WordIndex
from safelight.adapters.sql.postgres.server_clock import ServerClock
from safelight.adapters.sql.processes import SqlProcesses
from safelight.contract.errors import ConfigurationError, SafelightError, StoreUnavailable
from safelight.service.access.links import LinkStore
from safelight.service.ports.processes.news import JobNews, Processes, RowChange
from safelight.service.ports.stores.rates import RateCounter

# For all that is asked of one connection; with a wait for one, an answer within 5 s.
ANSWER_SECONDS = 3.0
LOCK_SECONDS = 30
# The oldest that PostgreSQL's own project looked after when this was written.
LEAST_VERSION = 14
_LOOK_SECONDS = 2.0
_NOTIFY = text("SELECT pg_notify(:channel, :payload)")

log = structlog.get_logger(__name__)


class PostgresDialect:
    """A `Dialect` over a server. What requests ask of it ends within 5 s, one way or the other."""

    name: Literal["sqlite", "postgresql"] = "postgresql"
    arrival: ColumnElement[Any] = literal_column("arrival")

    def __init__(self, url: str) -> None:
        self.process = new_process_name()
        self.news: JobNews | None = PostgresNews(url, self.process)
        self.processes: Processes | None = SqlProcesses(self)
        self.engine = connect(url)
        # Of what changes nothing each statement stands for itself: one way there and back instead of three.
        self._plain = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self.search: Search = WordIndex()
        self.rates: RateCounter | None = SqlRates(self)
        self.links: LinkStore | None = SqlLinks(self)
        self._server_clock = ServerClock()
        self.clock: Callable[[], float] = self._server_clock
        self._is_away = False

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        async with self._speaking(), self._plain.connect() as connection, answering(connection, ANSWER_SECONDS):
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        async with self._speaking(), self.engine.begin() as connection, answering(connection, ANSWER_SECONDS):
            yield connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        alike = self.engine.execution_options(isolation_level="REPEATABLE READ")
        async with self._speaking(), alike.connect() as connection:
            yield connection

    @asynccontextmanager
    async def rewriting(self) -> AsyncIterator[AsyncConnection]:
        async with self._speaking(), self.engine.begin() as connection:
            yield connection

    async def renumber(self, connection: AsyncConnection) -> None:
        highest = "SELECT setval(pg_get_serial_sequence('ledger', 'id'), coalesce(max(id), 0) + 1, false) FROM ledger"
        await connection.exec_driver_sql(highest)

    async def in_turn(self, connection: AsyncConnection, what: Turn = "numbers") -> None:
        if what != "numbers":
            await connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
        await locks.take(connection, locks.OF_TURN[what])

    async def look_at_clock(self, connection: AsyncConnection) -> None:
        asked = self._server_clock.now()
        self._server_clock.heard((await connection.execute(select(DatabaseNow()))).scalar_one(), asked)

    async def tell(self, connection: AsyncConnection, changes: Sequence[RowChange]) -> None:
        ids = await keep(connection, self.process, changes)
        for payload in payloads(self.process, changes, ids):
            await connection.execute(_NOTIFY, {"channel": CHANNEL, "payload": payload})

    def put(
        self, table: Table, values: dict[str, Any], key: Sequence[str], changed: Sequence[str] | None = None
    ) -> Insert:
        new = values if changed is None else {name: values[name] for name in changed}
        return insert(table).values(values).on_conflict_do_update(index_elements=key, set_=new)

    def add(self, table: Table, key: Names, sums: Names, latest: Names = ()) -> Insert:
        return _add(table, key, sums, latest)

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        async with self._speaking(), self.engine.begin() as connection:
            await locks.take(connection, locks.CHANGE_OF_SHAPE, within_seconds=LOCK_SECONDS)
            yield

    @asynccontextmanager
    async def keeper(self) -> AsyncIterator[None]:
        async with self._speaking(), self._plain.connect() as connection:
            while not await locks.try_to_take(connection, locks.KEEPING):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(_LOOK_SECONDS)
            async with locks.while_held(connection, _LOOK_SECONDS, ANSWER_SECONDS):
                yield

    async def prepare(self) -> None:
        async with self._speaking():
            await self._look_at_server()
            await upgrade(self.engine, self._lock_shape)

    async def seen_from(self) -> str | None:
        async with self.reading() as connection:
            return (await connection.exec_driver_sql("SELECT host(inet_client_addr())")).scalar_one_or_none()

    async def scrub(self, *, merge: bool) -> None:
        """PostgreSQL's own autovacuum does it."""

    async def check(self) -> str | None:
        """A server looks after its own pages; what can be seen from here is whether it takes a write."""
        async with self.writing() as connection:
            await connection.exec_driver_sql("UPDATE counters SET value = value WHERE name = 'endings'")
            await connection.rollback()
        return None

    async def _look_at_server(self) -> None:
        async with self.reading() as connection:
            version = int((await connection.exec_driver_sql("SHOW server_version_num")).scalar_one()) // 10_000
            if version < LEAST_VERSION:
                raise ConfigurationError(
                    f"The database's server is PostgreSQL {version}. Safelight needs {LEAST_VERSION} or newer."
                )
            await self.look_at_clock(connection)

    async def _lock_shape(self, connection: AsyncConnection) -> None:
        await locks.take(connection, locks.CHANGE_OF_SHAPE, within_seconds=LOCK_SECONDS)

    @asynccontextmanager
    async def _speaking(self) -> AsyncIterator[None]:
        """Errors as sentences. Says once in the log that the database is away, and once that it is back."""
        try:
            yield
        except SafelightError:
            raise
        except Exception as error:
            if (said := explained(error)) is None:
                raise
            if code_of(error) == READ_ONLY:  # another is the primary now: the connections to this one are of no use
                await self.engine.dispose()
            if isinstance(said, StoreUnavailable) and not self._is_away:
                self._is_away = True
                log.error(
                    "database_away", reason=str(said), effect="what needs it is answered with 503 until it is back"
                )
            raise said from error
        if self._is_away:
            self._is_away = False
            log.info("database_back")


@cache
def _add(table: Table, key: Names, sums: Names, latest: Names) -> Insert:
    added = insert(table)
    new = added.excluded
    changed = {name: table.c[name] + new[name] for name in sums}
    changed |= {name: func.greatest(table.c[name], new[name]) for name in latest}
    return added.on_conflict_do_update(index_elements=key, set_=changed)
