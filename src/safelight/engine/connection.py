"""The worker's end of its socket."""

# Tested in tests/engine/test_worker.py.

from __future__ import annotations

import logging
import socket
import threading

from safelight.protocol.frames import HEADER_BYTES, frame_length, read_command, to_frame
from safelight.protocol.messages import Command, Message

log = logging.getLogger(__name__)


class Connection:
    """Whole messages over a stream socket. Any thread may send; one reads."""

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream
        self._sending = threading.Lock()

    def send(self, message: Message) -> None:
        """Send a message; returns when the kernel has it. A peer that is gone is found out by `receive`."""
        frame = to_frame(message)
        try:
            with self._sending:
                self._stream.sendall(frame)
        except (BrokenPipeError, ConnectionResetError):
            log.info("the api process is gone; a %s was not sent", type(message).__name__)

    def receive(self) -> Command | None:
        """The next command, or None when the other end has closed.

        Raises:
            ProtocolError: what came is not one of our frames.
        """
        header = self._exactly(HEADER_BYTES)
        if header is None:
            return None
        payload = self._exactly(frame_length(header))
        return None if payload is None else read_command(payload)

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
