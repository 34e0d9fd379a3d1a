"""A web server of a test's own, in threads of this process."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Handler(BaseHTTPRequestHandler):
    """Writes nothing about its requests: standard error belongs to what is tested."""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


class WebServer(ThreadingHTTPServer):
    """On a free port of the loopback address. `faults`: what its handler raised."""

    def __init__(self, handler: type[Handler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.faults: list[Exception] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Note a fault, where the standard library prints it into what the test reads.

        A client may leave whenever it wants, and reset a connection that it kept for more: that is none.
        """
        error = sys.exc_info()[1]
        if isinstance(error, Exception) and not isinstance(error, ConnectionError):
            self.faults.append(error)


@contextmanager
def answering(server: WebServer) -> Iterator[None]:
    """Have it answer until the block ends.

    Raises:
        ExceptionGroup: its handler failed meanwhile.
    """
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="web server")
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
    if server.faults:
        raise ExceptionGroup("a test's web server failed", server.faults)
