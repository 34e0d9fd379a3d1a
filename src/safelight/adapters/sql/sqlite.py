"""Everything that is SQLite's alone: how it is opened, what makes a commit durable, and what its errors mean."""

# Tested in tests/adapters/sql/test_database.py.

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from safelight.contract.errors import ConfigurationError

FILE_NAME = "safelight.db"
# Another process may be committing or migrating; readers never wait in WAL mode.
BUSY_SECONDS = 10.0
# A bound for one piece of work, some 2 MB: writers wait for a piece only.
_PAGES_AT_ONCE = 500
_INCREMENTAL = 2


def connect(home: Path) -> AsyncEngine:
    """An engine for the database in the state folder. Touches nothing but an empty file with mode 0600.

    Raises:
        ConfigurationError: the file cannot be made.
    """
    path = home / FILE_NAME
    try:
        # SQLite gives its -wal and -shm files the mode of the database, and would itself use the umask.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise ConfigurationError(_cannot_write(path, error.strerror or errno.errorcode[error.errno or 0])) from None
    # isolation_level None: the driver begins no transactions of its own, so that ours hold DDL as well.
    # hide_parameters: an error's text would otherwise hold the values of the row.
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{path}",
        json_serializer=lambda value: msgspec.json.encode(value).decode(),  # no \\u escapes: a third of the bytes
        connect_args={"isolation_level": None, "timeout": BUSY_SECONDS},
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "connect", lambda connection, _record: _prepare_connection(connection, path))
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _prepare_connection(connection: Any, path: Path) -> None:
    cursor = connection.cursor()
    # WAL lets readers and one writer work at once. With it the default `synchronous` NORMAL may lose the newest commits
    # when power fails; FULL syncs each (https://sqlite.org/pragma.html#pragma_synchronous).
    # secure_delete writes zeros over what is deleted (https://sqlite.org/pragma.html#pragma_secure_delete).
    # auto_vacuum can be chosen for a new file only; `make_shrinkable` changes an old one.
    if os.path.getsize(path) == 0:
        cursor.execute("PRAGMA auto_vacuum = INCREMENTAL")
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def writing(engine: AsyncEngine) -> AsyncEngine:
    """The same engine, but its transactions wait for the write lock and take it when they begin.

    One that reads first could not wait later (SQLITE_BUSY_SNAPSHOT, https://sqlite.org/rescode.html#busy_snapshot), and
    the full text index makes every insertion read.
    """
    return engine.execution_options(begin="BEGIN IMMEDIATE")


def _begin(connection: Connection) -> None:
    if begin := connection.get_execution_options().get("begin", "BEGIN"):
        connection.exec_driver_sql(begin)


def without_transactions(engine: AsyncEngine) -> AsyncEngine:
    """The same engine, but each statement stands for itself."""
    return engine.execution_options(begin="")


async def make_shrinkable(engine: AsyncEngine, path: Path) -> None:
    """Rewrite a file of an earlier version once, so that it can give room back later; where the disk has room for that.

    The caller holds the state folder's lock.
    """
    async with without_transactions(engine).connect() as plain:
        if (await plain.exec_driver_sql("PRAGMA auto_vacuum")).scalar_one() == _INCREMENTAL:
            return
        if shutil.disk_usage(path.parent).free > 3 * os.path.getsize(path):  # noqa: ASYNC240 - once, before anything is served
            await plain.exec_driver_sql("PRAGMA auto_vacuum = INCREMENTAL")
            await plain.exec_driver_sql("VACUUM")


async def scrub(engine: AsyncEngine, *, merge: bool) -> None:
    """Have nothing that was deleted stay in the files, and give free pages back to the disk.

    The full text index keeps what was deleted until its parts are merged (`merge`), in small pieces
    (https://sqlite.org/fts5.html#the_merge_command). The log holds pages as they were until it is cut off.
    Where a reader holds that up, the next call does it.
    """
    async with without_transactions(engine).connect() as plain:
        if merge:
            await _merge(plain)
        free = (await plain.exec_driver_sql("PRAGMA freelist_count")).scalar_one()
        raw: Any = (await plain.get_raw_connection()).driver_connection
        for _ in range(0, free, _PAGES_AT_ONCE):
            # It goes a page further each time that it is stepped, and a plain execution steps but once.
            await raw.executescript(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})")
        (await plain.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")).all()


async def _merge(plain: AsyncConnection) -> None:
    pieces = -_PAGES_AT_ONCE
    while True:
        before = (await plain.exec_driver_sql("SELECT total_changes()")).scalar_one()
        await plain.exec_driver_sql(f"INSERT INTO jobs_text(jobs_text, rank) VALUES ('merge', {pieces})")
        after = (await plain.exec_driver_sql("SELECT total_changes()")).scalar_one()
        if after - before < 2:  # as the documentation says of a merge that found nothing to do
            return
        pieces = _PAGES_AT_ONCE


async def quick_check(engine: AsyncEngine) -> str | None:
    """What SQLite finds wrong with the file, in its own words; None where all is well."""
    async with engine.connect() as connection:
        found = (await connection.exec_driver_sql("PRAGMA quick_check(1)")).scalar_one()
    return None if found == "ok" else str(found)


@contextmanager
def readable_errors(path: Path, but: type[DatabaseError] | tuple[()] = ()) -> Iterator[None]:
    """Turn what the database reports into a sentence for the operator; what is a `but` passes as it is.

    Raises:
        ConfigurationError: the file is damaged, no database or locked for too long, or the disk fails or is full.
    """
    try:
        yield
    except but:
        raise
    except DatabaseError as error:
        raise ConfigurationError(explain(error, path)) from error


def explain(error: DatabaseError, path: Path) -> str:
    """What went wrong and what to do. Holds no SQL and no value of a row."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF  # extended codes keep the primary one in the low byte
    match primary:
        case sqlite3.SQLITE_FULL:
            return f"The disk that holds {path} is full. Free some space."
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return (
                f"The database {path} is damaged or not a database. Put a backup in its place, or move it away with "
                "its -wal and -shm files: Safelight then begins anew, and its keys must be made again."
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return f"Another process has kept the database {path} locked for {BUSY_SECONDS:g} s. Is a backup running?"
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return _cannot_write(path, str(error.orig))
        case sqlite3.SQLITE_IOERR:
            return f"The disk failed while the database {path} was read or written. Is it full, or over its quota?"
        case _:
            return f"The database {path} cannot be used: {error.orig}."


def _cannot_write(path: Path, why: str) -> str:
    return (
        f"The database {path} cannot be written: {why}. Give this user the right to, or name another folder with "
        "SAFELIGHT_HOME or --home."
    )
