"""Full text search over prompts: a `tsvector` of the same words that SQLite's index is given, under a GIN index."""

# Tested in tests/contracts/test_job_port.py.

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, bindparam, cast, column, false, insert, literal, select, table
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR
from sqlalchemy.ext.asyncio import AsyncConnection

from safelight.adapters.sql.schema import jobs
from safelight.adapters.sql.search_words import Phrase, phrases_of, words_of

_INDEX = table("jobs_text", column("number"), column("words", TSVECTOR))
_PUT = insert(_INDEX).values(number=bindparam("number"), words=cast(bindparam("placed", type_=Text), TSVECTOR))
# A tsvector takes words of 2,046 bytes; nobody types a word of this length to the end.
_LONGEST_WORD = 200
# Letters that nobody types, before an owner: one key's search does not read everybody's words.
_OWNER = "\ue001"


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
        if query is None:
            return false()
        return jobs.c.number.in_(select(_INDEX.c.number).where(_INDEX.c.words.op("@@")(query)))

    def newest_containing(self, wanted: str, owner: str, before: int | None) -> Select[*tuple[Any, ...]] | None:
        return None


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
