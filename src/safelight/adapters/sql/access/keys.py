"""The key store in SQL."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, delete, insert, select, update

from safelight.adapters.sql.access.audit import note
from safelight.adapters.sql.dialect import Dialect
from safelight.adapters.sql.schema import key_groups, keys
from safelight.adapters.sql.uncancellable import uncancellable
from safelight.service.ports.stores.audit import SERVER, AuditEntry
from safelight.service.ports.stores.keys import GroupRecord, KeyRecord, KeyTerms

_RECORD = [keys.c["key_group" if name == "group" else name] for name in KeyRecord.__struct_fields__]


@uncancellable
class SqlKeyStore:
    """A `KeyStore` whose changes are on disk when a call returns. Errors of the database are ConfigurationErrors."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    async def add(self, record: KeyRecord, digest: bytes, by: str = SERVER) -> None:
        row = _row(record) | {
            "id": record.id,
            "hint": record.hint,
            "digest": digest,
            "created": record.created,
            "revoked": record.revoked,
        }
        entry = AuditEntry(who=by, action="key.created", subject=record.id, after=msgspec.to_builtins(record))
        async with self._dialect.writing() as connection:
            await connection.execute(insert(keys).values(row))
            await note(connection, entry)

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

    async def revoke(self, key_id: str, when: int, by: str = SERVER) -> KeyRecord | None:
        async with self._dialect.writing() as connection:
            still_valid = (keys.c.id == key_id) & keys.c.revoked.is_(None)
            ended = await connection.execute(update(keys).where(still_valid).values(revoked=when))
            row = (await connection.execute(select(*_RECORD).where(keys.c.id == key_id))).one_or_none()
            if ended.rowcount:
                entry = AuditEntry(who=by, action="key.revoked", subject=key_id, after={"revoked": when})
                await note(connection, entry)
        return None if row is None else _record(row)

    async def change(self, key_id: str, terms: KeyTerms, by: str = SERVER) -> KeyRecord | None:
        async with self._dialect.writing() as connection:
            it = select(*_RECORD).where(keys.c.id == key_id).with_for_update()
            row = (await connection.execute(it)).one_or_none()
            if row is None:
                return None
            before = _record(row)
            if before.terms != terms:
                await connection.execute(update(keys).where(keys.c.id == key_id).values(_row(terms)))
                await note(connection, _changed(key_id, before.terms, terms, by))
        return msgspec.structs.replace(before, **_fields(terms))

    async def group(self, name: str) -> GroupRecord | None:
        async with self._dialect.reading() as connection:
            row = (await connection.execute(select(key_groups).where(key_groups.c.name == name))).one_or_none()
        return None if row is None else GroupRecord(name=row.name, quotas=row.quotas)

    async def groups(self) -> Sequence[GroupRecord]:
        async with self._dialect.reading() as connection:
            rows = await connection.execute(select(key_groups).order_by(key_groups.c.name))
            return [GroupRecord(name=row.name, quotas=row.quotas) for row in rows]

    async def put_group(self, group: GroupRecord, by: str = SERVER) -> None:
        there = select(key_groups.c.quotas).where(key_groups.c.name == group.name)
        async with self._dialect.writing() as connection:
            before = (await connection.execute(there)).scalar_one_or_none()
            values = {"name": group.name, "quotas": dict(group.quotas)}
            await connection.execute(self._dialect.put(key_groups, values, ["name"]))
            kept = None if before is None else {"quotas": before}
            after = {"quotas": dict(group.quotas)}
            entry = AuditEntry(who=by, action="group.set", subject=group.name, before=kept, after=after)
            await note(connection, entry)

    async def remove_group(self, name: str, by: str = SERVER) -> bool:
        async with self._dialect.writing() as connection:
            gone = delete(key_groups).where(key_groups.c.name == name).returning(key_groups.c.quotas)
            quotas = (await connection.execute(gone)).scalar_one_or_none()
            if quotas is None:
                return False
            entry = AuditEntry(who=by, action="group.removed", subject=name, before={"quotas": quotas})
            await note(connection, entry)
        return True


def _fields(terms: KeyTerms) -> dict[str, Any]:
    return {name: getattr(terms, name) for name in KeyTerms.__struct_fields__}


def _row(terms: KeyTerms) -> dict[str, Any]:
    return {
        "name": terms.name,
        "models": None if terms.models is None else list(terms.models),
        "weight": terms.weight,
        "admin": terms.admin,
        "rate_limit": terms.rate_limit,
        "key_group": terms.group,
        "quotas": dict(terms.quotas) or None,
    }


def _record(row: Row[*tuple[Any, ...]]) -> KeyRecord:
    return KeyRecord(
        id=row.id,
        name=row.name,
        hint=row.hint,
        created=row.created,
        revoked=row.revoked,
        models=None if row.models is None else tuple(row.models),
        weight=row.weight,
        admin=bool(row.admin),
        rate_limit=row.rate_limit,
        group=row.key_group,
        quotas=row.quotas or {},
    )


def _changed(key_id: str, before: KeyTerms, after: KeyTerms, by: str) -> AuditEntry:
    """What of the terms is not as it was."""
    was, now = msgspec.to_builtins(before), msgspec.to_builtins(after)
    names = [name for name in now if was[name] != now[name]]
    return AuditEntry(
        who=by,
        action="key.changed",
        subject=key_id,
        before={name: was[name] for name in names},
        after={name: now[name] for name in names},
    )
