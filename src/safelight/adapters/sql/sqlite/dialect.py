"""SQLite behind the stores."""

# Tested in tests/adapters/sql/test_database.py.

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import ColumnElement, Table, func, literal_column
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import Insert

from safelight.adapters.home import state_folder
from safelight.adapters.sql.dialect import Names, Search, Turn, new_process_name
from safelight.adapters.sql.maintenance.migrate import upgrade
from safelight.adapters.sql.sqlite.errors import readable_errors
from safelight.adapters.sql.sqlite.new_file import make_tables
from safelight.adapters.sql.sqlite.opening import FILE_NAME, connect, writing
from safelight.adapters.sql.sqlite.scrubbing import make_shrinkable, quick_check, scrub
from safelight.adapters.sql.sqlite.search import FullTextIndex
from safelight.service.access.links import LinkStore
from safelight.service.ports.processes.news import JobNews, Processes, RowChange
from safelight.service.ports.stores.rates import RateCounter


class SqliteDialect:
    """A `Dialect` over the file in a state folder. Writers of this process wait for each other here, in their order:
    SQLite would have them poll.
    """

    name: Literal["sqlite", "postgresql"] = "sqlite"
    news: JobNews | None = None
    processes: Processes | None = None
    rates: RateCounter | None = None
    links: LinkStore | None = None
    # SQLite numbers rows as they come, whatever the clock says.
    arrival: ColumnElement[Any] = literal_column("rowid")

    def __init__(self, home: Path) -> None:
        """Raises: ConfigurationError: the file cannot be made."""
        self._home = home
        self.process = new_process_name()
        self._path = home / FILE_NAME
        self._one_writes = asyncio.Lock()
        self.engine = connect(home)
        self._writing = writing(self.engine)
        self.search: Search = FullTextIndex()
        # Whoever opens the file is on this machine.
        self.clock: Callable[[], float] = time.time

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        with readable_errors(self._path):
            async with self.engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        with readable_errors(self._path):
            async with self._one_writes, self._writing.begin() as connection:
                yield connection

    def snapshot(self) -> AbstractAsyncContextManager[AsyncConnection]:
        return self.reading()

    def rewriting(self) -> AbstractAsyncContextManager[AsyncConnection]:
        return self.writing()

    async def renumber(self, connection: AsyncConnection) -> None:
        """It goes on above the highest by itself."""

    async def in_turn(self, connection: AsyncConnection, what: Turn = "numbers") -> None:
        """Whoever writes is alone already."""

    async def look_at_clock(self, connection: AsyncConnection) -> None:
        """It is this machine's."""

    async def tell(self, connection: AsyncConnection, changes: Sequence[RowChange]) -> None:
        """One process draws from a file at a time; the next looks when it takes over."""

    def put(
        self, table: Table, values: dict[str, Any], key: Sequence[str], changed: Sequence[str] | None = None
    ) -> Insert:
        new = values if changed is None else {name: values[name] for name in changed}
        return insert(table).values(values).on_conflict_do_update(key, set_=new)

    def add(self, table: Table, key: Names, sums: Names, latest: Names = ()) -> Insert:
        return _add(table, key, sums, latest)

    def alone(self) -> AbstractAsyncContextManager[None]:
        return state_folder.locked(self._home)

    def keeper(self) -> AbstractAsyncContextManager[None]:
        return state_folder.alone_in_drawing(self._home)

    async def prepare(self) -> None:
        with readable_errors(self._path):
            async with self.alone():
                await upgrade(self.engine, make_tables=make_tables)
                await make_shrinkable(self.engine, self._path)

    async def seen_from(self) -> str | None:
        return None

    async def scrub(self, *, merge: bool) -> None:
        with readable_errors(self._path):
            await scrub(self.engine, merge=merge)

    async def check(self) -> str | None:
        with readable_errors(self._path):
            return await quick_check(self.engine)


@cache
def _add(table: Table, key: Names, sums: Names, latest: Names) -> Insert:
    added = insert(table)
    new = added.excluded
    changed = {name: table.c[name] + new[name] for name in sums}
    changed |= {name: func.max(table.c[name], new[name]) for name in latest}
    return added.on_conflict_do_update(index_elements=key, set_=changed)
