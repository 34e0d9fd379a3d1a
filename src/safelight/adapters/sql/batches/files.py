"""The files of batches."""

# Tested in tests/contracts/test_batch_port.py.

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, Table, and_, delete, func, insert, or_, select

from safelight.adapters.sql.batches.rows import batch_of, file_of
from safelight.adapters.sql.dialect import Dialect
from safelight.adapters.sql.schema import batch_files, batches
from safelight.adapters.sql.uncancellable import uncancellable
from safelight.contract.records.batches import Batch, Counts, StoredFile
from safelight.service.ports.stores.batches import FileWish


@uncancellable
class BatchFiles:
    """What is kept of files beside their content."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    async def add_file(self, file: StoredFile) -> None:
        async with self._dialect.writing() as connection:
            await connection.execute(insert(batch_files).values(msgspec.structs.asdict(file)))

    async def file(self, owner: str, file_id: str) -> StoredFile | None:
        mine = select(batch_files).where(batch_files.c.id == file_id, batch_files.c.owner == owner)
        async with self._dialect.reading() as connection:
            row = (await connection.execute(mine)).one_or_none()
        return None if row is None else file_of(row)

    async def files(self, wish: FileWish) -> Sequence[StoredFile]:
        query = in_order(batch_files, wish.owner, wish.after, newest_first=wish.newest_first).limit(wish.limit)
        if wish.purpose is not None:
            query = query.where(batch_files.c.purpose == wish.purpose)
        async with self._dialect.reading() as connection:
            return [file_of(row) for row in await connection.execute(query)]

    async def uploaded_bytes(self, owner: str) -> int:
        mine = (batch_files.c.owner == owner) & batch_files.c.batch_id.is_(None)
        async with self._dialect.reading() as connection:
            return int((await connection.execute(select(func.sum(batch_files.c.bytes)).where(mine))).scalar_one() or 0)

    async def remove_file(self, owner: str, file_id: str) -> StoredFile | None:
        mine = (batch_files.c.id == file_id) & (batch_files.c.owner == owner)
        async with self._dialect.writing() as connection:
            gone = (await connection.execute(delete(batch_files).where(mine).returning(batch_files))).one_or_none()
        return None if gone is None else file_of(gone)

    async def known_files(self, file_ids: Collection[str]) -> Collection[str]:
        async with self._dialect.reading() as connection:
            return {
                row.id
                for table in (batch_files, batches)
                for row in await connection.execute(select(table.c.id).where(table.c.id.in_(file_ids)))
            }

    async def expired(self, before: float, limit: int) -> tuple[Sequence[StoredFile], Sequence[Batch]]:
        old_files = batch_files.c.batch_id.is_(None) & (batch_files.c.created < before)
        async with self._dialect.reading() as connection:
            files = await connection.execute(select(batch_files).where(old_files).limit(limit))
            ended = await connection.execute(select(batches).where(batches.c.ended < before).limit(limit))
            return [file_of(row) for row in files], [batch_of(row, Counts()) for row in ended]

    async def forget(self, file_ids: Collection[str], batch_ids: Collection[str]) -> None:
        theirs = batch_files.c.id.in_(file_ids) | batch_files.c.batch_id.in_(batch_ids)
        async with self._dialect.writing() as connection:
            await connection.execute(delete(batch_files).where(theirs))
            await connection.execute(delete(batches).where(batches.c.id.in_(batch_ids)))


def in_order(table: Table, owner: str, after: str | None, *, newest_first: bool) -> Select[*tuple[Any, ...]]:
    """An owner's rows in the order of their creation, from the one with that id on (keyset paging)."""
    query = select(table).where(table.c.owner == owner)
    if after is not None:
        query = query.where(_beyond(table, owner, after, newest_first=newest_first))
    columns = (table.c.created, table.c.id)
    return query.order_by(*(column.desc() if newest_first else column.asc() for column in columns))


def _beyond(table: Table, owner: str, after: str, *, newest_first: bool) -> ColumnElement[bool]:
    then = select(table.c.created).where(table.c.id == after, table.c.owner == owner).scalar_subquery()
    if newest_first:
        return or_(table.c.created < then, and_(table.c.created == then, table.c.id < after))
    return or_(table.c.created > then, and_(table.c.created == then, table.c.id > after))
