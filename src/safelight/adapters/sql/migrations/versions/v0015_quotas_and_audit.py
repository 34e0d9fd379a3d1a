"""Quotas of keys and groups, what counts for them, and who changed what."""

import sqlalchemy as sa
from alembic import op

from safelight.adapters.sql.migrations.dialects import is_sqlite

revision = "0015"
down_revision = "0014"

_RESERVED = sa.text("reservation IS NOT NULL")
# What was used before this is known from the ledger; of stages without a column of their own it is not added up.
_SECONDS = "coalesce(encode_prompt_seconds, 0) + coalesce(denoise_seconds, 0) + coalesce(decode_seconds, 0)"
_FINISHED = "outcome = 'finished' AND seed IS NOT NULL"
_ADD_UP = f"""
INSERT INTO usage (key_id, day, model, calls, pictures, megapixels, seconds, tokens, last)
SELECT key_id, {{day}}, model, count(*), sum(CASE WHEN {_FINISHED} THEN 1 ELSE 0 END),
       sum(CASE WHEN {_FINISHED} THEN width / 1e6 * height ELSE 0 END), sum({_SECONDS}), 0, max(time)
FROM ledger GROUP BY key_id, {{day}}, model
"""


def upgrade() -> None:
    _keys()
    _usage()
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("time", sa.Float(53), nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True)),
        sa.Column("after", sa.JSON(none_as_null=True)),
    )
    op.create_index("audit_time", "audit", ["time"])


def _keys() -> None:
    op.add_column("keys", sa.Column("admin", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("keys", sa.Column("rate_limit", sa.Integer))
    op.add_column("keys", sa.Column("key_group", sa.String(100)))
    op.add_column("keys", sa.Column("quotas", sa.JSON(none_as_null=True)))
    op.create_index("keys_group", "keys", ["key_group"])
    op.create_table(
        "key_groups",
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("quotas", sa.JSON, nullable=False),
    )


def _usage() -> None:
    op.add_column("ledger", sa.Column("device_seconds", sa.Float(53)))
    op.add_column("ledger", sa.Column("tokens", sa.BigInteger))
    op.add_column("jobs", sa.Column("reservation", sa.String(64)))
    op.create_index("jobs_reservation", "jobs", ["reservation"], sqlite_where=_RESERVED, postgresql_where=_RESERVED)
    op.create_table(
        "reservations",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("pictures", sa.Integer, nullable=False),
        sa.Column("each_pictures", sa.Integer, nullable=False),
        sa.Column("each_megapixels", sa.Float(53), nullable=False),
        sa.Column("each_seconds", sa.Float(53), nullable=False),
        sa.Column("lease_until", sa.Float(53), nullable=False),
    )
    op.create_index("reservations_key", "reservations", ["key_id"])
    op.create_table(
        "usage",
        sa.Column("key_id", sa.String(64), primary_key=True),
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("model", sa.String(200), primary_key=True),
        sa.Column("calls", sa.BigInteger, nullable=False),
        sa.Column("pictures", sa.BigInteger, nullable=False),
        sa.Column("megapixels", sa.Float(53), nullable=False),
        sa.Column("seconds", sa.Float(53), nullable=False),
        sa.Column("tokens", sa.BigInteger, nullable=False),
        sa.Column("last", sa.Float(53), nullable=False),
    )
    op.create_index("usage_day", "usage", ["day"])
    sqlite = "strftime('%Y-%m-%d', time, 'unixepoch')"
    postgres = "to_char(to_timestamp(time) AT TIME ZONE 'UTC', 'YYYY-MM-DD')"
    op.execute(_ADD_UP.format(day=sqlite if is_sqlite(op.get_bind()) else postgres))
