"""What was drawn for whom: the ledger, what it adds up to, and what is under way of quotas."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Float, Index, Integer, String, Table, Text

from safelight.adapters.sql.schema.base import metadata

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
