"""A real worker process, spoken to over its socket as the api process does it."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

from safelight.adapters.processes.children import child_environment
from safelight.protocol.frames import HEADER_BYTES, frame_length, read_event, to_frame
from safelight.protocol.messages import Event, Hello, Message

_T = TypeVar("_T")


class WorkerProcess:
    """Starts `python -P -m safelight.engine.worker`; leaving the block closes the socket and waits for its end."""

    def __init__(self) -> None:
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(300)
        command = [sys.executable, "-P", "-m", "safelight.engine.worker", "--fd", str(theirs.fileno())]
        self.process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], stderr=subprocess.PIPE, text=True, env=child_environment()
        )
        theirs.close()
        self.events: list[Event] = []
        self.hello = self.expect(Hello)

    def send(self, *messages: Message) -> None:
        self.socket.sendall(b"".join(to_frame(message) for message in messages))

    def receive(self) -> Event:
        """The next event. EOFError: the worker has closed."""
        event = read_event(self._exactly(frame_length(self._exactly(HEADER_BYTES))))
        self.events.append(event)
        return event

    def expect(self, kind: type[_T], where: Callable[[_T], bool] = lambda event: True) -> _T:
        """Read on until such an event comes."""
        while True:
            event = self.receive()
            if isinstance(event, kind) and where(event):
                return event

    def end(self) -> tuple[int, str]:
        """Wait for the process: its exit status and what it wrote to standard error."""
        self.socket.close()
        _, log = self.process.communicate(timeout=300)
        return self.process.returncode, log

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.end()

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            try:
                more = self.socket.recv(size - len(data))
            except ConnectionResetError:  # it ended with something of ours unread
                more = b""
            if not more:
                raise EOFError
            data += more
        return data
