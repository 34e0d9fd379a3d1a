"""Full text search over prompts: SQLite's FTS5. The one place to write again for another database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, UnaryExpression, column, func, literal_column, table, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.operators import custom_op
from sqlalchemy.sql.selectable import TableClause

from safelight.adapters.sql.schema import jobs
from safelight.adapters.sql.search_words import phrases_of, words_of

_INDEX: TableClause = table("jobs_text", column("rowid"))
_PLUS: custom_op[Any] = custom_op("+")
# The index holds no text, so that what goes out of it is said as it was put in.
_PUT = text("INSERT INTO jobs_text(rowid, words, owner) VALUES (:number, :words, :owner)")
_TAKE = text("INSERT INTO jobs_text(jobs_text, rowid, words, owner) VALUES ('delete', :number, :words, :owner)")


async def put_in(connection: AsyncConnection, row: Any) -> None:
    """Have a job's prompt found."""
    await connection.execute(_PUT, _entry(row))


async def take_out(connection: AsyncConnection, rows: Sequence[Any]) -> None:
    """Have the prompts of jobs that are gone found no more."""
    if rows:
        await connection.execute(_TAKE, [_entry(row) for row in rows])


def _entry(row: Any) -> dict[str, Any]:
    return {"number": row.number, "words": words_of(row.prompt), "owner": row.owner}


def containing(query: Select[*tuple[Any, ...]], wanted: str, owner: str) -> Select[*tuple[Any, ...]]:
    """The jobs of `query` whose prompt has every word of `wanted`; the last may be the beginning of one."""
    phrases = phrases_of(wanted)
    if not phrases:
        return query.where(_has_signs(wanted))
    match = f'owner : "{owner}" AND words : ({" ".join(phrases)})'
    return query.join(_INDEX, _INDEX.c.rowid == jobs.c.number).where(literal_column("jobs_text").op("MATCH")(match))


def unindexed(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column whose index SQLite is not to use (https://sqlite.org/optoverview.html#uplus): it would go through all of
    an owner's jobs and ask the text index about each, when the text index knows them all at once.
    """
    return UnaryExpression(column, operator=_PLUS, type_=column.type)


def order_of(wanted: str | None) -> ColumnElement[int]:
    """What newest first is read from: the index itself, which then need not be sorted."""
    return _INDEX.c.rowid if wanted and phrases_of(wanted) else jobs.c.number


def _has_signs(wanted: str) -> ColumnElement[bool]:
    """For text without any word ("!?", an emoji), which no index of words can find."""
    return func.instr(jobs.c.prompt, wanted.strip()) > 0
