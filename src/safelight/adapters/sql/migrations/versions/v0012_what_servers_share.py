"""Rates, sign-in links and the name of the session's cookie, which on SQLite are a process's and a folder's own."""

import secrets

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from safelight.adapters.sql.migrations.dialects import is_sqlite

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    if is_sqlite(op.get_bind()):
        return
    op.create_table(
        "rates",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("taken", ARRAY(sa.Float(53)), nullable=False),
        sa.Column("accepted", sa.Boolean, nullable=False),
    )
    op.create_table(
        "links",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("expires", sa.Float(53), nullable=False),
    )
    op.bulk_insert(
        sa.table("notes", sa.column("name"), sa.column("text")), [{"name": "cookie", "text": secrets.token_hex(6)}]
    )
