"""NOTIFY and LISTEN: other processes hear of changes to jobs when their transaction is through.

NOTIFY takes a lock of the whole database at each commit, so it says of changes to rows alone, never of steps.
What a look at the jobs would not find is kept besides, for a few minutes (`notices.py`), and looked for.
LISTEN needs a connection of its own, and one that is the server's: a pooler of transactions loses it.
"""

# Tested in tests/contracts/test_news_port.py.

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from typing import Any

import asyncpg
import msgspec
import structlog

from safelight.adapters.sql.postgres.notices import KINDS, MISSED
from safelight.adapters.sql.postgres.opening import open_connection
from safelight.service.ports.processes.news import RowChange

CHANNEL = "safelight_jobs"
LISTENER = "safelight listens"
# PostgreSQL takes payloads of less than 8,000 bytes; a change with its notice has some 160.
_CHANGES_AT_ONCE = 40
_AGAIN_SECONDS = 1.0
# What was lost on the way is looked for: it is told within 5 s, with the half second that notices are left to come by
# themselves. A connection that went without a word is known by the same question, which nobody answers.
_LOOK_SECONDS = 3.5
_ANSWER_SECONDS = 3.0
# Notices are looked for a minute back.
_KNOWN_SECONDS = 120.0

# The last: a question was put while the server's goodbye had come and was not read yet.
_BROKEN = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError, asyncpg.InternalClientError)

log = structlog.get_logger(__name__)


class _Told(msgspec.Struct, frozen=True, array_like=True):
    """What goes through the channel: who changed, and what. `notices` are the ids of those that are kept as well."""

    process: str
    changes: tuple[RowChange, ...]
    notices: tuple[str, ...] = ()


def payloads(process: str, changes: Sequence[RowChange], notices: Sequence[str] = ()) -> Iterator[str]:
    """Changes that a process made, as they go through the channel; `notices`, if any, has an id for each, or ""."""
    for start in range(0, len(changes), _CHANGES_AT_ONCE):
        part = slice(start, start + _CHANGES_AT_ONCE)
        told = _Told(process, tuple(changes[part]), tuple(filter(None, notices[part])))
        yield msgspec.json.encode(told).decode()


class PostgresNews:
    """`JobNews`. `process` is who listens, and is not told of its own changes."""

    def __init__(self, url: str, process: str) -> None:
        self._url = url
        self._process = process
        self._is_deaf = False
        self._known: dict[str, float] | None = None

    async def changes(self) -> AsyncIterator[Sequence[RowChange]]:
        while True:
            try:
                async with contextlib.aclosing(self._heard()) as heard:
                    async for changes in heard:
                        yield changes
            except _BROKEN as error:
                if not self._is_deaf:
                    log.warning("news_not_heard", reason=type(error).__name__, effect="changes are looked for")
                self._is_deaf = True
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _heard(self) -> AsyncGenerator[Sequence[RowChange]]:
        """What comes through one connection; nothing first, since some may have been missed before."""
        connection = await open_connection(self._url, LISTENER)
        try:
            arrived: asyncio.Queue[str | None] = asyncio.Queue()
            connection.add_termination_listener(lambda _: arrived.put_nowait(None))
            await connection.add_listener(CHANNEL, lambda *said: arrived.put_nowait(said[-1]))
            self._is_deaf = False
            if self._known is None:  # whoever begins to watch is shown how everything is
                await self._missed(connection)
            yield ()
            look = time.monotonic()
            while True:
                try:
                    left = look - time.monotonic()
                    if left <= 0:  # however much arrives
                        raise TimeoutError
                    async with asyncio.timeout(left):
                        payload = await arrived.get()
                except TimeoutError:
                    # What has arrived comes first, in its order. Of the rest a look tells what is late.
                    for _ in range(arrived.qsize()):
                        if (changes := self._read(arrived.get_nowait())) is not None:
                            yield changes
                    if missed := await self._missed(connection):
                        yield missed
                    look = time.monotonic() + _LOOK_SECONDS
                    continue
                if (changes := self._read(payload)) is not None:
                    yield changes
        finally:
            connection.terminate()

    def _read(self, payload: str | None) -> Sequence[RowChange] | None:
        """What others changed; None of our own, and of what a look has told before it came. What cannot be read is of a
        newer version: then we look.

        Raises:
            ConnectionResetError: it is the end of the connection.
        """
        if payload is None:
            raise ConnectionResetError("the server closed the connection")
        try:
            told = msgspec.json.decode(payload, type=_Told)
        except msgspec.DecodeError:
            return ()
        if told.process == self._process:
            return None
        changes = self._untold(told)
        self._know(told.notices)
        return changes or None

    def _untold(self, told: _Told) -> Sequence[RowChange]:
        """Without those that a look has found: one that is late on its way is not told twice."""
        notices, known = iter(told.notices), self._known or {}
        return tuple(change for change in told.changes if change.kind not in KINDS or next(notices, "") not in known)

    async def _missed(self, connection: Any) -> Sequence[RowChange]:
        """What was kept of the last minute, and has not come by itself."""
        rows = await connection.fetch(MISSED, self._process, timeout=_ANSWER_SECONDS)
        known = self._known or {}
        missed = [row for row in rows if row["id"] not in known]
        self._know([row["id"] for row in missed])
        return [RowChange(row["kind"], row["job_id"], row["owner"], row["listed"]) for row in missed]

    def _know(self, notices: Sequence[str]) -> None:
        now = time.monotonic()
        kept = {notice: at for notice, at in (self._known or {}).items() if now - at < _KNOWN_SECONDS}
        self._known = kept | dict.fromkeys(notices, now)
