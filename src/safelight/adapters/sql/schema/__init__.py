"""The tables. A change here comes with a migration, and with the new `REVISION`."""

from __future__ import annotations

from safelight.adapters.sql.schema.access import audit, key_groups, keys, sessions
from safelight.adapters.sql.schema.accounts import ledger, reservations, usage
from safelight.adapters.sql.schema.among_processes import counters, let_in, notes, notices, processes
from safelight.adapters.sql.schema.base import metadata
from safelight.adapters.sql.schema.batching import batch_files, batch_lines, batches
from safelight.adapters.sql.schema.generations import idempotency, jobs

__all__ = [
    "OLDEST_REVISION",
    "REVISION",
    "audit",
    "batch_files",
    "batch_lines",
    "batches",
    "counters",
    "idempotency",
    "jobs",
    "key_groups",
    "keys",
    "ledger",
    "let_in",
    "metadata",
    "notes",
    "notices",
    "processes",
    "reservations",
    "sessions",
    "usage",
]

# The newest migration; known here so that a start with nothing to migrate need not import Alembic (0.1 s).
REVISION = "0020"
# What the oldest version knows that may still work with a database of this one, beside it or started again, while the
# servers of a database are upgraded one after the other: the version before, since a migration only adds.
OLDEST_REVISION = "0013"
