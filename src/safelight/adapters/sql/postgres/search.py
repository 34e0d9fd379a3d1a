"""Full text search over prompts: a `tsvector` of the same words that SQLite's index is given, under a GIN index."""

# Tested in tests/contracts/test_job_port.py.

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    Text,
    bindparam,
    cast,
    column,
    false,
    insert,
    literal,
    select,
    table,
    true,
)
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR
from sqlalchemy.ext.asyncio import AsyncConnection

from safelight.adapters.sql.dialect import TextSearch
from safelight.adapters.sql.schema import jobs
from safelight.adapters.sql.search_words import Phrase, phrases_of, words_of

_INDEX = table("jobs_text", column("number"), column("words", TSVECTOR))
_PUT = insert(_INDEX).values(number=bindparam("number"), words=cast(bindparam("placed", type_=Text), TSVECTOR))
# A tsvector takes words of 2,046 bytes; nobody types a word of this length to the end.
_LONGEST_WORD = 200
# Letters that nobody types, before an owner: one key's search does not read everybody's words.
_OWNER = "\ue001"
# Among so many of the newest jobs a word is looked for one by one (1.5 ms at rest).
_NEAR = 1000
Rows = Select[*tuple[Any, ...]]


class WordIndex:
    """A `Search` in a table beside the jobs: a change of a job's state then writes no words again. What goes out of the
    table of jobs goes out of this one by its foreign key."""

    async def put_in(self, connection: AsyncConnection, rows: Sequence[Any]) -> None:
        entries = [{"number": row.number, "placed": _placed(row.prompt, row.owner)} for row in rows]
        await connection.execute(_PUT, entries)

    async def take_out(self, connection: AsyncConnection, rows: Sequence[Any]) -> None:
        """See the class."""

    def containing(self, wanted: str, owner: str) -> ColumnElement[bool]:
        query = _query(wanted, owner)
        return false() if query is None else jobs.c.number.in_(_numbers(query))

    async def newest(self, connection: AsyncConnection, asked: TextSearch, limit: int) -> Sequence[Row[Any]]:
        """Common words are met among the newest; others are few, and GIN knows where. PostgreSQL would choose one of
        these ways by how common a word is in all, and read half of the table where it stands in old prompts alone."""
        query = _query(asked.text, asked.owner)
        if query is None:
            return ()
        near = list((await connection.execute(_among_newest(asked.fitting, query, limit))).all())
        if len(near) == limit:
            return near
        numbers = _numbers_of(asked.fitting).order_by(jobs.c.number.desc())
        next_one = (await connection.execute(numbers.offset(_NEAR).limit(1))).scalar_one_or_none()
        if next_one is None:
            return near
        far = _from(int(next_one), asked.fitting, query, limit - len(near))
        return near + list((await connection.execute(far)).all())


def _among_newest(fitting: Rows, query: ColumnElement[Any], limit: int) -> Rows:
    """Job by job, until there are enough. A lateral subquery is not turned into another plan."""
    newest = _numbers_of(fitting).order_by(jobs.c.number.desc()).limit(_NEAR).subquery()
    holds = _INDEX.c.words.op("@@")(query)
    found = select(_INDEX.c.number).where(_INDEX.c.number == newest.c.number, holds).limit(1).lateral()
    return _rows(
        select(newest.c.number).select_from(newest.join(found, true())).order_by(newest.c.number.desc()), limit
    )


def _from(number: int, fitting: Rows, query: ColumnElement[Any], limit: int) -> Rows:
    """From that job on backwards: first all numbers that GIN finds, then those of them that fit, and rows of these few
    alone."""
    found = _numbers(query).where(_INDEX.c.number <= number).cte("found").prefix_with("MATERIALIZED")
    numbers = _numbers_of(fitting).where(jobs.c.number <= number, jobs.c.number.in_(select(found.c.number)))
    return _rows(numbers.order_by(jobs.c.number.desc()), limit)


def _rows(numbers: Rows, limit: int) -> Rows:
    return select(jobs).where(jobs.c.number.in_(numbers.limit(limit))).order_by(jobs.c.number.desc())


def _numbers(query: ColumnElement[Any]) -> Rows:
    return select(_INDEX.c.number).where(_INDEX.c.words.op("@@")(query))


def _numbers_of(fitting: Rows) -> Rows:
    """The indexes of lists hold these and all that lists are filtered by."""
    return fitting.with_only_columns(jobs.c.number)


def _placed(prompt: str, owner: str) -> str:
    """A `tsvector` as it is written: each word with its place, so that words of a phrase are known to be neighbours."""
    words = [_folded(word) for word in words_of(prompt).split()]
    return " ".join([*(f"'{word}':{place}" for place, word in enumerate(words, 1) if word), _owner(owner)])


def _query(wanted: str, owner: str) -> ColumnElement[Any] | None:
    phrases = [_said(phrase) for phrase in phrases_of(wanted)]
    return cast(literal(" & ".join([_owner(owner), *phrases])), TSQUERY) if phrases else None


def _said(phrase: Phrase) -> str:
    words = [f"'{_folded(word)}'" for word in phrase.words]
    return f"({' <-> '.join(words)}{':*' if phrase.begun else ''})"


def _owner(owner: str) -> str:
    quoted = owner.replace("\\", "\\\\").replace("'", "''")
    return f"'{_OWNER}{quoted}'"


def _folded(word: str) -> str:
    """Without case and, but in kana, where they make another letter, without marks: as SQLite's tokenizer has it."""
    letters = (c if "\u3040" <= c <= "\u30ff" else unicodedata.normalize("NFD", c) for c in word.casefold())
    bare = "".join(c for c in "".join(letters) if not unicodedata.category(c).startswith("M"))
    return unicodedata.normalize("NFC", bare)[:_LONGEST_WORD]
