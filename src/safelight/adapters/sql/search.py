"""Full text search over prompts: SQLite's FTS5. The one place to write again for another database."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import ColumnElement, Select, UnaryExpression, column, func, literal_column, table
from sqlalchemy.sql.operators import custom_op
from sqlalchemy.sql.selectable import TableClause

from safelight.adapters.sql.schema import jobs

_INDEX: TableClause = table("jobs_text", column("rowid"))
_PLUS: custom_op[Any] = custom_op("+")
# What FTS5's tokenizer takes for letters of a word: everything else separates (underscores too).
_WORD = re.compile(r"[^\W_]+")


def containing(query: Select[*tuple[Any, ...]], text: str, owner: str) -> Select[*tuple[Any, ...]]:
    """The jobs of `query` whose prompt has every word of `text`; the last word may be the beginning of one."""
    words = _WORD.findall(text)
    if not words:
        return query.where(_has_signs(text))
    phrases = " ".join(f'"{word}"' for word in words)
    match = f'owner : "{owner}" AND prompt : ({phrases}*)'
    return query.join(_INDEX, _INDEX.c.rowid == jobs.c.number).where(literal_column("jobs_text").op("MATCH")(match))


def unindexed(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column whose index SQLite is not to use (https://sqlite.org/optoverview.html#uplus): it would go through all of
    an owner's jobs and ask the text index about each, when the text index knows them all at once.
    """
    return UnaryExpression(column, operator=_PLUS, type_=column.type)


def order_of(text: str | None) -> ColumnElement[int]:
    """What newest first is read from: the index itself, which then need not be sorted."""
    return _INDEX.c.rowid if text and _WORD.search(text) else jobs.c.number


def _has_signs(text: str) -> ColumnElement[bool]:
    """For text without any word ("!?", an emoji), which no index of words can find."""
    return func.instr(jobs.c.prompt, text.strip()) > 0
