"""Keys and the ledger of requests."""

import sqlalchemy as sa
from alembic import op

from safelight.adapters.sql.migrations.dialects import arrival

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "keys",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("hint", sa.String(8), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("revoked", sa.BigInteger),
        sa.Column("models", sa.JSON(none_as_null=True)),
        *arrival(op.get_bind()),
    )
    op.create_table(
        "ledger",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("time", sa.Float(53), nullable=False),
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("drawn_by", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("seed", sa.BigInteger),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("output_format", sa.Text, nullable=False),
        sa.Column("image_bytes", sa.BigInteger, nullable=False),
        sa.Column("total_seconds", sa.Float(53), nullable=False),
        sa.Column("queue_seconds", sa.Float(53), nullable=False),
        sa.Column("wait_seconds", sa.Float(53)),
        sa.Column("encode_prompt_seconds", sa.Float(53)),
        sa.Column("denoise_seconds", sa.Float(53)),
        sa.Column("decode_seconds", sa.Float(53)),
        sa.Column("image_encode_seconds", sa.Float(53)),
        sa.Column("steps", sa.Integer),
    )
    op.create_index("ledger_time", "ledger", ["time"])
    op.create_index("ledger_key_time", "ledger", ["key_id", "time"])


def downgrade() -> None:
    op.drop_table("ledger")
    op.drop_table("keys")
