"""One worker process and the socket to it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import AsyncIterator, Sequence

import structlog

from safelight.adapters.children import child_environment, python_module
from safelight.contract.errors import ProtocolError
from safelight.contract.messages import (
    HEADER_BYTES,
    PROTOCOL_VERSION,
    Configure,
    Event,
    Hello,
    Message,
    frame_length,
    read_event,
    to_frame,
)

WORKER_COMMAND = python_module("safelight.engine.worker")
_KEPT_LINES = 20
# A worker that was told to go closes within a step; after this it is killed.
_GOODBYE_SECONDS = 3.0

log = structlog.get_logger(__name__)


class WorkerProcess:
    """A running worker. Made by `spawn`; `events` ends when the process does."""

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._last_lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._log_task = asyncio.create_task(self._forward_log(), name=f"worker-log-{process.pid}")

    @classmethod
    async def spawn(cls, configure: Configure, command: Sequence[str] = WORKER_COMMAND) -> WorkerProcess:
        """Start a worker and tell it what to load. It runs in its own session, so that Ctrl-C does not reach it.

        Raises:
            OSError: the process could not be started.
        """
        ours, theirs = socket.socketpair()
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                "--fd",
                str(theirs.fileno()),
                pass_fds=(theirs.fileno(),),  # and no other: neither the database nor the port
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
                env=child_environment(),
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        reader, writer = await asyncio.open_connection(sock=ours)
        worker = cls(process, reader, writer)
        worker.send(configure)
        return worker

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def last_words(self) -> str:
        """The last line that the process wrote to its log: usually why it died."""
        return self._last_lines[-1] if self._last_lines else ""

    def send(self, message: Message) -> None:
        """Send a message; to a dead worker it goes nowhere, and `events` ends."""
        if not self._writer.is_closing():
            self._writer.write(to_frame(message))

    async def events(self) -> AsyncIterator[Event]:
        """What the worker says, until it dies or speaks nonsense (then it is killed)."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                length = frame_length(await self._reader.readexactly(HEADER_BYTES))
                event = read_event(await self._reader.readexactly(length))
                if isinstance(event, Hello) and event.version != PROTOCOL_VERSION:
                    raise ProtocolError(f"The worker speaks version {event.version}; this is {PROTOCOL_VERSION}.")
                yield event

    async def close(self) -> int:
        """Let the process go, or end it. Returns its exit status (negative: the signal that killed it)."""
        self._writer.close()
        try:
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()
        await self._log_task
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()
        return self._process.returncode or 0

    def kill(self) -> None:
        """End the process at once."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def _forward_log(self) -> None:
        assert self._process.stderr is not None  # asked for in spawn
        while line := await _read_line(self._process.stderr):
            text = line.decode(errors="replace").rstrip()
            if text:
                self._last_lines.append(text)
                log.info("worker_log", worker_pid=self.pid, line=text)


async def _read_line(stream: asyncio.StreamReader) -> bytes:
    """A line; of one longer than the stream's limit, the part that was read."""
    try:
        return await stream.readuntil(b"\n")
    except asyncio.IncompleteReadError as error:
        return error.partial
    except asyncio.LimitOverrunError as error:
        return await stream.readexactly(error.consumed)
