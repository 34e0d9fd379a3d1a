"""Opening the database of a state folder."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from safelight.adapters.home import state_folder
from safelight.adapters.sql import sqlite
from safelight.adapters.sql.finishing import settled
from safelight.adapters.sql.jobs import SqlJobStore
from safelight.adapters.sql.keys import SqlKeyStore
from safelight.adapters.sql.ledger import CAPACITY, SqlLedger
from safelight.adapters.sql.migrate import upgrade
from safelight.adapters.sql.notes import SqlNotes
from safelight.adapters.sql.sessions import SqlSessionStore
from safelight.adapters.sql.upkeep import SqlUpkeep
from safelight.service.ports.telemetry import Telemetry


class Database:
    """An open database: the stores in it. `close` closes the ledgers first, so that they are written out."""

    def __init__(self, engine: AsyncEngine, path: Path) -> None:
        self._engine = engine
        self._path = path
        self._ledgers: list[SqlLedger] = []
        self.keys = SqlKeyStore(engine, path)
        self.jobs = SqlJobStore(engine, path)
        self.sessions = SqlSessionStore(engine, path)
        self.notes = SqlNotes(engine, path)
        self.upkeep = SqlUpkeep(engine, path, self.jobs)

    def ledger(self, telemetry: Telemetry, capacity: int = CAPACITY) -> SqlLedger:
        """A ledger with its background task, for at most `capacity` pending entries; call it in the event loop."""
        opened = SqlLedger(self._engine, self._path, telemetry, capacity)
        self._ledgers.append(opened)
        return opened

    async def check(self) -> str | None:
        """Read the whole file and say what is wrong with it; None where nothing is (for `safelight doctor`).

        Raises:
            ConfigurationError: it cannot be read at all.
        """
        with sqlite.readable_errors(self._path):
            return await sqlite.quick_check(self._engine)

    async def close(self, within_seconds: float | None = None) -> bool:
        """Write out what is pending and let go of the file; whether that was done in time. Again does nothing.

        What is late goes on: to cancel it would be to wait for it, as a thread of the driver waits for the lock.
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
        await self._engine.dispose()


async def open_database(home: Path) -> Database:
    """Open the database of a state folder, made and migrated where needed.

    Raises:
        ConfigurationError: the folder or the file cannot be used: not writable, damaged, of a newer version, disk full.
    """
    state_folder.prepare(home)
    engine = sqlite.connect(home)
    path = home / sqlite.FILE_NAME
    try:
        with sqlite.readable_errors(path):
            async with state_folder.locked(home):
                await upgrade(engine)
                await sqlite.make_shrinkable(engine, path)
    except BaseException:
        await engine.dispose()
        raise
    return Database(engine, path)
