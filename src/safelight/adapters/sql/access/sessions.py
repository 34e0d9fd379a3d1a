"""The store of signed-in browsers in SQL."""

# Tested in tests/contracts/test_key_and_session_ports.py.

from __future__ import annotations

import msgspec
from sqlalchemy import delete, insert, select

from safelight.adapters.sql.access.audit import note
from safelight.adapters.sql.dialect import Dialect
from safelight.adapters.sql.schema import sessions
from safelight.adapters.sql.uncancellable import uncancellable
from safelight.service.ports.stores.audit import AuditEntry
from safelight.service.ports.stores.keys import SessionRecord


@uncancellable
class SqlSessionStore:
    """A `SessionStore`: sessions outlive the server's restarts. Errors of the database are ConfigurationErrors."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    async def add(self, digest: bytes, session: SessionRecord, most: int) -> None:
        of_key = select(sessions.c.digest).where(sessions.c.key_id == session.key_id)
        # In the order in which they came, whatever the clock says.
        spare = of_key.order_by(self._dialect.arrival.desc()).offset(most)
        async with self._dialect.writing() as connection:
            await connection.execute(insert(sessions).values(digest=digest, **msgspec.structs.asdict(session)))
            await connection.execute(delete(sessions).where(sessions.c.digest.in_(spare)))
            await note(connection, _of(session.key_id, "session.began"))

    async def get(self, digest: bytes) -> SessionRecord | None:
        async with self._dialect.reading() as connection:
            row = (await connection.execute(select(sessions).where(sessions.c.digest == digest))).one_or_none()
        if row is None:
            return None
        return SessionRecord(key_id=row.key_id, proof=row.proof, created=row.created, expires=row.expires)

    async def delete(self, digest: bytes) -> None:
        async with self._dialect.writing() as connection:
            gone = delete(sessions).where(sessions.c.digest == digest).returning(sessions.c.key_id)
            key_id = (await connection.execute(gone)).scalar_one_or_none()
            if key_id is not None:
                await note(connection, _of(key_id, "session.ended"))


def _of(key_id: str, action: str) -> AuditEntry:
    return AuditEntry(who=f"key:{key_id}", action=action, subject=key_id)
