"""What the migrations make of an empty SQLite file, as SQL: `python -m tests.adapters.sql.keep` writes it to where a
server reads it from."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from importlib.resources import files
from pathlib import Path

from alembic import command
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from safelight.adapters.sql import sqlite
from safelight.adapters.sql.maintenance.migrate import alembic_config
from safelight.adapters.sql.schema import REVISION
from safelight.adapters.sql.sqlite.new_file import SQL
from safelight.adapters.sql.sqlite.opening import FILE_NAME, connect

_HEAD = "-- All tables of revision {}, as the migrations make them. `python -m tests.adapters.sql.keep` writes this.\n"
_MADE_BY_ITSELF = ("jobs_text_", "sqlite_")
"""Tables that SQLite makes for others."""


async def migrate(engine: AsyncEngine, revision: str) -> None:
    """Run the migrations up to that one."""

    def run(connection: Connection) -> None:
        made = alembic_config()
        made.attributes["connection"] = connection
        command.upgrade(made, revision)

    async with engine.begin() as connection:
        await connection.run_sync(run)


async def migrated_file() -> str:
    """`new_file.sql` as the migrations have it."""
    with tempfile.TemporaryDirectory() as folder:
        engine = connect(Path(folder))
        await migrate(engine, REVISION)
        await engine.dispose()
        with closing(sqlite3.connect(Path(folder, FILE_NAME))) as file:
            return _HEAD.format(REVISION) + "".join(f"{statement};\n" for statement in _statements(file))


def _statements(file: sqlite3.Connection) -> Iterator[str]:
    rows = file.execute("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid").fetchall()
    made = [(kind, name, sql) for kind, name, sql in rows if not name.startswith(_MADE_BY_ITSELF)]
    for _, _, sql in made:
        yield "\n".join(line.rstrip() for line in sql.splitlines())
    for kind, name, sql in made:
        if kind == "table" and not sql.startswith("CREATE VIRTUAL"):
            for row in file.execute(f"SELECT * FROM {name}"):
                yield f"INSERT INTO {name} VALUES ({', '.join(map(_literal, row))})"


def _literal(value: object) -> str:
    if not isinstance(value, int | str):
        raise TypeError(f"{value!r} has no literal here yet")
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


if __name__ == "__main__":
    place = Path(str(files(sqlite) / SQL))
    place.write_text(asyncio.run(migrated_file()))
    print(f"{place} is written.")
