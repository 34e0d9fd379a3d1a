"""The use cases of batches: made, looked at, cancelled, forgotten."""

# Tested in tests/api/test_batches.py.

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from safelight.contract.errors import NotFound, SafelightError
from safelight.contract.records.batches import Batch
from safelight.contract.requests.trace import NO_TRACE, TraceContext
from safelight.service.batches.files import BatchFiles, no_file
from safelight.service.batches.runner import BatchRunner
from safelight.service.ports.stores.batches import BatchStore

KEEP_SECONDS = 30 * 86_400.0
_ROUND_SECONDS = 60.0
_AT_ONCE = 100

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Batches:
    """`files` and `runner` are their own use cases; `clock` gives Unix seconds."""

    store: BatchStore
    files: BatchFiles
    runner: BatchRunner
    clock: Callable[[], float] = time.time

    async def create(
        self,
        owner: str,
        endpoint: str,
        file_id: str,
        metadata: dict[str, str] | None,
        trace: TraceContext = NO_TRACE,
    ) -> Batch:
        """Make a batch of an uploaded file. It is on disk when this returns, and read from then on. `trace` is the span
        of the request.

        Raises:
            NotFound: there is no such file of that owner's.
        """
        file = await self.store.file(owner, file_id)
        if file is None or file.purpose != "batch":
            raise no_file("input_file_id")
        batch = Batch(
            id=f"batch_{secrets.token_hex(12)}",
            owner=owner,
            endpoint=endpoint,
            input_file_id=file_id,
            created=self.clock(),
            metadata=metadata,
            traceparent=trace.traceparent or None,
            tracestate=trace.tracestate or None,
        )
        await self.store.add(batch)
        self.runner.wake()
        return batch

    async def get(self, owner: str, batch_id: str) -> Batch:
        """One batch as it stands.

        Raises:
            NotFound: there is none of that owner.
        """
        return _there(await self.store.get(owner, batch_id))

    async def page(self, owner: str, limit: int, after: str | None) -> Sequence[Batch]:
        """An owner's batches, newest first."""
        return await self.store.page(owner, limit, after)

    async def cancel(self, owner: str, batch_id: str) -> Batch:
        """Draw a batch no further: the lines that wait become error lines. One that has ended stays as it is.

        Raises:
            NotFound: there is none of that owner.
        """
        batch = _there(await self.store.cancel(owner, batch_id, self.clock()))
        if not batch.has_ended:
            self.runner.drop(batch_id)
        return batch

    async def forget_forever(self) -> None:
        """Forget what is older than 30 days, every minute, until cancelled. By one process for all."""
        while True:
            try:
                await self.forget()
            except SafelightError as error:
                log.error("forgetting_failed", reason=str(error))
            await asyncio.sleep(_ROUND_SECONDS)

    async def forget(self) -> int:
        """Forget uploaded files, and batches that ended, 30 days later; how many."""
        files, batches = await self.store.expired(self.clock() - KEEP_SECONDS, _AT_ONCE)
        ids = [file.id for file in files], [batch.id for batch in batches]
        if files or batches:
            await self.store.forget(*ids)
            log.info("batches_forgotten", files=len(files), batches=len(batches))
        for name in (*ids[0], *ids[1]):
            await self.files.remove(name)
        return len(files) + len(batches)


def _there(batch: Batch | None) -> Batch:
    if batch is None:
        raise NotFound("There is no such batch, or it was forgotten. GET /v1/batches lists those of your key.")
    return batch
