"""Batches, their files and their lines."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Float, ForeignKey, Index, Integer, String, Table, Text, text

from safelight.adapters.sql.schema.base import metadata

# Files of batches. One that was uploaded lies in pieces in the file store, under its id; one with a `batch_id` is put
# together of that batch's lines.
batch_files = Table(
    "batch_files",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("filename", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("created", Float(53), nullable=False),
    Column("batch_id", String(64)),
    Column("holds", String(16)),
    Index("batch_files_owner", "owner", "created", "id"),
    Index("batch_files_batch", "batch_id"),
)

# The `holder` reads the input until `lease_until`, by the database's clock.
batches = Table(
    "batches",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("input_file_id", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("created", Float(53), nullable=False),
    Column("begun", Float(53)),
    Column("cancelling", Float(53)),
    Column("ended", Float(53)),
    Column("output_file_id", String(64)),
    Column("error_file_id", String(64)),
    Column("error_code", Text),
    Column("error_message", Text),
    Column("metadata", JSON(none_as_null=True)),
    Column("traceparent", String(64)),
    Column("tracestate", String(512)),
    Column("total", Integer, nullable=False, server_default=text("0")),
    Column("holder", String(64)),
    Column("lease_until", Float(53)),
    Index("batches_owner", "owner", "created", "id"),
    Index("batches_status", "status", "created"),
)

# One row a line of a batch, claimed like a job. `pictures` are names and lengths, `answer` is the rest of the body.
batch_lines = Table(
    "batch_lines",
    metadata,
    Column("batch_id", String(64), ForeignKey("batches.id", ondelete="CASCADE"), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("custom_id", Text),
    Column("body", JSON(none_as_null=True)),
    Column("state", String(16), nullable=False),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("status", Integer),
    Column("answer", JSON(none_as_null=True)),
    Column("pictures", JSON(none_as_null=True)),
    Column("error_code", Text),
    Column("error_message", Text),
    Column("holder", String(64)),
    Column("lease_until", Float(53)),
    Column("began_with", Text),
    Index("batch_lines_state", "batch_id", "state", "tries", "place"),
    Index(
        "batch_lines_held",
        "holder",
        sqlite_where=text("holder IS NOT NULL"),
    ),
)
