"""How a batch begins and ends: its input becomes lines, and their answers become files."""

# Tested in tests/api/test_batches.py.

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable

import structlog

from safelight.contract.records.batches import MOST_LINES, Batch, Line, LineState, StoredFile
from safelight.contract.records.jobs import JobError
from safelight.service.batches.answers import size_of
from safelight.service.batches.reading import LineReader, split
from safelight.service.ports.stores.batches import BatchStore

_READ_AT_ONCE = 500

log = structlog.get_logger(__name__)

Content = Callable[[StoredFile], AsyncIterator[bytes]]


class BatchCourse:
    """`content` gives an uploaded file's bytes. `holder` is the name under which this process reads batches. A line may
    have `most_line_bytes`."""

    def __init__(
        self, store: BatchStore, content: Content, holder: str, most_line_bytes: int, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._content = content
        self._holder = holder
        self._most_line_bytes = most_line_bytes
        self._clock = clock

    async def read(self, batch: Batch) -> bool:
        """Every line of the input becomes a line of the batch; whether all were read. Cut short, it is read from the
        start, and what is there already stays."""
        reader, lines = LineReader(batch.id, batch.endpoint), list[Line]()
        file = await self._store.file(batch.owner, batch.input_file_id)
        if file is None:
            await self._fail(batch, "input_file_gone", "The input file was deleted before it was read.")
            return False
        async for place, content in split(self._content(file), self._most_line_bytes):
            lines.append(reader.read(place, content))
            if reader.count > MOST_LINES:
                await self._fail(batch, "too_many_lines", f"The input has more than {MOST_LINES} lines. Split it.")
                return False
            if len(lines) == _READ_AT_ONCE:
                if not await self._store.put_lines(batch.id, self._holder, lines):
                    return False
                lines = []
        if not reader.count:
            await self._fail(batch, "empty_file", "The input has no line.")
        elif await self._store.put_lines(batch.id, self._holder, lines):
            await self._store.begin(batch.id, self._holder, self._clock(), reader.count)
            log.info("batch_begins", batch=batch.id, lines=reader.count)
        return True

    async def _fail(self, batch: Batch, code: str, message: str) -> None:
        await self._store.fail(batch.id, self._holder, self._clock(), JobError(code, message))

    async def end(self, batch: Batch) -> None:
        """End a batch of which nothing waits: its answers become files."""
        if await self._store.waiting(batch.id):
            return
        files = [await self._answers(batch, "answered"), await self._answers(batch, "failed")]
        ended = await self._store.finish(batch.id, self._clock(), [file for file in files if file is not None])
        if ended is not None:
            log.info("batch_ended", batch=batch.id, status=ended.status, failed=ended.counts.failed)

    async def _answers(self, batch: Batch, holds: LineState) -> StoredFile | None:
        size = await size_of(self._store, batch.id, holds)
        if not size:
            return None
        return StoredFile(
            id=f"file-{secrets.token_hex(12)}",
            owner=batch.owner,
            purpose="batch_output",
            filename=f"{batch.id}_{'output' if holds == 'answered' else 'error'}.jsonl",
            bytes=size,
            created=self._clock(),
            batch_id=batch.id,
            holds=holds,
        )
