"""Where a test's database is: in a folder, or in the tests' PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
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
