"""The database's own clock: the only one that is compared between processes."""

# Tested in tests/contracts/test_leases.py.

from __future__ import annotations

from typing import Any

from sqlalchemy import Float
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class DatabaseNow(FunctionElement[float]):
    """Unix seconds as the database has them, at the moment at which the statement runs."""

    inherit_cache = True
    type = Float(53)


@compiles(DatabaseNow, "sqlite")
def _sqlite(element: DatabaseNow, compiler: Any, **options: Any) -> str:
    # Days since noon of 24 November 4714 BC; `unixepoch('subsec')` came with SQLite 3.42.
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(DatabaseNow, "postgresql")
def _postgresql(element: DatabaseNow, compiler: Any, **options: Any) -> str:
    # Not now(): that is when the transaction began, and it may have waited for a lock since.
    return "CAST(extract(epoch FROM clock_timestamp()) AS double precision)"
