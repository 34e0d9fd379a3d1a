"""Full text search over prompts: SQLite's FTS5."""

# Tested in tests/contracts/test_job_port.py.

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
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

from safelight.adapters.sql.schema import jobs
from safelight.adapters.sql.search_words import Phrase, phrases_of, words_of

_INDEX: TableClause = table("jobs_text", column("rowid"))
_PLUS: custom_op[Any] = custom_op("+")
# The index holds no text, so that what goes out of it is said as it was put in.
_PUT = text("INSERT INTO jobs_text(rowid, words, owner) VALUES (:number, :words, :owner)")
_TAKE = text("INSERT INTO jobs_text(jobs_text, rowid, words, owner) VALUES ('delete', :number, :words, :owner)")


class FullTextIndex:
    """A `Search` with FTS5. What `newest_containing` asks for, the index gives newest first by itself."""

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

    def newest_containing(self, wanted: str, owner: str, before: int | None) -> Select[*tuple[Any, ...]] | None:
        """The index gives them in that order, one by one, so that the first page of a common word is there after fifty
        (4 ms).

        The plus keeps SQLite from asking the index about each job instead (https://sqlite.org/optoverview.html#uplus).
        """
        found = _match(wanted, owner)
        if found is None:
            return None
        joined = select(jobs).join(_INDEX, _INDEX.c.rowid == jobs.c.number).where(found)
        joined = joined.where(_unindexed(jobs.c.owner) == owner, _unindexed(jobs.c.listed) == true())
        if before is not None:
            joined = joined.where(_INDEX.c.rowid < before)
        return joined.order_by(_INDEX.c.rowid.desc())


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
