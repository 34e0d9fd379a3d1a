"""What the migrations do on one database only."""

# Tested in tests/adapters/sql/test_database.py.

from __future__ import annotations

import sqlalchemy as sa


def is_sqlite(connection: sa.Connection) -> bool:
    """Whether this is SQLite, and not PostgreSQL."""
    return connection.dialect.name == "sqlite"


def arrival(connection: sa.Connection) -> list[sa.Column[int]]:
    """A column that numbers rows as they come. SQLite has one already, `rowid`."""
    return [] if is_sqlite(connection) else [sa.Column("arrival", sa.BigInteger, sa.Identity(always=True))]
