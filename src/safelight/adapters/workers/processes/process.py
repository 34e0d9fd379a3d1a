"""One worker process and the socket to it."""

# Tested in tests/adapters/workers/test_pool.py.

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import signal
import socket
from collections import deque
from collections.abc import AsyncIterator

import structlog

from safelight.adapters.workers.processes.launching import Launcher, Process
from safelight.contract.errors import ProtocolError
from safelight.protocol.frames import HEADER_BYTES, frame_length, read_event, to_frame
from safelight.protocol.messages import PROTOCOL_VERSION, Configure, Event, Hello, Message

_KEPT_LINES = 20
_LEVEL = re.compile(r"worker \d+: (DEBUG|INFO|WARNING|ERROR|CRITICAL) ")
# A worker that was told to go closes within a step; after this it is killed.
_GOODBYE_SECONDS = 3.0
# What a worker said before it died is read for so long. The pipes end with it, unless a child of its own holds them.
_LAST_WORDS_SECONDS = 1.0

log = structlog.get_logger(__name__)


class WorkerProcess:
    """A running worker. Made by `spawn`; `events` ends when the process does."""

    def __init__(
        self,
        process: Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        written: asyncio.StreamReader,
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._last_lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._heard = asyncio.Event()
        self._log_task = asyncio.create_task(self._forward_log(written), name=f"worker-log-{process.pid}")
        self._gone = asyncio.create_task(self._until_gone(), name=f"worker-gone-{process.pid}")

    @classmethod
    async def spawn(cls, configure: Configure, launcher: Launcher) -> WorkerProcess:
        """Start a worker and tell it what to load.

        Raises:
            OSError: the process could not be started.
        """
        ours, theirs = socket.socketpair()
        log_end, stderr = os.pipe()  # our own: with asyncio's a worker has not ended before its children's ends have
        written, log_pipe = await _reader_of(log_end)
        try:
            process = await launcher.launch(theirs, stderr)
        except BaseException:
            ours.close()
            log_pipe.close()
            raise
        finally:
            theirs.close()
            os.close(stderr)
        reader, writer = await asyncio.open_connection(sock=ours)
        worker = cls(process, reader, writer, written)
        worker._gone.add_done_callback(lambda _: log_pipe.close())
        worker.send(configure)
        return worker

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def last_log_line(self) -> str:
        """The last line that the process wrote to its log: usually why it died."""
        return self._last_lines[-1] if self._last_lines else ""

    def send(self, message: Message) -> None:
        """Send a message; to a dead worker it goes nowhere, and `events` ends."""
        if not self._writer.is_closing():
            self._writer.write(to_frame(message))

    async def events(self) -> AsyncIterator[Event]:
        """What the worker says, until it dies or speaks nonsense (then it is killed)."""
        try:
            while True:
                length = frame_length(await self._reader.readexactly(HEADER_BYTES))
                event = read_event(await self._reader.readexactly(length))
                if isinstance(event, Hello) and event.version != PROTOCOL_VERSION:
                    raise ProtocolError(f"The worker speaks version {event.version}; this is {PROTOCOL_VERSION}.")
                yield event
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self._heard.set()

    async def close(self) -> int:
        """Let the process go, or end it. Returns its exit status (negative: the signal that killed it)."""
        self._heard.set()
        self._writer.close()
        await asyncio.wait((self._gone,), timeout=_GOODBYE_SECONDS)
        if self._process.returncode is None:
            self.kill()
        await self._gone
        return self._process.returncode or 0

    def kill(self) -> None:
        """End the process at once."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def _until_gone(self) -> None:
        """Returns when the process has ended and what it said was read. What it started is ended with it."""
        await self._process.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS_SECONDS):
                await asyncio.gather(self._log_task, self._heard.wait())
        self._log_task.cancel()
        self._writer.transport.abort()

    async def _forward_log(self, written: asyncio.StreamReader) -> None:
        while line := await _read_line(written):
            text = line.decode(errors="replace").rstrip()
            if text:
                self._last_lines.append(text)
                log.log(_level_of(text), "worker_log", worker_pid=self.pid, line=text)


def _level_of(line: str) -> int:
    """As the worker's own log says (`safelight.engine.worker`); what libraries print is at info."""
    found = _LEVEL.match(line)
    return logging.getLevelNamesMapping()[found[1]] if found else logging.INFO


async def _reader_of(pipe: int) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
    """A reader of a pipe's end, and what closes it."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(pipe, "rb", 0)
    )
    return reader, transport


async def _read_line(stream: asyncio.StreamReader) -> bytes:
    """A line; of one longer than the stream's limit, the part that was read."""
    try:
        return await stream.readuntil(b"\n")
    except asyncio.IncompleteReadError as error:
        return error.partial
    except asyncio.LimitOverrunError as error:
        return await stream.readexactly(error.consumed)
