"""What processes of one database tell each other, and what it remembers by name."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, String, Table, Text

from safelight.adapters.sql.schema.base import metadata

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
