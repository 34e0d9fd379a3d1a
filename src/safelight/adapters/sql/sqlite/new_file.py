"""The tables of a new file at once, as the migrations would make them one after the other.

Migrations take Alembic, which is 9.5 MiB and 0.08 s of a processor more than a server needs otherwise, and 20 steps.
`new_file.sql` is written by `python -m tests.adapters.sql.keep`, and a test holds it to what the migrations make.
"""

# Tested in tests/adapters/sql/test_migrations.py.

from __future__ import annotations

from importlib.resources import files

from sqlalchemy import Connection

SQL = "new_file.sql"


def make_tables(connection: Connection) -> bool:
    """Make all tables, where the file has none yet; whether that was so. In the caller's transaction."""
    if connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema").scalar_one():
        return False
    for statement in (files(__package__) / SQL).read_text().split(";\n"):
        if statement.strip():
            connection.exec_driver_sql(statement)
    return True
