"""Where a test's database is: in a folder, or in the tests' PostgreSQL."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from safelight.adapters.sql import Database, open_database


@dataclass(frozen=True)
class Kept:
    """A state folder, and a PostgreSQL where that holds the database. `open` again is another process's view."""

    home: Path
    url: str | None

    async def open(self) -> Database:
        """Open it; whoever does closes it."""
        return await open_database(self.home, self.url)


def kept_in(request: pytest.FixtureRequest, home: Path) -> Kept:
    """An empty database of ours, of the kind that is the request's parameter: `sqlite` or `postgresql`."""
    if request.param == "sqlite":
        copied: Callable[[Path], Path] = request.getfixturevalue("with_database")
        return Kept(copied(home), None)
    made: Callable[[], str] = request.getfixturevalue("with_postgres")
    return Kept(home, made())


async def altered(file: Path, statement: str) -> None:
    """Have a statement carried out in a SQLite file beside the processes that have it open.

    In a thread: a server that runs in the test's own loop may hold the file's lock, and must be able to go on to let it
    go. It may take as long as it takes: how busy a machine is decides no test.
    """

    def carry_out() -> None:
        with closing(sqlite3.connect(file, timeout=300.0)) as disk, disk:
            disk.execute(statement)

    await asyncio.to_thread(carry_out)
