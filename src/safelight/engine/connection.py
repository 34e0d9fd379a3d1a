"""The end of a socket that a process which computes has."""

# Tested in tests/engine/test_worker.py.

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from safelight.protocol.frames import HEADER_BYTES, frame_length, to_frame
from safelight.protocol.messages import Message

log = logging.getLogger(__name__)

_T = TypeVar("_T")


class Connection(Generic[_T]):
    """Whole messages over a stream socket; `read` is what makes one of a frame. Any thread may send; one reads."""

    def __init__(self, stream: socket.socket, read: Callable[[bytes], _T]) -> None:
        self._stream = stream
        self._read = read
        self._sending = threading.Lock()

    def send(self, message: Message) -> None:
        """Send a message; returns when the kernel has it. A peer that is gone is found out by `receive`."""
        frame = to_frame(message)
        try:
            with self._sending:
                self._stream.sendall(frame)
        except (BrokenPipeError, ConnectionResetError):
            log.info("the api process is gone; a %s was not sent", type(message).__name__)

    def receive(self) -> _T | None:
        """The next message, or None when the other end has closed.

        Raises:
            ProtocolError: what came is not one of our frames.
        """
        header = self._exactly(HEADER_BYTES)
        if header is None:
            return None
        payload = self._exactly(frame_length(header))
        return None if payload is None else self._read(payload)

    def _exactly(self, size: int) -> bytes | None:
        buffer = bytearray(size)
        view = memoryview(buffer)
        while view:
            try:
                received = self._stream.recv_into(view)
            except ConnectionResetError:
                return None
            if received == 0:
                return None
            view = view[received:]
        return bytes(buffer)
