"""The database's few texts by name."""

# Tested in tests/contracts/test_job_port.py.

from __future__ import annotations

from sqlalchemy import select

from safelight.adapters.sql.dialect import Dialect
from safelight.adapters.sql.schema import notes
from safelight.adapters.sql.uncancellable import uncancellable


@uncancellable
class SqlNotes:
    """`Notes`. Errors of the database are ConfigurationErrors."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    async def get(self, name: str) -> str | None:
        async with self._dialect.reading() as connection:
            found = await connection.execute(select(notes.c.text).where(notes.c.name == name))
            return found.scalar_one_or_none()

    async def put(self, name: str, text: str) -> None:
        async with self._dialect.writing() as connection:
            await connection.execute(self._dialect.put(notes, {"name": name, "text": text}, ["name"]))

    async def settle(self, name: str, text: str) -> str:
        async with self._dialect.writing() as connection:
            await self._dialect.in_turn(connection)
            found = await connection.execute(select(notes.c.text).where(notes.c.name == name))
            there = found.scalar_one_or_none()
            if there is None:
                await connection.execute(self._dialect.put(notes, {"name": name, "text": text}, ["name"]))
            return text if there is None else there
