"""The order in which jobs ended, whatever the clock said; lists and searches that read no rows but those they show."""

import sqlalchemy as sa
from alembic import op

from safelight.adapters.sql.migrations.dialects import is_sqlite
from safelight.adapters.sql.migrations.searching import fill_search

revision = "0006"
down_revision = "0005"

_NO_PICTURE = sa.text("file IS NULL AND end_number IS NOT NULL")
_FILTERS = ("state", "model", "starred")
_SIDES = ("width", "height")


def upgrade() -> None:
    op.create_table(
        "counters",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    op.add_column("jobs", sa.Column("end_number", sa.BigInteger))
    op.execute(
        "UPDATE jobs SET end_number = ranked.place FROM (SELECT number, row_number() OVER (ORDER BY ended, number) "
        "AS place FROM jobs WHERE ended IS NOT NULL) AS ranked WHERE ranked.number = jobs.number"
    )
    op.execute("INSERT INTO counters (name, value) SELECT 'endings', coalesce(max(end_number), 0) FROM jobs")
    _lists()
    _keeping()
    if is_sqlite(op.get_bind()):
        _search()
    else:
        _words()


def _lists() -> None:
    """What a list is filtered by stands in each index, so that what does not fit is passed over without its row."""
    for first in (None, *_FILTERS):
        name = "_".join(["jobs_owner", *([first] if first else [])])
        others = [column for column in _FILTERS if column != first]
        op.drop_index(name, "jobs")
        op.create_index(
            name, "jobs", ["owner", *([first] if first else []), "listed", "number", "created", *others, *_SIDES]
        )


def _keeping() -> None:
    op.drop_index("jobs_owner_ended", "jobs")
    op.create_index("jobs_owner_end", "jobs", ["owner", "listed", "end_number"])
    op.drop_index("jobs_kept", "jobs")
    op.create_index("jobs_kept", "jobs", ["starred", "listed", "ended"])
    op.drop_index("jobs_stored", "jobs")
    op.create_index("jobs_stored", "jobs", ["owner", "starred", "end_number", "stored_bytes"])
    op.drop_index("jobs_without_picture", "jobs")
    op.create_index(
        "jobs_without_picture",
        "jobs",
        ["owner", "starred", "end_number", "file"],
        sqlite_where=_NO_PICTURE,
        postgresql_where=_NO_PICTURE,
    )


def _search() -> None:
    """Filled anew, with what `words_of` now makes of a prompt."""
    op.execute("DROP TABLE jobs_text")
    op.execute(
        "CREATE VIRTUAL TABLE jobs_text USING fts5(words, owner, content='', tokenize='unicode61 remove_diacritics 2')"
    )
    fill_search(op.get_bind())


def _words() -> None:
    """PostgreSQL begins here: it never held a job before. Without GIN's list of what is still to be sorted in, which
    every search would read (https://www.postgresql.org/docs/current/gin.html#GIN-FAST-UPDATE)."""
    op.execute(
        "CREATE TABLE jobs_text (number BIGINT PRIMARY KEY REFERENCES jobs (number) ON DELETE CASCADE, "
        "words TSVECTOR NOT NULL)"
    )
    op.execute("CREATE INDEX jobs_text_words ON jobs_text USING gin (words) WITH (fastupdate = off)")
