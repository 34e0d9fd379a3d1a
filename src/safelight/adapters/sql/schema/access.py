"""Who may draw: keys, their groups, sessions of the page, and who changed what of them."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    false,
    text,
)

from safelight.adapters.sql.schema.base import metadata

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
