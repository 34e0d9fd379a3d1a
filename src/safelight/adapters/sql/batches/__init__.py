"""Batches in a database."""

from safelight.adapters.sql.batches.store import SqlBatchStore

__all__ = ["SqlBatchStore"]
