"""Dates beside order, what jobs weigh, how often they were begun, notes, and a search for every script."""

import sqlalchemy as sa
from alembic import op

from safelight.adapters.sql.migrations.dialects import is_sqlite

revision = "0004"
down_revision = "0003"

_NO_PICTURE = sa.text("file IS NULL AND ended IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "notes",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
    )
    for column in (
        sa.Column("created", sa.Float(53), nullable=False, server_default=sa.text("0")),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("stored_bytes", sa.BigInteger, nullable=False, server_default=sa.text("0")),
    ):
        op.add_column("jobs", column)
    _indexes()
    if is_sqlite(op.get_bind()):
        _weigh()
        _search()


def _weigh() -> None:
    # 2000: see ROW_BYTES in adapters/sql/jobs/rows.py.
    op.execute(
        "UPDATE jobs SET created = number / 1e6, "
        "stored_bytes = 2000 + length(CAST(prompt AS BLOB)) + length(CAST(request AS BLOB)) + coalesce(image_bytes, 0)"
    )


def _indexes() -> None:
    for kind in ("", "_state", "_model", "_starred"):
        name = f"jobs_owner{kind}"
        op.drop_index(name, "jobs")
        op.create_index(name, "jobs", ["owner", *([kind[1:]] if kind else []), "listed", "number", "created"])
    op.drop_index("jobs_kept", "jobs")
    op.create_index("jobs_kept", "jobs", ["starred", "ended"])
    op.create_index("jobs_stored", "jobs", ["owner", "starred", "ended", "stored_bytes"])
    op.create_index(
        "jobs_without_picture", "jobs", ["owner", "ended"], sqlite_where=_NO_PICTURE, postgresql_where=_NO_PICTURE
    )
    op.create_index("sessions_expires", "sessions", ["expires"])


def _search() -> None:
    """The index is filled by the store (revision 0006): no expression of SQL splits Chinese."""
    op.execute("DROP TRIGGER jobs_text_added")
    op.execute("DROP TRIGGER jobs_text_deleted")
    op.execute("DROP TABLE jobs_text")
    op.execute(
        "CREATE VIRTUAL TABLE jobs_text USING fts5(words, owner, content='', tokenize='unicode61 remove_diacritics 2')"
    )
