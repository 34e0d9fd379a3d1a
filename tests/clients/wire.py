"""A wire between a client and the server that notes what the client really sends, and passes it on unchanged."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.web_server import Handler, WebServer, answering

_HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "host", "content-length", "date", "server")
_ANSWER_SECONDS = 300.0


@dataclass(frozen=True)
class Sent:
    """One request as it came. Header names are lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def fields(self) -> dict[str, Any]:
        """The body's JSON object."""
        return dict(json.loads(self.body))


@dataclass
class Wire:
    """`url` is the server's, seen through the wire; `sent` holds every request in order."""

    url: str
    sent: list[Sent] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        """What OpenAI's clients are pointed at."""
        return f"{self.url}/v1"

    @property
    def last(self) -> Sent:
        return self.sent[-1]


@contextmanager
def wire_to(url: str) -> Iterator[Wire]:
    """A wire to the server at `url`."""
    target = urlsplit(url)
    assert target.hostname is not None

    class Relay(Handler):
        def _relay(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            wire.sent.append(Sent(self.command, self.path, headers, body))
            passed_on = {name: value for name, value in headers.items() if name not in _HOP_BY_HOP}
            server = http.client.HTTPConnection(str(target.hostname), target.port, timeout=_ANSWER_SECONDS)
            try:
                server.request(self.command, self.path, body or None, passed_on)
                answer = server.getresponse()
                self._answer(answer, answer.read())
            finally:
                server.close()

        def _answer(self, answer: http.client.HTTPResponse, body: bytes) -> None:
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _relay

    relay = WebServer(Relay)
    wire = Wire(relay.url)
    with answering(relay):
        yield wire
