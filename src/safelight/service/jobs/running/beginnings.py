"""What a job's drawing was begun with, kept for whoever has to draw it again."""

# Tested in tests/service/test_job_drawing.py.

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import structlog

from safelight.contract.errors import SafelightError
from safelight.contract.jobs import JobRecord
from safelight.service.drawing.drawing import Drawing
from safelight.service.ports.jobs import Hold, JobStore

log = structlog.get_logger(__name__)


class Beginnings:
    """Writes to the store beside the drawing, which waits for nothing of it."""

    def __init__(self, store: JobStore) -> None:
        self._store = store

    @contextlib.contextmanager
    def kept(self, job: JobRecord, drawing: Drawing) -> Iterator[None]:
        """While this is entered, keep with a job that is ours which fingerprint draws it."""
        told: asyncio.Queue[str] = asyncio.Queue()
        writing = asyncio.create_task(self._write(job, told), name=f"begin-{job.id}")
        try:
            with drawing.begins(told.put_nowait):
                yield
        finally:
            writing.cancel()

    async def _write(self, job: JobRecord, told: asyncio.Queue[str]) -> None:
        known, hold = job.course.began_with, Hold.of(job)
        while hold is not None:
            fingerprint = await told.get()
            if fingerprint == known:
                continue
            try:
                await self._store.begun(hold, fingerprint)
            except SafelightError as error:
                effect = "should it be taken over, any fingerprint draws it"
                log.warning("beginning_not_kept", job=job.id, reason=str(error), effect=effect)
            else:
                known = fingerprint
