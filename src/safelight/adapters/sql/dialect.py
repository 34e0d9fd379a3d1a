"""What differs between databases: how a store reads, writes and searches, and who may change what all share."""

# Tested in tests/contracts/test_job_port.py.

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from sqlalchemy import ColumnElement, Row, Select, Table
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql.dml import Insert

from safelight.service.access.links import LinkStore
from safelight.service.ports.processes.news import JobNews, Processes, RowChange
from safelight.service.ports.stores.rates import RateCounter

Turn = Literal["numbers", "bound", "quotas"]
Names = tuple[str, ...]


@dataclass(frozen=True)
class TextSearch:
    """Which jobs are looked for: those of an owner that `fitting` selects, every word of `text` in their prompts.

    `every`: `fitting` is all that the owner's lists have, `before` that number if there is one.
    """

    text: str
    owner: str
    fitting: Select[*tuple[Any, ...]]
    before: int | None
    every: bool


class Search(Protocol):
    """The words of prompts, as one database indexes them."""

    async def put_in(self, connection: AsyncConnection, rows: Sequence[Any]) -> None:
        """Have the prompts of jobs found; one at least."""

    async def take_out(self, connection: AsyncConnection, rows: Sequence[Any]) -> None:
        """Have the prompts of jobs that are gone found no more."""

    def containing(self, wanted: str, owner: str) -> ColumnElement[bool]:
        """Whether a job of that owner has every word of `wanted` in its prompt; the last may be the beginning of
        one."""

    async def newest(self, connection: AsyncConnection, asked: TextSearch, limit: int) -> Sequence[Row[Any]]:
        """The newest of those jobs, newest first."""


class Dialect(Protocol):
    """One open database. What goes wrong in it is said in sentences.

    `process` is the name of this process among those that use it, new for every start. `news` and `processes` are None
    of one that a single process draws from, and so are `rates` and `links`: those are then that process's and its state
    folder's own. `arrival` orders rows of keys and sessions as they came. `clock` gives Unix seconds, the same to all
    processes that use it, whatever their machines' clocks say.
    """

    name: Literal["sqlite", "postgresql"]
    engine: AsyncEngine
    process: str
    news: JobNews | None
    processes: Processes | None
    search: Search
    rates: RateCounter | None
    links: LinkStore | None
    arrival: ColumnElement[Any]
    clock: Callable[[], float]

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A connection for statements that change nothing.

        Raises:
            StoreUnavailable: the database cannot be reached just now.
            ConfigurationError: it cannot be used, and what to do.
        """

    def writing(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A connection in a transaction, which is durable when this is left, and undone when it is left by an error.

        Raises:
            StoreUnavailable, ConfigurationError: as `reading`.
        """

    def snapshot(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A connection that sees the whole database as it is at one moment, for as long as it takes."""

    def rewriting(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """As `writing`, for as long as it takes."""

    async def renumber(self, connection: AsyncConnection) -> None:
        """Have what the database numbers by itself go on above what was put in with its numbers."""

    async def in_turn(self, connection: AsyncConnection, what: Turn = "numbers") -> None:
        """From here to the end of its transaction no other that called this for the same goes on: what they number by
        what was there before is in the order in which they are kept; what they let in is within one bound or quota.
        The latter need not outlive the server."""

    async def look_at_clock(self, connection: AsyncConnection) -> None:
        """Have `clock` say what the database says now."""

    async def tell(self, connection: AsyncConnection, changes: Sequence[RowChange]) -> None:
        """Have other processes told of changes to jobs, if and when this transaction is kept."""

    def put(
        self, table: Table, values: dict[str, Any], key: Sequence[str], changed: Sequence[str] | None = None
    ) -> Insert:
        """The statement that keeps a row over the one that has the same `key`; of that one only what is in `changed` is
        lost."""

    def add(self, table: Table, key: Names, sums: Names, latest: Names = ()) -> Insert:
        """The statement that adds the numbers in `sums` of rows to those of the ones that have the same `key`; of those
        in `latest` the greater stays. It is executed with such rows, and made once: to put it together takes longer
        than to run it."""

    def alone(self) -> AbstractAsyncContextManager[None]:
        """Hold the right to change the shape of the database or to make the first key: one process at a time.

        Raises:
            ConfigurationError: another process has held it for too long.
        """

    def keeper(self) -> AbstractAsyncContextManager[None]:
        """Wait for the right to take up, forget and sweep for all processes, and hold it. It ends with its process.

        Raises:
            StoreUnavailable: the right is lost, and what was done in it is cancelled.
        """

    async def prepare(self) -> None:
        """Bring the database to the shape that this version expects.

        Raises:
            ConfigurationError: it is of a newer version, or cannot be changed.
        """

    async def seen_from(self) -> str | None:
        """The address from which the server sees this process come; None of a file, or over a socket of the machine."""

    async def scrub(self, *, merge: bool) -> None:
        """Give room back, and have nothing that was deleted stay readable. `merge`: in the index of words as well."""

    async def check(self) -> str | None:
        """Look through the whole database and say what is wrong with it; None where nothing is."""


def new_process_name() -> str:
    """A name for a process among those that use a database, which no other start of it has had."""
    return f"process_{secrets.token_hex(12)}"
