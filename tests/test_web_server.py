"""The tests' own web server: what it says of a client that leaves, and of its own faults."""

from __future__ import annotations

import socket
import struct
import threading

import httpx
import pytest

from tests.web_server import Handler, WebServer, answering


def test_a_client_that_resets_a_kept_connection_is_no_fault_and_is_not_written_about(
    capfd: pytest.CaptureFixture[str],
) -> None:
    left = threading.Event()

    class Kept(Handler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(204)
            self.end_headers()

    class Noting(WebServer):
        def handle_error(self, request: object, client_address: object) -> None:
            super().handle_error(request, client_address)
            left.set()

    server = Noting(Kept)
    with answering(server):
        client = socket.create_connection(("127.0.0.1", server.server_port))
        client.sendall(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 204")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        assert left.wait(30)
    assert capfd.readouterr().err == ""


def test_a_fault_of_its_handler_fails_the_test() -> None:
    class Faulty(Handler):
        def do_GET(self) -> None:
            raise LookupError("no such picture")

    server = WebServer(Faulty)
    with pytest.raises(ExceptionGroup) as raised, answering(server), pytest.raises(httpx.RemoteProtocolError):
        httpx.get(server.url)
    (fault,) = raised.value.exceptions
    assert isinstance(fault, LookupError)
