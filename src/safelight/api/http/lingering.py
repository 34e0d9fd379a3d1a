"""Closing a connection whose other end is still sending.

A socket that is closed with unread bytes in it is reset, and a reset takes the answer with it that was just sent: who
sends a large body whole before reading (most clients do) would see a broken connection instead of "too large" or "wrong
key". So the writing half is closed first, and what still comes is read and dropped, within bounds (RFC 9112, 9.6).
"""

# Tested in tests/api/test_protocol.py.

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from safelight.api.http.delivery import Delivery

# Enough for a body of the default limit over a slow line, or some times that over a fast one; then it is cut off.
LINGER_SECONDS = 5.0
LINGER_BYTES = 16 * 1024 * 1024


class Lingering(asyncio.Transport):
    """A transport whose `close` lingers while `unfinished` says that the request is not all here."""

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, *, unfinished: Callable[[], bool]
    ) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._unfinished = unfinished
        self._delivery = Delivery(transport, loop, transport.abort)
        self._half_closed = False
        self._allowance: int | None = None
        self._timer: asyncio.TimerHandle | None = None

    def close(self) -> None:
        """Close now if the other end has sent what it announced, else linger."""
        if self._unfinished():
            self.linger()
        else:
            self.cut()

    def linger(self) -> None:
        """Say that nothing more will be written, and drop what comes until the other end closes or a bound is met."""
        if self.is_closing():
            return
        self._half_closed = True
        self._transport.write_eof()
        self._transport.resume_reading()
        self.bound()

    def bound(self) -> None:
        """From here on, so much may come and for so long, and then the connection is cut; `forgive` lifts it."""
        if self._timer is None:
            self._allowance = LINGER_BYTES
            self._timer = self._loop.call_later(LINGER_SECONDS, self.cut)

    def forgive(self) -> None:
        """The request is all here after all: no bound any more."""
        self._allowance = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def takes(self, data: bytes) -> bool:
        """Count what came; True if it is dropped, since nobody reads this connection any more."""
        if self._allowance is not None:
            self._allowance -= len(data)
            if self._allowance < 0:
                self.cut()
        return self.is_closing()

    def lost(self) -> None:
        """The connection is gone."""
        self.forgive()
        self._delivery.end()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Hand on what is to be sent, unless it was said that nothing more would be."""
        if not self._half_closed:
            self._transport.write(data)
            self._delivery.wrote(len(data))

    def is_closing(self) -> bool:
        return self._half_closed or self._transport.is_closing()

    def cut(self) -> None:
        """Close at once."""
        self.forgive()
        self._transport.close()

    # As the transport has them

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def is_reading(self) -> bool:
        return self._transport.is_reading()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def abort(self) -> None:
        self._transport.abort()
