"""Speaking to a server byte by byte."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.clients.process import Served

# However slow the machine is: what takes longer does not come.
PATIENCE_SECONDS = 120.0
HOST = "host: localhost\r\n"


class Answer(NamedTuple):
    """An answer's status, its fields by lower-case name, and its body."""

    status: int
    fields: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The code of an error in the contract's shape."""
        error = json.loads(self.body)["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert self.fields["x-request-id"]
        return str(error["code"])


def connect(served: Served) -> socket.socket:
    """A new connection."""
    where = urlsplit(served.url)
    return socket.create_connection((where.hostname or "", where.port or 0), timeout=PATIENCE_SECONDS)


def say(served: Served, sent: bytes) -> bytes:
    """Everything that is answered to these bytes until the server closes; what it no longer takes is not sent."""
    with connect(served) as connection:
        with suppress(ConnectionError):
            connection.sendall(sent)
        return read_on(connection)


def read_on(connection: socket.socket) -> bytes:
    """What comes until the other end closes; a reset counts as closing."""
    received = bytearray()
    with suppress(ConnectionError):
        while piece := connection.recv(65536):
            received += piece
    return bytes(received)


def answers_in(received: bytes) -> list[Answer]:
    """The answers on a connection, each with a Content-Length."""
    answers = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")
        fields = {name.lower(): value for name, _, value in (entry.partition(": ") for entry in lines)}
        length = int(fields.get("content-length", 0))
        answers.append(Answer(int(line.split()[1]), fields, rest[:length]))
        received = rest[length:]
    return answers


def ask(served: Served, method: str, path: str, *lines: str, body: Any = None) -> Answer:
    """One request as a client sends it; `lines` are its header's lines beside Host. The answer has a Content-Length."""
    content = b"" if body is None else json.dumps(body).encode()
    named = "" if any(line.lower().startswith("host:") for line in lines) else HOST
    head = f"{method} {path} HTTP/1.1\r\n{named}connection: close\r\ncontent-length: {len(content)}\r\n"
    head += "".join(f"{line}\r\n" for line in lines)
    (answer,) = answers_in(say(served, head.encode("latin-1") + b"\r\n" + content))
    return answer


def bearer(key: str) -> str:
    """The line with a key."""
    return f"authorization: Bearer {key}"


def resident_bytes(served: Served) -> int:
    """The api process's own memory (proc(5): the second number of `statm` is pages)."""
    return int(Path(f"/proc/{served.process.pid}/statm").read_text().split()[1]) * 4096


def log_so_far(served: Served) -> str:
    """What the server has written to its log, up to an entry that is asked for now."""
    mark = f"mark-{id(object())}"
    assert ask(served, "GET", "/nothing-of-this-name", f"x-request-id: {mark}").status == 404
    lines = []
    while True:
        line = served.lines.get(timeout=PATIENCE_SECONDS)
        assert line is not None, "The server has ended."
        lines.append(line)
        if mark in line:
            return "".join(lines)
