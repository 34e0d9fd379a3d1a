"""State in SQL: keys and the ledger of requests. SQLite by default; only `sqlite.py` knows that it is."""

from safelight.adapters.sql.database import Database, open_database

__all__ = ["Database", "open_database"]
