"""What a drawing was begun with, kept for whoever has to draw it again."""

# Tested in tests/service/test_job_drawing.py.

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator

import structlog

from safelight.contract.errors import SafelightError
from safelight.service.drawing.drawing import Drawing

Keep = Callable[[str], Awaitable[object]]
"""Writes a fingerprint to the store."""

log = structlog.get_logger(__name__)


@contextlib.contextmanager
def beginning_kept(drawing: Drawing, known: str | None, keep: Keep, name: str) -> Iterator[None]:
    """While this is entered, have kept which fingerprint draws it, where that is not what is `known`. It is written
    beside the drawing, which does not wait for it. `name` is what the log calls it.
    """
    told: asyncio.Queue[str] = asyncio.Queue()
    writing = asyncio.create_task(_write(told, known, keep, name), name=f"begin-{name}")
    try:
        with drawing.begins(told.put_nowait):
            yield
    finally:
        writing.cancel()


async def _write(told: asyncio.Queue[str], known: str | None, keep: Keep, name: str) -> None:
    while True:
        fingerprint = await told.get()
        if fingerprint == known:
            continue
        try:
            await keep(fingerprint)
        except SafelightError as error:
            effect = "should it be taken over, any fingerprint draws it"
            log.warning("beginning_not_kept", job=name, reason=str(error), effect=effect)
        else:
            known = fingerprint
