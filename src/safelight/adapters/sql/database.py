"""Opening a database: the file of a state folder, or a PostgreSQL that several servers share."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from safelight.adapters.home import state_folder
from safelight.adapters.sql.access.audit import SqlAudit
from safelight.adapters.sql.access.keys import SqlKeyStore
from safelight.adapters.sql.access.ledger import CAPACITY, SqlLedger
from safelight.adapters.sql.access.quotas import SqlQuotaBook
from safelight.adapters.sql.access.sessions import SqlSessionStore
from safelight.adapters.sql.batches import SqlBatchStore
from safelight.adapters.sql.dialect import Dialect
from safelight.adapters.sql.jobs import SqlJobStore
from safelight.adapters.sql.maintenance.upkeep import SqlUpkeep
from safelight.adapters.sql.notes import SqlNotes
from safelight.adapters.sql.sqlite.dialect import SqliteDialect
from safelight.adapters.sql.uncancellable import settled
from safelight.contract.errors import ConfigurationError
from safelight.service.ports.telemetry import Telemetry

_COOKIE = "cookie"
_LINKS = "secret of links"


class Database:
    """An open database: the stores in it. `process` is the name of this process there; `news`, `processes`, `rates` and
    `links` are None of one that a single process draws from. Times that are kept in it are those of `clock`. `close`
    closes the ledgers first, so that they are written out.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.process = dialect.process
        self.clock = dialect.clock
        self.news = dialect.news
        self.processes = dialect.processes
        self.rates = dialect.rates
        self.links = dialect.links
        self._ledgers: list[SqlLedger] = []
        self.keys = SqlKeyStore(dialect)
        self.jobs = SqlJobStore(dialect)
        self.sessions = SqlSessionStore(dialect)
        self.notes = SqlNotes(dialect)
        self.quotas = SqlQuotaBook(dialect)
        self.audit = SqlAudit(dialect)
        self.batches = SqlBatchStore(dialect)
        self.upkeep = SqlUpkeep(dialect, self.jobs)

    async def prepare(self) -> None:
        """Bring it to the shape that this version expects; see `open_database`."""
        await self.dialect.prepare()

    def ledger(self, telemetry: Telemetry, capacity: int = CAPACITY) -> SqlLedger:
        """A ledger with its background task, for at most `capacity` pending entries; call it in the event loop."""
        opened = SqlLedger(self.dialect, telemetry, capacity)
        self._ledgers.append(opened)
        return opened

    async def cookie_name(self, port: int) -> str:
        """How the page's cookie is called. Cookies know no ports (RFC 6265, 8.5), and servers of one machine must not
        sign each other's browsers out; but those of one database are one server behind a balancer.
        """
        return f"safelight-{await self.notes.get(_COOKIE) or port}"

    async def link_secret(self) -> str:
        """What links to pictures are signed with: 256 random bits, made once and the same for all processes."""
        return await self.notes.settle(_LINKS, secrets.token_hex(32))

    def alone(self) -> AbstractAsyncContextManager[None]:
        """Hold the right to make the first key, which one process at a time has; see `Dialect.alone`."""
        return self.dialect.alone()

    def keeper(self) -> AbstractAsyncContextManager[None]:
        """Wait for the right to take up, forget and sweep for all processes; see `Dialect.keeper`."""
        return self.dialect.keeper()

    async def seen_from(self) -> str | None:
        """The address from which the database's server sees this process come; None where there is none."""
        return await self.dialect.seen_from()

    async def check(self) -> str | None:
        """Look through the whole database and say what is wrong with it; None where nothing is (`safelight doctor`).

        Raises:
            ConfigurationError: it cannot be read at all.
        """
        return await self.dialect.check()

    async def close(self, within_seconds: float | None = None) -> bool:
        """Write out what is pending and let go of the database; whether that was done in time. Again does nothing.

        What is late goes on: to cancel it would be to wait for it, as a thread of SQLite's driver waits for the lock.
        """
        closing = asyncio.create_task(self._close(), name="close-database")
        done, _ = await asyncio.wait([closing], timeout=within_seconds)
        if done:
            closing.result()
        return bool(done)

    async def _close(self) -> None:
        while self._ledgers:
            await self._ledgers.pop().close()
        await settled()
        await self.dialect.engine.dispose()


async def open_database(home: Path, url: str | None = None) -> Database:
    """Open the database of a state folder, or the one at `url`; made and migrated where needed.

    Raises:
        ConfigurationError: it cannot be used: not writable, damaged, of a newer version, refused, disk full.
        StoreUnavailable: the server of that database cannot be reached just now.
    """
    database = connect_database(home, url)
    try:
        await database.prepare()
    except BaseException:
        await database.close()
        raise
    return database


def connect_database(home: Path, url: str | None = None) -> Database:
    """The same, but nothing of it has been looked at yet: `prepare` does, and may be called again where it failed.

    Raises:
        ConfigurationError: the folder or the file cannot be made, or the driver for `url` is missing.
    """
    state_folder.prepare(home)
    return Database(SqliteDialect(home) if url is None else _postgres(url))


def _postgres(url: str) -> Dialect:
    try:
        from safelight.adapters.sql.postgres.dialect import PostgresDialect  # brings asyncpg, which is an extra
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"The setting `database` names a PostgreSQL, and {error.name} is not installed. Install Safelight with its "
            "extra `cluster`."
        ) from None

    return PostgresDialect(url)
