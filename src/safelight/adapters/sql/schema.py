"""The tables. A change here comes with a migration, and with the new `REVISION`."""

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
    MetaData,
    String,
    Table,
    Text,
    false,
    text,
)

# The newest migration; known here so that a start with nothing to migrate need not import Alembic (0.1 s).
REVISION = "0018"
# What the oldest version knows that may still work with a database of this one, beside it or started again, while the
# servers of a database are upgraded one after the other: the version before, since a migration only adds.
OLDEST_REVISION = "0013"

metadata = MetaData()
_RESERVED = text("reservation IS NOT NULL")

# Times are Unix seconds.
keys = Table(
    "keys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("hint", String(8), nullable=False),
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    Column("created", BigInteger, nullable=False),
    Column("revoked", BigInteger),
    Column("models", JSON(none_as_null=True)),
    Column("weight", Float(53), nullable=False, server_default=text("1")),
    Column("admin", Boolean, nullable=False, server_default=false()),
    Column("rate_limit", Integer),
    Column("key_group", String(100)),
    Column("quotas", JSON(none_as_null=True)),
    Index("keys_group", "key_group"),
)

# What the keys of a group may use together.
key_groups = Table(
    "key_groups",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("quotas", JSON, nullable=False),
)

# One row a request; durations are seconds, those of stages without a column by name in `more_stage_seconds`. No prompt.
# SQLite counts up only an INTEGER key by itself.
ledger = Table(
    "ledger",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("request_id", Text, nullable=False),
    Column("time", Float(53), nullable=False),
    Column("key_id", String(64), nullable=False),
    Column("model", Text, nullable=False),
    Column("drawn_by", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("seed", BigInteger),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("output_format", Text, nullable=False),
    Column("image_bytes", BigInteger, nullable=False),
    Column("total_seconds", Float(53), nullable=False),
    Column("queue_seconds", Float(53), nullable=False),
    Column("wait_seconds", Float(53)),
    Column("encode_prompt_seconds", Float(53)),
    Column("denoise_seconds", Float(53)),
    Column("decode_seconds", Float(53)),
    Column("image_encode_seconds", Float(53)),
    Column("more_stage_seconds", JSON(none_as_null=True)),
    Column("steps", Integer),
    Column("device_seconds", Float(53)),
    Column("tokens", BigInteger),
    Index("ledger_time", "time"),
    Index("ledger_key_time", "key_id", "time"),
)

# One row a generation. `number` orders and pages: the time of acceptance in microseconds, but above every number before
# it, whatever the clock did. It is SQLite's rowid, so that the full text index (search.py) gives rows newest first by
# itself. `end_number` orders endings, of all owners. Lists are ranges of one index, in which stands what they are
# filtered by, so that what does not fit is passed over without reading its row.
# `stored_bytes` is what row and picture weigh; `attempts` how often it was begun to be drawn; `tries` numbers claims.
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
    Column("stored_bytes", BigInteger, nullable=False, server_default=text("0")),
    Column("reservation", String(64)),
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
        postgresql_where=text("file IS NULL AND end_number IS NOT NULL"),
    ),
    Index(
        "jobs_held",
        "holder",
        "lease_until",
        sqlite_where=text("holder IS NOT NULL"),
        postgresql_where=text("holder IS NOT NULL"),
    ),
    Index("jobs_reservation", "reservation", sqlite_where=_RESERVED, postgresql_where=_RESERVED),
    Index(
        "jobs_unfinished",
        "number",
        sqlite_where=text("state IN ('queued', 'running')"),
        postgresql_where=text("state IN ('queued', 'running')"),
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

sessions = Table(
    "sessions",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("key_id", String(64), nullable=False),
    Column("proof", Text, nullable=False),
    Column("created", Float(53), nullable=False),
    Column("expires", Float(53), nullable=False),
    Index("sessions_expires", "expires"),
)

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
    Index("batch_lines_state", "batch_id", "state", "tries", "place"),
    Index(
        "batch_lines_held",
        "holder",
        sqlite_where=text("holder IS NOT NULL"),
        postgresql_where=text("holder IS NOT NULL"),
    ),
)

# What the database remembers by name: its own id, and when it was last at work (service/keeping/place.py).
notes = Table(
    "notes",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("text", Text, nullable=False),
)

# Numbers that only grow: of the ending that came last.
counters = Table(
    "counters",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

# Processes that draw from this database beside each other, each until its lease ends by the database's clock, and what
# each has let in of whose plain pictures, in seconds of one worker's time.
processes = Table(
    "processes",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("address", Text, nullable=False),
    Column("workers", Integer, nullable=False),
    Column("seconds", Float(53), nullable=False),
    Column("lease_until", Float(53), nullable=False),
)

# Changes of jobs that other processes cannot find in the rows once a NOTIFY was lost, for some minutes.
notices = Table(
    "notices",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("time", Float(53), nullable=False),
    Column("process", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("job_id", String(64), nullable=False),
    Column("owner", String(64), nullable=False),
    Column("listed", Boolean, nullable=False),
    Index("notices_time", "time"),
)

let_in = Table(
    "let_in",
    metadata,
    Column("process", String(64), primary_key=True),
    Column("owner", String(64), primary_key=True),
    Column("weight", Float(53), nullable=False),
    Column("seconds", Float(53), nullable=False),
)

# What the ledger adds up to, by day of UTC, key and model: written with it, in one transaction, and kept for longer.
usage = Table(
    "usage",
    metadata,
    Column("key_id", String(64), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("model", String(200), primary_key=True),
    Column("calls", BigInteger, nullable=False),
    Column("pictures", BigInteger, nullable=False),
    Column("megapixels", Float(53), nullable=False),
    Column("seconds", Float(53), nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("last", Float(53), nullable=False),
    Index("usage_day", "day"),
)

# What is under way of keys that have quotas: so much for each of so many pictures. It counts until `lease_until`, by
# the database's clock, or while an unfinished job names it.
reservations = Table(
    "reservations",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("key_id", String(64), nullable=False),
    Column("day", String(10), nullable=False),
    Column("pictures", Integer, nullable=False),
    Column("each_pictures", Integer, nullable=False),
    Column("each_megapixels", Float(53), nullable=False),
    Column("each_seconds", Float(53), nullable=False),
    Column("lease_until", Float(53), nullable=False),
    Index("reservations_key", "key_id"),
)

# Who changed what of keys, groups, quotas, sessions and places, and what it was before and after. No secret.
audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("time", Float(53), nullable=False),
    Column("who", Text, nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", Text, nullable=False),
    Column("before", JSON(none_as_null=True)),
    Column("after", JSON(none_as_null=True)),
    Index("audit_time", "time"),
)
