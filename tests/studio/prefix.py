"""A proxy that puts a server behind a path, as nginx does with `location /prefix/ { proxy_pass http://server/; }`."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from tests.web_server import Handler, WebServer, answering

_HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding")
_ANSWER_SECONDS = 60


@contextmanager
def behind(prefix: str, url: str, *, refuses: Callable[[str], bool] = lambda path: False) -> Iterator[str]:
    """The address of the server at `url` behind `prefix`, which begins with a slash; all else is a 404 there.

    `refuses`: asked about each path, whether to answer 502 as a proxy does that has lost its server.
    """
    target = urlsplit(url)

    class Proxy(Handler):
        def _pass_on(self) -> None:
            if not self.path.startswith(f"{prefix}/"):
                self.send_error(404)
                return
            if refuses(self.path.removeprefix(prefix)):
                self.send_error(502)
                return
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
            server = http.client.HTTPConnection(target.hostname or "", target.port, timeout=_ANSWER_SECONDS)
            try:
                server.request(self.command, self.path.removeprefix(prefix), body, headers)
                self._answer(server.getresponse())
            except ConnectionError:  # the browser has left, or the server has
                self.close_connection = True
            finally:
                server.close()

        def _answer(self, answer: http.client.HTTPResponse) -> None:
            """As it comes: a stream of events must not wait for its end."""
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP_BY_HOP:
                    self.send_header(name, value)
            self.end_headers()
            while part := answer.read1():
                self.wfile.write(part)

        do_GET = do_POST = do_DELETE = do_PATCH = _pass_on

    proxy = WebServer(Proxy)
    with answering(proxy):
        yield f"{proxy.url}{prefix}"
