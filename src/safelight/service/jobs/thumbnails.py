"""Small pictures of finished jobs, made when they are first asked for."""

# Tested in tests/api/test_jobs.py.

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from safelight.contract.records.jobs import JobRecord, thumbnail_name
from safelight.service.ports.stores.files import FileStore

log = structlog.get_logger(__name__)


class Thumbnails:
    """`thumbnail_of` makes a small JPEG of a picture's file; it is run in a thread, once for all who ask."""

    def __init__(self, files: FileStore, thumbnail_of: Callable[[bytes], bytes]) -> None:
        self._files = files
        self._thumbnail_of = thumbnail_of
        self._making: dict[str, asyncio.Task[bytes]] = {}

    async def of(self, job: JobRecord, image: Callable[[], Awaitable[bytes]]) -> bytes:
        """The small JPEG of a job; `image` reads its picture if that is needed."""
        small = await self._files.get(thumbnail_name(job.image)) if job.image is not None else None
        if small is not None:
            return small
        making = self._making.get(job.id)
        if making is None:
            making = asyncio.create_task(self._make(job, image), name=f"thumbnail-{job.id}")
            self._making[job.id] = making
            making.add_done_callback(lambda made: self._made(job.id, made))
        return await asyncio.shield(making)  # others wait for it too

    async def _make(self, job: JobRecord, image: Callable[[], Awaitable[bytes]]) -> bytes:
        small = await asyncio.to_thread(self._thumbnail_of, await image())
        try:
            if job.image is not None:
                await self._files.put(thumbnail_name(job.image), small)
        except OSError as error:  # a full disk: it is made again when it is asked for again
            log.warning("thumbnail_not_kept", job=job.id, reason=str(error))
        return small

    def _made(self, job_id: str, made: asyncio.Task[bytes]) -> None:
        del self._making[job_id]
        if not made.cancelled():
            made.exception()  # marks it as seen: whoever asked may have left
