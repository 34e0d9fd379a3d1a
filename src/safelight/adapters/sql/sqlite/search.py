"""Full text search over prompts: SQLite's FTS5."""

# Tested in tests/contracts/test_job_port.py.

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    UnaryExpression,
    column,
    false,
    literal_column,
    select,
    table,
    text,
    true,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.operators import custom_op
from sqlalchemy.sql.selectable import TableClause

from safelight.adapters.sql.dialect import TextSearch
from safelight.adapters.sql.schema import jobs
from safelight.adapters.sql.search_words import Phrase, phrases_of, words_of

_INDEX: TableClause = table("jobs_text", column("rowid"))
_PLUS: custom_op[Any] = custom_op("+")
# The index holds no text, so that what goes out of it is said as it was put in.
_PUT = text("INSERT INTO jobs_text(rowid, words, owner) VALUES (:number, :words, :owner)")
_TAKE = text("INSERT INTO jobs_text(jobs_text, rowid, words, owner) VALUES ('delete', :number, :words, :owner)")


class FullTextIndex:
    """A `Search` with FTS5, which has the beginnings of words in one and two letters as well (revision 0014)."""

    async def put_in(self, connection: AsyncConnection, rows: Sequence[Any]) -> None:
        await connection.execute(_PUT, [_entry(row) for row in rows])

    async def take_out(self, connection: AsyncConnection, rows: Sequence[Any]) -> None:
        if rows:
            await connection.execute(_TAKE, [_entry(row) for row in rows])

    def containing(self, wanted: str, owner: str) -> ColumnElement[bool]:
        """The numbers of all that do are listed once (12 ms for 80,000), and rows are read of those alone that are
        shown."""
        found = _match(wanted, owner)
        return false() if found is None else jobs.c.number.in_(select(_INDEX.c.rowid).where(found))

    async def newest(self, connection: AsyncConnection, asked: TextSearch, limit: int) -> Sequence[Row[Any]]:
        """Of all jobs of an owner the index gives the newest first by itself, one by one, so that the first page of a
        common word, or of a letter with which most words begin, is there after fifty (4 ms)."""
        found = _match(asked.text, asked.owner)
        if found is None:
            return ()
        if asked.every:
            query = _by_index(found, asked).order_by(_INDEX.c.rowid.desc())
        else:
            query = asked.fitting.where(self.containing(asked.text, asked.owner)).order_by(jobs.c.number.desc())
        return (await connection.execute(query.limit(limit))).all()


def _by_index(found: ColumnElement[bool], asked: TextSearch) -> Select[*tuple[Any, ...]]:
    """The plus keeps SQLite from asking the index about each job instead (https://sqlite.org/optoverview.html#uplus)."""
    joined = select(jobs).join(_INDEX, _INDEX.c.rowid == jobs.c.number).where(found)
    joined = joined.where(_unindexed(jobs.c.owner) == asked.owner, _unindexed(jobs.c.listed) == true())
    return joined if asked.before is None else joined.where(_INDEX.c.rowid < asked.before)


def _entry(row: Any) -> dict[str, Any]:
    return {"number": row.number, "words": words_of(row.prompt), "owner": row.owner}


def _match(wanted: str, owner: str) -> ColumnElement[bool] | None:
    phrases = [_said(phrase) for phrase in phrases_of(wanted)]
    if not phrases:
        return None
    return literal_column("jobs_text").op("MATCH")(f'owner : "{owner}" AND words : ({" ".join(phrases)})')


def _said(phrase: Phrase) -> str:
    return f'"{" ".join(phrase.words)}"' + ("*" if phrase.begun else "")


def _unindexed(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return UnaryExpression(column, operator=_PLUS, type_=column.type)
