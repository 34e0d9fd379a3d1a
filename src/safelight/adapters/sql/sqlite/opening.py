"""How SQLite is opened, and what makes a commit durable."""

# Tested in tests/adapters/sql/test_database.py.

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from safelight.adapters.sql.sqlite import errors
from safelight.contract.errors import ConfigurationError

FILE_NAME = "safelight.db"


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
        raise ConfigurationError(
            errors.cannot_write(path, error.strerror or errno.errorcode[error.errno or 0])
        ) from None
    # isolation_level None: the driver begins no transactions of its own, so that ours hold DDL as well.
    # hide_parameters: an error's text would otherwise hold the values of the row.
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{path}",
        json_serializer=lambda value: msgspec.json.encode(value).decode(),  # no \\u escapes: a third of the bytes
        connect_args={"isolation_level": None, "timeout": errors.BUSY_SECONDS},
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
