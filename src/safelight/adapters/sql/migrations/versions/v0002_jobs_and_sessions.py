"""Durable jobs with their full text index, idempotency keys, and the page's sessions."""

import sqlalchemy as sa
from alembic import op

from safelight.adapters.sql.migrations.dialects import arrival, is_sqlite

revision = "0002"
down_revision = "0001"

_UNFINISHED = sa.text("state IN ('queued', 'running')")


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("drawn_by", sa.Text, nullable=False),
        sa.Column("prompt", sa.Text, nullable=False),
        sa.Column("request", sa.JSON, nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("output_format", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("started", sa.Float(53)),
        sa.Column("ended", sa.Float(53)),
        sa.Column("starred", sa.Boolean, nullable=False),
        sa.Column("listed", sa.Boolean, nullable=False),
        sa.Column("error_code", sa.Text),
        sa.Column("error_message", sa.Text),
        sa.Column("file", sa.Text),
        sa.Column("image_bytes", sa.BigInteger),
        sa.Column("fingerprint", sa.Text),
    )
    op.create_index("jobs_owner", "jobs", ["owner", "listed", "number"])
    op.create_index("jobs_owner_state", "jobs", ["owner", "state", "listed", "number"])
    op.create_index("jobs_owner_model", "jobs", ["owner", "model", "listed", "number"])
    op.create_index("jobs_owner_starred", "jobs", ["owner", "starred", "listed", "number"])
    op.create_index("jobs_owner_ended", "jobs", ["owner", "ended"])
    op.create_index("jobs_kept", "jobs", ["starred", "ended", "image_bytes"])
    op.create_index("jobs_unfinished", "jobs", ["number"], sqlite_where=_UNFINISHED, postgresql_where=_UNFINISHED)
    op.create_table(
        "idempotency",
        sa.Column("owner", sa.String(64), primary_key=True),
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("job_id", sa.String(64), sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
        sa.Column("created", sa.Float(53), nullable=False),
    )
    op.create_index("idempotency_created", "idempotency", ["created"])
    op.create_index("idempotency_job", "idempotency", ["job_id"])
    op.create_table(
        "sessions",
        sa.Column("digest", sa.LargeBinary(32), primary_key=True),
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("proof", sa.Text, nullable=False),
        sa.Column("created", sa.Float(53), nullable=False),
        sa.Column("expires", sa.Float(53), nullable=False),
        *arrival(op.get_bind()),
    )
    if is_sqlite(op.get_bind()):
        _search()


def _search() -> None:
    # FTS5 over the table itself (https://sqlite.org/fts5.html#external_content_tables): it holds no second copy of
    # the prompts. The owner is indexed too, so that one key's search does not read everybody's.
    op.execute(
        "CREATE VIRTUAL TABLE jobs_text USING fts5(prompt, owner, content='jobs', content_rowid='number', "
        "tokenize='unicode61 remove_diacritics 2')"
    )
    op.execute(
        "CREATE TRIGGER jobs_text_added AFTER INSERT ON jobs BEGIN "
        "INSERT INTO jobs_text(rowid, prompt, owner) VALUES (new.number, new.prompt, new.owner); END"
    )
    op.execute(
        "CREATE TRIGGER jobs_text_deleted AFTER DELETE ON jobs BEGIN "
        "INSERT INTO jobs_text(jobs_text, rowid, prompt, owner) "
        "VALUES ('delete', old.number, old.prompt, old.owner); END"
    )


def downgrade() -> None:
    for table in ("jobs_text", "sessions", "idempotency", "jobs"):
        op.drop_table(table)
