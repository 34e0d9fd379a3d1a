"""The store of signed-in browsers in SQL."""

# Tested in tests/contracts/test_key_and_session_ports.py.

from __future__ import annotations

from pathlib import Path

import msgspec
from sqlalchemy import delete, insert, literal_column, select
from sqlalchemy.ext.asyncio import AsyncEngine

from safelight.adapters.sql.finishing import finishing
from safelight.adapters.sql.schema import sessions
from safelight.adapters.sql.sqlite import readable_errors, writing
from safelight.service.ports.keys import SessionRecord


@finishing
class SqlSessionStore:
    """A `SessionStore`: sessions outlive the server's restarts. Errors of the database are ConfigurationErrors."""

    def __init__(self, engine: AsyncEngine, path: Path) -> None:
        self._engine = engine
        self._path = path

    async def add(self, digest: bytes, session: SessionRecord, most: int) -> None:
        of_key = select(sessions.c.digest).where(sessions.c.key_id == session.key_id)
        # SQLite numbers rows as they come, whatever the clock says.
        spare = of_key.order_by(literal_column("rowid").desc()).offset(most)
        with readable_errors(self._path):
            async with writing(self._engine).begin() as connection:
                await connection.execute(insert(sessions).values(digest=digest, **msgspec.structs.asdict(session)))
                await connection.execute(delete(sessions).where(sessions.c.digest.in_(spare)))

    async def get(self, digest: bytes) -> SessionRecord | None:
        with readable_errors(self._path):
            async with self._engine.connect() as connection:
                row = (await connection.execute(select(sessions).where(sessions.c.digest == digest))).one_or_none()
        if row is None:
            return None
        return SessionRecord(key_id=row.key_id, proof=row.proof, created=row.created, expires=row.expires)

    async def delete(self, digest: bytes) -> None:
        with readable_errors(self._path):
            async with self._engine.begin() as connection:
                await connection.execute(delete(sessions).where(sessions.c.digest == digest))
