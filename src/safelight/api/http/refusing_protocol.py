"""A connection on which what cannot be read is refused: after the answers that are still owed, and so that whoever is
refused while still sending gets to read why.
"""

# Tested in tests/api/test_framing.py.

from __future__ import annotations

import asyncio

import structlog
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from safelight.api.http.lingering import Lingering
from safelight.api.http.refusal import written_out
from safelight.contract.errors import ApiError

log = structlog.get_logger(__name__)


class RefusingProtocol(HttpToolsProtocol):
    """uvicorn's connection with a way to say no. `_in_head` is kept by whoever reads: whether what comes next is a head
    or a part of one.
    """

    _in_head = True
    _last_words: ApiError | None = None
    _lingering: Lingering
    _answering: RequestResponseCycle

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        self._lingering = Lingering(transport, self.loop, unfinished=lambda: not self._in_head)
        super().connection_made(self._lingering)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lingering.lost()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        if self.transport.is_closing():
            self._lingering.cut()
        else:
            super().shutdown()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def _refuse(self, error: ApiError) -> None:
        """Say what is wrong with what came, after the answers that are still owed, and read no further."""
        if self.transport.is_closing():
            return
        if not self._in_head and not self._give_up_cycle():
            return
        if self.cycle is not None and not (self.cycle.response_complete or self.cycle.disconnected):
            self._last_words = error
            self.flow.pause_reading()
            return
        self._last_words = None
        self._say(error)
        self._lingering.linger()

    def _give_up_cycle(self) -> bool:
        """The request whose body cannot be read ends, as if its sender had left; False if its answer has begun."""
        if self.pipeline and self.pipeline[0][0] is self.cycle:  # it waits behind others, which are answered first
            self.pipeline.popleft()
            self.cycle = self.pipeline[0][0] if self.pipeline else self._answering
            self._in_head = True
            return True
        if self.cycle.response_started:
            if self.cycle.response_complete:
                self._lingering.linger()
            else:
                self._lingering.cut()
            return False
        self.cycle.disconnected = True
        self.cycle.message_event.set()
        return True

    def _say(self, error: ApiError) -> None:
        request_id, answer = written_out(error)
        log.info("request_refused", request_id=request_id, status=error.status, code=error.code)
        self.transport.write(answer)
