"""NOTIFY and LISTEN: other processes hear of changes to jobs when their transaction is through.

NOTIFY takes a lock of the whole database at each commit, so it says of changes to rows alone, never of steps.
LISTEN needs a connection of its own, and one that is the server's: a pooler of transactions loses it.
"""

# Tested in tests/contracts/test_news_port.py.

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence

import asyncpg
import msgspec
import structlog

from safelight.adapters.sql.postgres.opening import open_connection
from safelight.service.ports.news import RowChange

CHANNEL = "safelight_jobs"
# PostgreSQL takes payloads of less than 8,000 bytes; a change has some 120.
_CHANGES_AT_ONCE = 50
_AGAIN_SECONDS = 1.0
# A connection that went without a word is known by a question that nobody answers.
_ASK_SECONDS = 10.0
_ANSWER_SECONDS = 3.0

log = structlog.get_logger(__name__)


class _Told(msgspec.Struct, frozen=True, array_like=True):
    """What goes through the channel: who changed, and what."""

    process: str
    changes: tuple[RowChange, ...]


def payloads(process: str, changes: Sequence[RowChange]) -> Iterator[str]:
    """Changes that a process made, as they go through the channel."""
    for start in range(0, len(changes), _CHANGES_AT_ONCE):
        told = _Told(process, tuple(changes[start : start + _CHANGES_AT_ONCE]))
        yield msgspec.json.encode(told).decode()


class PostgresNews:
    """`JobNews`. `process` is who listens, and is not told of its own changes."""

    def __init__(self, url: str, process: str) -> None:
        self._url = url
        self._process = process
        self._is_deaf = False

    async def changes(self) -> AsyncIterator[Sequence[RowChange]]:
        while True:
            try:
                async with contextlib.aclosing(self._heard()) as heard:
                    async for changes in heard:
                        yield changes
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
                if not self._is_deaf:
                    log.warning("news_not_heard", reason=type(error).__name__, effect="changes are looked for")
                self._is_deaf = True
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _heard(self) -> AsyncGenerator[Sequence[RowChange]]:
        """What comes through one connection; nothing first, since some may have been missed before."""
        connection = await open_connection(self._url)
        try:
            arrived: asyncio.Queue[str | None] = asyncio.Queue()
            connection.add_termination_listener(lambda _: arrived.put_nowait(None))
            await connection.add_listener(CHANNEL, lambda *said: arrived.put_nowait(said[-1]))
            self._is_deaf = False
            yield ()
            while True:
                try:
                    payload = await asyncio.wait_for(arrived.get(), _ASK_SECONDS)
                except TimeoutError:
                    await connection.fetchval("SELECT 1", timeout=_ANSWER_SECONDS)
                    continue
                if payload is None:
                    raise ConnectionResetError("the server closed the connection")
                if (changes := self._read(payload)) is not None:
                    yield changes
        finally:
            connection.terminate()

    def _read(self, payload: str) -> Sequence[RowChange] | None:
        """What others changed; None of our own. What cannot be read is of a newer version: then we look."""
        try:
            told = msgspec.json.decode(payload, type=_Told)
        except msgspec.DecodeError:
            return ()
        return None if told.process == self._process else told.changes
