"""Filling SQLite's full text index anew: no expression of SQL splits Chinese."""

# Tested in tests/adapters/sql/test_migrations.py.

from __future__ import annotations

import sqlalchemy as sa

from safelight.adapters.sql.search_words import words_of

_AT_ONCE = 500
_ADD = sa.text("INSERT INTO jobs_text(rowid, words, owner) VALUES (:number, :words, :owner)")
_PAGE = sa.text("SELECT number, prompt, owner FROM jobs WHERE number > :last ORDER BY number LIMIT :limit")


def fill_search(connection: sa.Connection) -> None:
    """Put all prompts into an index that is empty."""
    last = -1
    while rows := connection.execute(_PAGE, {"last": last, "limit": _AT_ONCE}).all():
        added = [{"number": row.number, "words": words_of(row.prompt), "owner": row.owner} for row in rows]
        connection.execute(_ADD, added)
        last = rows[-1].number
