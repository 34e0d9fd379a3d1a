"""The ledger in SQL, written behind the requests' backs."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import Any

import structlog
from sqlalchemy import insert

from safelight.adapters.sql.access.usage import add_up
from safelight.adapters.sql.dialect import Dialect
from safelight.adapters.sql.schema import ledger
from safelight.contract.errors import SafelightError, StoreUnavailable
from safelight.contract.models.stages import STAGES
from safelight.protocol.times import Timings
from safelight.service.ports.stores.ledger import LedgerEntry
from safelight.service.ports.telemetry import LedgerLost, Telemetry

# About 10 MB of entries: minutes of a busy server while a disk is slow. What comes beyond is counted as lost.
CAPACITY = 10_000
BATCH = 500
# An entry waits so long for others: a transaction takes the processor 3 ms, on which the answer is on its way.
GATHER_SECONDS = 0.25
_AGAIN_SECONDS = 1.0

# The stages that have a column of their own; the seconds of any other stand together in `more_stage_seconds`.
_COLUMNS = {stage: f"{stage}_seconds" for stage in STAGES if f"{stage}_seconds" in ledger.columns}

_log = structlog.get_logger(__name__)


class SqlLedger:
    """A `Ledger` with one background task that writes whatever has gathered, in batches.

    Entries gather for a moment, unless somebody waits for them or a batch is full. While one batch is being written the
    next gathers, so a slow disk makes batches larger and not requests slower. While the database is away they gather
    too. Entries that cannot be kept are counted in `Telemetry.ledger_lost`, and an outage is logged once.
    """

    def __init__(self, dialect: Dialect, telemetry: Telemetry, capacity: int) -> None:
        self._dialect = dialect
        self._telemetry = telemetry
        self._capacity = capacity
        self._pending: deque[LedgerEntry] = deque()
        self._arrived = asyncio.Event()
        self._hurried = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closing = False
        self._closed = asyncio.Event()
        self._failing = False
        self._writer = asyncio.get_running_loop().create_task(self._write_behind(), name="ledger")

    def write(self, entry: LedgerEntry) -> None:
        if self._closing or len(self._pending) >= self._capacity:
            self._lose(1, "more requests than the disk can note")
            return
        self._pending.append(entry)
        self._idle.clear()
        self._arrived.set()
        if len(self._pending) >= BATCH:
            self._hurried.set()

    async def settled(self) -> None:
        """Returns when nothing is pending any more: written or lost."""
        self._hurried.set()
        await self._idle.wait()

    async def close(self) -> None:
        self._closing = True
        self._hurried.set()
        self._closed.set()
        self._arrived.set()
        await self._writer

    async def _write_behind(self) -> None:
        while self._pending or not self._closing:
            await self._arrived.wait()
            self._arrived.clear()
            await self._gather()
            while self._pending:
                batch = [self._pending.popleft() for _ in range(min(BATCH, len(self._pending)))]
                if not await self._write_batch(batch):
                    self._pending.extendleft(reversed(batch))
                    await self._a_while()
            self._idle.set()

    async def _gather(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(GATHER_SECONDS):
                await self._hurried.wait()
        self._hurried.clear()

    async def _a_while(self) -> None:
        """Until it is worth trying again, or this is closed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_AGAIN_SECONDS):
                await self._closed.wait()

    async def _write_batch(self, batch: list[LedgerEntry]) -> bool:
        """Whether it is done with: written, or lost. False while the database is away: it is tried again."""
        try:
            async with self._dialect.writing() as connection:
                await connection.execute(insert(ledger), [_row(entry) for entry in batch])
                await add_up(self._dialect, connection, batch)
        except StoreUnavailable as error:
            if not self._closing:
                return False
            self._lose(len(batch), str(error))
        except (SafelightError, OSError) as error:
            self._lose(len(batch), str(error))
        else:
            if self._failing:
                self._failing = False
                _log.info("ledger_recovered")
        return True

    def _lose(self, entries: int, why: str) -> None:
        self._telemetry.note(LedgerLost(entries=entries))
        if not self._failing:
            self._failing = True
            _log.error("ledger_lost", reason=why, effect="requests are served, but not noted")


def _row(entry: LedgerEntry) -> dict[str, Any]:
    timings = entry.timings
    return {
        "request_id": entry.request_id,
        "time": entry.time,
        "key_id": entry.key_id,
        "model": entry.model,
        "drawn_by": entry.drawn_by,
        "outcome": entry.outcome,
        "seed": entry.seed,
        "width": entry.width,
        "height": entry.height,
        "output_format": entry.output_format,
        "image_bytes": entry.image_bytes,
        "total_seconds": entry.total_seconds,
        "queue_seconds": entry.queue_seconds,
        "wait_seconds": timings and timings.wait,
        **{column: timings and timings.of(stage) for stage, column in _COLUMNS.items()},
        "more_stage_seconds": timings and _without_column(timings),
        "image_encode_seconds": timings and timings.image_encode,
        "steps": timings and len(timings.steps),
        "device_seconds": entry.device_seconds,
        "tokens": entry.tokens,
    }


def _without_column(timings: Timings) -> dict[str, float] | None:
    return {stage: seconds for stage, seconds in timings.stages.items() if stage not in _COLUMNS} or None
