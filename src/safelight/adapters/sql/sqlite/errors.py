"""What SQLite reports, as sentences for the operator."""

# Tested in tests/adapters/sql/test_database.py.

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DatabaseError

from safelight.contract.errors import ConfigurationError

# Another process may be committing or migrating; readers never wait in WAL mode.
BUSY_SECONDS = 10.0


@contextmanager
def readable_errors(path: Path) -> Iterator[None]:
    """Turn what the database reports into a sentence for the operator.

    Raises:
        ConfigurationError: the file is damaged, no database or locked for too long, or the disk fails or is full.
    """
    try:
        yield
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
            return cannot_write(path, str(error.orig))
        case sqlite3.SQLITE_IOERR:
            return f"The disk failed while the database {path} was read or written. Is it full, or over its quota?"
        case _:
            return f"The database {path} cannot be used: {error.orig}."


def cannot_write(path: Path, why: str) -> str:
    return (
        f"The database {path} cannot be written: {why}. Give this user the right to, or name another folder with "
        "SAFELIGHT_HOME or --home."
    )
