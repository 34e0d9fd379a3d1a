"""Whether what was written to a connection is read by its other end.

What nobody reads stays in memory: a caller who asks for pictures and reads none of them holds each for as long as the
connection is open. So an answer ends that makes no progress for a minute.
"""

# Tested in tests/api/test_protocol.py.

from __future__ import annotations

import asyncio
from collections.abc import Callable

STALLED_SECONDS = 60.0
# A kilobyte a second is slower than any line that people use; less is no progress, but a way to stay.
LEAST_BYTES = 60 * 1024


class Delivery:
    """Watches a transport's buffer while anything is in it, and calls `give_up` when it is not being read."""

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, give_up: Callable[[], None]
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._give_up = give_up
        self._written = 0
        self._taken = 0
        self._timer: asyncio.TimerHandle | None = None

    def wrote(self, size: int) -> None:
        """So many bytes were handed to the transport."""
        self._written += size
        if self._timer is None:
            self._taken = self._written - self._transport.get_write_buffer_size()
            self._timer = self._loop.call_later(STALLED_SECONDS, self._look)

    def end(self) -> None:
        """The connection is closed."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        waiting = self._transport.get_write_buffer_size()
        if not waiting:
            return
        taken = self._written - waiting
        if taken - self._taken < LEAST_BYTES:
            self._give_up()
            return
        self._taken = taken
        self._timer = self._loop.call_later(STALLED_SECONDS, self._look)
