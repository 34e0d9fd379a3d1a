"""The database's few texts by name."""

# Tested in tests/contracts/test_job_port.py.

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from safelight.adapters.sql.finishing import finishing
from safelight.adapters.sql.schema import notes
from safelight.adapters.sql.sqlite import readable_errors


@finishing
class SqlNotes:
    """`Notes`. Errors of the database are ConfigurationErrors."""

    def __init__(self, engine: AsyncEngine, path: Path) -> None:
        self._engine = engine
        self._path = path

    async def get(self, name: str) -> str | None:
        with readable_errors(self._path):
            async with self._engine.connect() as connection:
                found = await connection.execute(select(notes.c.text).where(notes.c.name == name))
                return found.scalar_one_or_none()

    async def put(self, name: str, text: str) -> None:
        written = insert(notes).values(name=name, text=text)
        with readable_errors(self._path):
            async with self._engine.begin() as connection:
                await connection.execute(written.on_conflict_do_update(["name"], set_={"text": text}))
