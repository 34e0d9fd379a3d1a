"""What must be kept is kept, as often as it takes: a full disk or a store that is away must not lose a picture."""

# Tested in tests/service/test_job_drawing.py.

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import structlog

from safelight.contract.errors import SafelightError
from safelight.service.keeping.disk_space import DiskSpace
from safelight.service.ports.stores.files import FilesAway, FileStore

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0

_T = TypeVar("_T")

log = structlog.get_logger(__name__)


async def put_firmly(
    files: FileStore, disks: DiskSpace, name: str, image: bytes, on_away: Callable[[], None] | None = None
) -> None:
    """Write a picture's file; where its disk is full or its place is away (`on_away` is told), as often as it takes.

    Raises:
        OSError: it could not be written for another reason.
    """
    pauses, patient = _pauses(), False
    while True:
        try:
            return await files.put(name, image, patient=patient)
        except FilesAway as error:
            if on_away is not None:
                on_away()
            patient = True  # whoever waits has been told
            pause = next(pauses)
            log.error("picture_waits_for_files", file=name, reason=str(error), again_in_seconds=pause)
        except OSError as error:
            if not await disks.look():
                raise
            pause = next(pauses)
            log.error("picture_waits_for_room", file=name, reason=str(error), again_in_seconds=pause)
        await asyncio.sleep(pause)


async def firmly(change: Callable[[], Awaitable[_T]]) -> _T:
    """Make a change to a store, as often as it takes."""
    pauses = _pauses()
    while True:
        try:
            return await change()
        except SafelightError as error:
            pause = next(pauses)
            log.error("job_store_failed", reason=str(error), again_in_seconds=pause)
        await asyncio.sleep(pause)


def _pauses() -> Iterator[float]:
    """Seconds to wait before something is tried again: twice as long each time, up to a bound."""
    pause = _FIRST_PAUSE_SECONDS
    while True:
        yield pause
        pause = min(_LONGEST_PAUSE_SECONDS, pause * 2)
