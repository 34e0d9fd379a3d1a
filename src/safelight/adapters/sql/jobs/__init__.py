"""Durable jobs in SQL."""

from safelight.adapters.sql.jobs.rows import ROW_BYTES
from safelight.adapters.sql.jobs.store import SqlJobStore

__all__ = ["ROW_BYTES", "SqlJobStore"]
