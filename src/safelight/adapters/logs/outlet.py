"""Standard error that never makes a writer wait.

Whoever reads our log may stall: a pager, a full pipe to a stopped collector, a terminal in which somebody marks text. A
write to such a pipe does not return, and the server would stand still with it. So lines go into a bounded queue, and a
thread writes them. What finds no room is dropped and counted, and a line says so as soon as there is room again.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator

from safelight.adapters.logs.descriptors import never_waiting

# Some thousand lines: what is logged in seconds, and little beside what the process takes.
MOST_BYTES = 1024 * 1024
# A write takes up to this many bytes at once.
_CHUNK_BYTES = 64 * 1024
# How long the end of the process waits for its last lines to be read.
FLUSH_SECONDS = 2.0


class Outlet(io.TextIOBase):
    """A text stream over a file descriptor. `write` returns at once, whatever becomes of the text.

    `on_dropped` is called with a number of lines whenever some are dropped, `notice` makes the line that tells of them.
    """

    def __init__(self, descriptor: int, *, most_bytes: int = MOST_BYTES, terminal: bool = False) -> None:
        self._descriptor = descriptor
        self._most_bytes = most_bytes
        self._terminal = terminal
        self._queue: deque[bytes] = deque()
        self._held = 0  # bytes in the queue
        self._partial = ""  # the beginning of a line whose end has not come
        self._writing = False
        self._closing = False
        self._unsaid = 0  # lines that were dropped since the last notice
        self._changed = threading.Condition()
        self.on_dropped: Callable[[int], None] = _ignore
        self.notice: Callable[[int], str] = "{} log lines were dropped: nobody read them.".format
        threading.Thread(target=self._write_on, name="log", daemon=True).start()

    def writable(self) -> bool:
        """It is."""
        return True

    def isatty(self) -> bool:
        """Whether a person reads it."""
        return self._terminal

    def fileno(self) -> int:
        """The descriptor that is written to."""
        return self._descriptor

    def write(self, text: str) -> int:
        """Take whole lines for writing; the beginning of one waits for its end."""
        with self._changed:
            whole, newline, self._partial = (self._partial + text).rpartition("\n")
            if newline:
                self._take(whole + newline)
        return len(text)

    def flush(self) -> None:
        """Nothing: waiting for a reader is what this stream is there to avoid. `drain` waits."""

    def drain(self, seconds: float) -> bool:
        """Wait until all is written, at most so long; whether it was."""
        with self._changed:
            if self._partial:
                self._take(self._partial + "\n")
                self._partial = ""
            return self._changed.wait_for(lambda: not self._queue and not self._writing, seconds)

    def end(self, seconds: float = FLUSH_SECONDS) -> bool:
        """`drain`, and then take nothing more."""
        drained = self.drain(seconds)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        return drained

    def _take(self, text: str) -> None:
        data = text.encode("utf-8", "backslashreplace")
        if self._closing or self._held + len(data) > self._most_bytes:
            self._drop(data)
            return
        self._tell_of_dropped()
        self._append(data)

    def _append(self, data: bytes) -> None:
        self._queue.append(data)
        self._held += len(data)
        self._changed.notify_all()

    def _drop(self, data: bytes) -> None:
        lines = max(data.count(b"\n"), 1)
        self._unsaid += lines
        self.on_dropped(lines)

    def _tell_of_dropped(self) -> None:
        if self._unsaid:
            text, self._unsaid = self.notice(self._unsaid), 0
            self._append(f"{text}\n".encode("utf-8", "backslashreplace"))

    def _write_on(self) -> None:
        """The thread: write what is there, for as long as the process runs."""
        while (chunk := self._next_chunk()) is not None:
            left = self._written(chunk)
            with self._changed:
                self._writing = False
                if left:
                    self._drop(left)
                elif not self._queue:
                    self._tell_of_dropped()
                self._changed.notify_all()

    def _next_chunk(self) -> bytes | None:
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closing)
            if not self._queue:
                return None
            chunk = bytearray()
            while self._queue and (not chunk or len(chunk) + len(self._queue[0]) <= _CHUNK_BYTES):
                chunk += self._queue.popleft()
            self._held -= len(chunk)
            self._writing = True
            return bytes(chunk)

    def _written(self, chunk: bytes) -> bytes:
        """Write a chunk, however long that takes. What is returned could not be written: no reader, a full disk."""
        while chunk:
            try:
                chunk = chunk[os.write(self._descriptor, chunk) :]
            except BlockingIOError:  # somebody who shares the pipe made it so
                waiting = select.poll()
                waiting.register(self._descriptor, select.POLLOUT)
                waiting.poll()
            except OSError:
                return chunk
        return b""


@contextlib.contextmanager
def standard_error() -> Iterator[Outlet]:
    """Within it `sys.stderr` is an `Outlet`, for whatever writes there: logs, warnings, traces. Code in C, which
    writes to the descriptors, waits for nobody either."""
    before = sys.stderr
    before.flush()
    outlet = Outlet(os.dup(before.fileno()), terminal=before.isatty())
    sys.stderr = outlet
    try:
        with never_waiting(1, 2):
            yield outlet
    finally:
        sys.stderr = before
        outlet.end()


def _ignore(lines: int) -> None:
    """Nobody counts them yet."""
