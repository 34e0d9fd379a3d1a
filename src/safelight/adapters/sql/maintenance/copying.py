"""All rows of one database into another, of whatever kind each is: backups, restoring, and moving house."""

# Tested in tests/cli/test_database_commands.py.

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, Table, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from safelight.adapters.sql.clock import DatabaseNow
from safelight.adapters.sql.dialect import Dialect
from safelight.adapters.sql.schema import (
    audit,
    batch_files,
    batch_lines,
    batches,
    counters,
    idempotency,
    jobs,
    key_groups,
    keys,
    ledger,
    notes,
    processes,
    reservations,
    sessions,
    usage,
)
from safelight.contract.errors import ConfigurationError

# Those that are named come before those that name them. Rates, links and processes are of the moment.
_TABLES = (
    key_groups,
    keys,
    ledger,
    usage,
    jobs,
    reservations,
    idempotency,
    batch_files,
    batches,
    batch_lines,
    sessions,
    notes,
    counters,
    audit,
)
# What the target has of its own and keeps: the name of its cookie, and what its revision says of others.
_OWN_NOTES = ("cookie", "oldest revision")
_AT_ONCE = 500


async def copy_all(source: Dialect, target: Dialect) -> dict[str, int]:
    """Copy everything as it is at one moment, in one transaction: a kill leaves the target as it was. How many rows of
    which table that were.

    Raises:
        ConfigurationError: the target holds keys or jobs already, or one of them cannot be used.
        StoreUnavailable: one of them cannot be reached just now.
    """
    copied: dict[str, int] = {}
    async with target.alone(), source.snapshot() as reading, target.rewriting() as writing:
        await _be_empty(writing)
        for table in reversed(_TABLES):
            kept = table.c.name.in_(_OWN_NOTES) if table is notes else None
            await writing.execute(delete(table) if kept is None else delete(table).where(~kept))
        for table in _TABLES:
            copied[table.name] = await _copy(table, source, reading, target, writing)
        await target.renumber(writing)
    return copied


async def counted(dialect: Dialect) -> dict[str, int]:
    """How many rows each of those tables has."""
    async with dialect.snapshot() as connection:
        return {table.name: await _count(connection, table) for table in _TABLES}


async def served_by(dialect: Dialect) -> int:
    """How many servers use a database that several may share."""
    living = select(func.count()).select_from(processes).where(processes.c.lease_until > DatabaseNow())
    async with dialect.reading() as connection:
        return int((await connection.execute(living)).scalar_one())


async def _copy(
    table: Table, source: Dialect, reading: AsyncConnection, target: Dialect, writing: AsyncConnection
) -> int:
    number = 0
    stream = await reading.stream(_in_order(table, source))
    async for rows in stream.partitions(_AT_ONCE):
        values = [dict(row._mapping) for row in rows]
        if table is notes:
            values = [row for row in values if row["name"] not in _OWN_NOTES]
        if not values:
            continue
        await writing.execute(insert(table), values)
        if table is jobs:
            await target.search.put_in(writing, rows)
        number += len(values)
    return number


def _in_order(table: Table, source: Dialect) -> Select[*tuple[Any, ...]]:
    """As they came, so that the target numbers them alike."""
    query = select(table)
    return query.order_by(source.arrival) if table in (keys, sessions) else query.order_by(*table.primary_key)


async def _be_empty(connection: AsyncConnection) -> None:
    held = {table.name: await _count(connection, table) for table in (keys, jobs)}
    if any(held.values()):
        raise ConfigurationError(
            f"The database that is to be filled holds {held['keys']} keys and {held['jobs']} jobs already, and nothing "
            "is written over. Name an empty one, or move that one away."
        )


async def _count(connection: AsyncConnection, table: Table) -> int:
    return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())
