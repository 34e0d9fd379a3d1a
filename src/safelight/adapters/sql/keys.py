"""The key store in SQL."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, insert, select, update

from safelight.adapters.sql.dialect import Dialect
from safelight.adapters.sql.finishing import finishing
from safelight.adapters.sql.schema import keys
from safelight.service.ports.keys import KeyRecord

_RECORD = (keys.c.id, keys.c.name, keys.c.hint, keys.c.created, keys.c.revoked, keys.c.models, keys.c.weight)


@finishing
class SqlKeyStore:
    """A `KeyStore` whose changes are on disk when a call returns. Errors of the database are ConfigurationErrors."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    async def add(self, record: KeyRecord, digest: bytes) -> None:
        row = {
            "id": record.id,
            "name": record.name,
            "hint": record.hint,
            "digest": digest,
            "created": record.created,
            "revoked": record.revoked,
            "models": None if record.models is None else list(record.models),
            "weight": record.weight,
        }
        async with self._dialect.writing() as connection:
            await connection.execute(insert(keys).values(row))

    async def by_digest(self, digest: bytes) -> KeyRecord | None:
        async with self._dialect.reading() as connection:
            found = await connection.execute(select(*_RECORD, keys.c.digest).where(keys.c.digest == digest))
            row = found.one_or_none()
        # The index compares byte by byte; that tells a guesser at most bytes of a hash, and this settles it.
        return _record(row) if row is not None and hmac.compare_digest(row.digest, digest) else None

    async def by_id(self, key_id: str) -> KeyRecord | None:
        async with self._dialect.reading() as connection:
            row = (await connection.execute(select(*_RECORD).where(keys.c.id == key_id))).one_or_none()
        return None if row is None else _record(row)

    async def all(self) -> Sequence[KeyRecord]:
        async with self._dialect.reading() as connection:
            # Of keys of one second the one that was added first.
            rows = await connection.execute(select(*_RECORD).order_by(keys.c.created, self._dialect.arrival))
            return [_record(row) for row in rows]

    async def revoke(self, key_id: str, when: int) -> KeyRecord | None:
        async with self._dialect.writing() as connection:
            still_valid = (keys.c.id == key_id) & keys.c.revoked.is_(None)
            await connection.execute(update(keys).where(still_valid).values(revoked=when))
            row = (await connection.execute(select(*_RECORD).where(keys.c.id == key_id))).one_or_none()
        return None if row is None else _record(row)


def _record(row: Row[*tuple[Any, ...]]) -> KeyRecord:
    return KeyRecord(
        id=row.id,
        name=row.name,
        hint=row.hint,
        created=row.created,
        revoked=row.revoked,
        models=None if row.models is None else tuple(row.models),
        weight=row.weight,
    )
