"""A small model hub on this machine: the routes that huggingface_hub calls, with what can go wrong there."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.web_server import Handler, WebServer, answering

COMMIT = "89abcdef0123456789abcdef0123456789abcdef"
LARGE = ".safetensors"  # kept apart, with a SHA-256, as Git LFS does


class Hub:
    """Serves folders as repositories. `asked` holds method, path and range of every request.

    `cut_after` breaks the first transfer of a large file off after so many bytes; `damage` changes a byte of each,
    `longer` adds so many bytes to every small one, `checksum` stands in place of every large file's own. The list
    of files goes on at `next_page`, if it is set, and every page but the first is empty. An address that has `drips` in
    it is answered byte by byte, without end; one that has `leads` in it leads to `to`.
    """

    def __init__(self, repositories: dict[str, Path]) -> None:
        self.repositories = repositories
        self.commit = COMMIT
        self.asked: list[tuple[str, str, str | None]] = []
        self.cut_after: int | None = None
        self.damage = False
        self.checksum: str | None = None
        self.longer = 0
        self.next_page: str | None = None
        self.drips: str | None = None
        self.leads, self.to = "none", ""
        self.ended = threading.Event()
        self.tokens: dict[str, str | None] = {}  # what was shown to a host
        self.url = ""

    def sent(self, suffix: str = LARGE) -> list[str]:
        """The files of that kind whose content was asked for."""
        return [path.rpartition("/")[2] for method, path, _ in self.asked if method == "GET" and path.endswith(suffix)]


@contextmanager
def serving(repositories: dict[str, Path]) -> Iterator[Hub]:
    """A hub with these repositories until the block ends."""
    hub = Hub(repositories)
    server = WebServer(_handler(hub))
    hub.url = server.url
    with answering(server):
        try:
            yield hub
        finally:
            hub.ended.set()


def _handler(hub: Hub) -> type[Handler]:
    class HubHandler(Handler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(body=True)

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def _answer(self, *, body: bool) -> None:
            path = unquote(urlsplit(self.path).path)
            hub.asked.append((self.command, path, self.headers.get("range")))
            hub.tokens[self.headers.get("host", "")] = self.headers.get("authorization")
            if hub.leads in path:
                return self._lead()
            if hub.drips is not None and hub.drips in path:
                return self._drip()
            for name, folder in hub.repositories.items():
                if path.startswith(f"/api/models/{name}/revision/") or path == f"/api/models/{name}":
                    revision = path.rpartition("/revision/")[2] if "/revision/" in path else "main"
                    if revision not in ("main", "v1", hub.commit):
                        return self._error(404, "RevisionNotFound")
                    return self._json({"id": name, "modelId": name, "sha": hub.commit, "siblings": []})
                if path.startswith(f"/api/models/{name}/tree/"):
                    files = [] if "page" in self.path else sorted(folder.rglob("*"))
                    return self._json([_entry(folder, file, hub.checksum) for file in files if file.is_file()])
                start = f"/{name}/resolve/{hub.commit}/"
                if path.startswith(start):
                    return self._file(folder / path.removeprefix(start), body=body)
            return self._error(401 if path.startswith("/api") else 404, "RepoNotFound")

        def _lead(self) -> None:
            self.send_response(302)
            self.send_header("Location", hub.to)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _drip(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(1 << 40))
            self.end_headers()
            with suppress(OSError):  # the other end has left
                while not hub.ended.wait(0.005):
                    self.wfile.write(b" ")
            self.close_connection = True

        def _file(self, file: Path, *, body: bool) -> None:
            if not file.is_file():
                self._error(404, "EntryNotFound")
                return
            data = file.read_bytes() + b" " * (hub.longer if file.suffix != LARGE else 0)
            first = int((self.headers.get("range") or "bytes=0-").removeprefix("bytes=").partition("-")[0] or 0)
            self.send_response(206 if first else 200)
            self.send_header("X-Repo-Commit", hub.commit)
            self.send_header("ETag", f'"{_etag(file)}"')
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(len(data) - first))
            if first:
                self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
            self.end_headers()
            if body:
                self._send(file, data, first)

        def _send(self, file: Path, data: bytes, first: int) -> None:
            large = file.suffix == LARGE
            if large and hub.damage:
                data = data[:-1] + bytes([data[-1] ^ 1])
            if large and hub.cut_after is not None:
                self.wfile.write(data[first : hub.cut_after])
                self.wfile.flush()
                self.connection.close()
                self.close_connection = True
                return
            self.wfile.write(data[first:])

        def _json(self, value: Any) -> None:
            data = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            if isinstance(value, list) and hub.next_page is not None:
                self.send_header("Link", f'<{hub.next_page}>; rel="next"')
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _error(self, status: int, code: str) -> None:
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("X-Error-Message", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

    return HubHandler


def _entry(folder: Path, file: Path, checksum: str | None) -> dict[str, Any]:
    """A file as the tree route tells it: Git's name for its content, and the SHA-256 of a large one."""
    data = file.read_bytes()
    entry: dict[str, Any] = {
        "type": "file",
        "path": str(file.relative_to(folder)),
        "size": len(data),
        "oid": hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest(),
    }
    if file.suffix == LARGE:
        entry["lfs"] = {"oid": checksum or hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
    return entry


def _etag(file: Path) -> str:
    data = file.read_bytes()
    if file.suffix == LARGE:
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
