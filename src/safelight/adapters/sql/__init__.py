"""State in SQL: keys, jobs, sessions and the ledger of requests. What differs between databases is in their rooms."""

from safelight.adapters.sql.database import Database, connect_database, open_database

__all__ = ["Database", "connect_database", "open_database"]
