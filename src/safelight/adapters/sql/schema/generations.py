"""Jobs, and what makes two requests for one the same."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    text,
)

from safelight.adapters.sql.schema.base import metadata

_RESERVED = text("reservation IS NOT NULL")

# One row a generation. `number` orders and pages: the time of acceptance in microseconds, but above every number before
# it, whatever the clock did. It is SQLite's rowid, so that the full text index (search.py) gives rows newest first by
# itself. `end_number` orders endings, of all owners. Lists are ranges of one index, in which stands what they are
# filtered by, so that what does not fit is passed over without reading its row.
# `stored_bytes` is what row and picture weigh; `attempts` how often it was begun to be drawn; `tries` numbers claims.
# `began_with` is the fingerprint of the model that began to draw it last.
# The `holder` draws it until `lease_until`, by the database's clock, or longer where nobody else takes it.
jobs = Table(
    "jobs",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("id", String(64), nullable=False, unique=True),
    Column("owner", String(64), nullable=False),
    Column("request_id", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("drawn_by", Text, nullable=False),
    Column("prompt", Text, nullable=False),
    Column("revised_prompt", Text),
    Column("request", JSON, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("output_format", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("created", Float(53), nullable=False, server_default=text("0")),
    Column("started", Float(53)),
    Column("ended", Float(53)),
    Column("end_number", BigInteger),
    Column("starred", Boolean, nullable=False),
    Column("listed", Boolean, nullable=False),
    Column("error_code", Text),
    Column("error_message", Text),
    Column("file", Text),
    Column("image_bytes", BigInteger),
    Column("fingerprint", Text),
    Column("prompt_cuts", JSON(none_as_null=True)),
    Column("average_color", String(7)),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("holder", String(64)),
    Column("lease_until", Float(53)),
    Column("began_with", Text),
    Column("stored_bytes", BigInteger, nullable=False, server_default=text("0")),
    Column("reservation", String(64)),
    Column("traceparent", String(64)),
    Column("tracestate", String(512)),
    Index("jobs_owner", "owner", "listed", "number", "created", "state", "model", "starred", "width", "height"),
    Index("jobs_owner_state", "owner", "state", "listed", "number", "created", "model", "starred", "width", "height"),
    Index("jobs_owner_model", "owner", "model", "listed", "number", "created", "state", "starred", "width", "height"),
    Index("jobs_owner_starred", "owner", "starred", "listed", "number", "created", "state", "model", "width", "height"),
    Index("jobs_owner_end", "owner", "listed", "end_number"),
    Index("jobs_kept", "starred", "listed", "ended"),
    Index("jobs_stored", "owner", "starred", "end_number", "stored_bytes"),
    Index(
        "jobs_without_picture",
        "owner",
        "starred",
        "end_number",
        "file",  # always empty: so that counting needs no row
        sqlite_where=text("file IS NULL AND end_number IS NOT NULL"),
    ),
    Index(
        "jobs_held",
        "holder",
        "lease_until",
        sqlite_where=text("holder IS NOT NULL"),
    ),
    Index("jobs_reservation", "reservation", sqlite_where=_RESERVED),
    Index(
        "jobs_unfinished",
        "number",
        sqlite_where=text("state IN ('queued', 'running')"),
    ),
)

# What a caller's Idempotency-Key stands for; it goes with its job.
idempotency = Table(
    "idempotency",
    metadata,
    Column("owner", String(64), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("digest", LargeBinary(32), nullable=False),
    Column("job_id", String(64), ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("created", Float(53), nullable=False),
    Index("idempotency_created", "created"),
    Index("idempotency_job", "job_id"),
)
