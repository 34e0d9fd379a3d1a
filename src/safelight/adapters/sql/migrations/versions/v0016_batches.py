"""Batches: files of requests, their lines, and what came of each."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "batch_files",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("filename", sa.Text, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("created", sa.Float(53), nullable=False),
        sa.Column("batch_id", sa.String(64)),
        sa.Column("holds", sa.String(16)),
    )
    op.create_index("batch_files_owner", "batch_files", ["owner", "created", "id"])
    op.create_index("batch_files_batch", "batch_files", ["batch_id"])
    op.create_table(
        "batches",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("input_file_id", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("created", sa.Float(53), nullable=False),
        sa.Column("begun", sa.Float(53)),
        sa.Column("cancelling", sa.Float(53)),
        sa.Column("ended", sa.Float(53)),
        sa.Column("output_file_id", sa.String(64)),
        sa.Column("error_file_id", sa.String(64)),
        sa.Column("error_code", sa.Text),
        sa.Column("error_message", sa.Text),
        sa.Column("metadata", sa.JSON(none_as_null=True)),
        sa.Column("total", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("holder", sa.String(64)),
        sa.Column("lease_until", sa.Float(53)),
    )
    op.create_index("batches_owner", "batches", ["owner", "created", "id"])
    op.create_index("batches_status", "batches", ["status", "created"])
    op.create_table(
        "batch_lines",
        sa.Column("batch_id", sa.String(64), sa.ForeignKey("batches.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("custom_id", sa.Text),
        sa.Column("body", sa.JSON(none_as_null=True)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("tries", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("status", sa.Integer),
        sa.Column("answer", sa.JSON(none_as_null=True)),
        sa.Column("pictures", sa.JSON(none_as_null=True)),
        sa.Column("error_code", sa.Text),
        sa.Column("error_message", sa.Text),
        sa.Column("holder", sa.String(64)),
        sa.Column("lease_until", sa.Float(53)),
    )
    op.create_index("batch_lines_state", "batch_lines", ["batch_id", "state", "tries", "place"])
    op.create_index(
        "batch_lines_held",
        "batch_lines",
        ["holder"],
        sqlite_where=sa.text("holder IS NOT NULL"),
        postgresql_where=sa.text("holder IS NOT NULL"),
    )
