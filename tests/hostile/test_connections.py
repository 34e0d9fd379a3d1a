"""More connections than a server has descriptors for, connections that say nothing, answers that nobody reads."""

from __future__ import annotations

import json
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.clients.process import MODEL, Served, serving
from tests.hostile.wire import HOST, answers_in, ask, bearer, connect, read_on, resident_bytes

PICTURES = "/v1/images/generations"
SILENT = 160
CALLERS = 40
LARGE_BYTES = 48 * 1024 * 1024
READERS = 20


@contextmanager
def silent(served: Served, count: int) -> Iterator[list[socket.socket]]:
    """So many connections that say nothing, the oldest first."""
    with ExitStack() as stack:
        yield [stack.enter_context(connect(served)) for _ in range(count)]


def test_callers_are_answered_when_silent_connections_have_taken_what_descriptors_there_are(tmp_path: Path) -> None:
    with serving(tmp_path, limits="ulimit -n 128") as served, silent(served, SILENT):
        asked = {"model": MODEL, "prompt": "a boat"}
        answers = [ask(served, "POST", PICTURES, bearer(served.key), body=asked) for _ in range(CALLERS)]
        assert [answer.status for answer in answers] == [200] * CALLERS


def test_the_soft_limit_of_descriptors_is_raised_to_the_hard_one(tmp_path: Path) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with serving(tmp_path, limits="ulimit -S -n 100") as served, silent(served, 120) as connections:
        assert resource.prlimit(served.process.pid, resource.RLIMIT_NOFILE) == (hard, hard)
        connections[0].sendall(f"GET /livez HTTP/1.1\r\n{HOST}connection: close\r\n\r\n".encode())
        assert answers_in(read_on(connections[0]))[0].status == 200


@contextmanager
def held(served: Served, hold: Path, count: int) -> Iterator[list[socket.socket]]:
    """So many connections on each of which a picture is being drawn, until the block ends."""
    body = json.dumps({"model": MODEL, "prompt": "a boat"}).encode()
    head = f"POST {PICTURES} HTTP/1.1\r\n{HOST}{bearer(served.key)}\r\nconnection: close\r\n"
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(served)) for _ in range(count)]
        for connection in connections:
            # Whoever is told to go on is being answered.
            connection.sendall(f"{head}expect: 100-continue\r\ncontent-length: {len(body)}\r\n\r\n".encode())
            assert connection.recv(100).startswith(b"HTTP/1.1 100")
            connection.sendall(body)
        yield connections
        hold.unlink()
        assert [answers_in(read_on(connection))[0].status for connection in connections] == [200] * count


# Loopback is a trusted proxy by default, which has no bound of its own.
BOUNDS = {
    "of an address": ("4", "0", "10.9.8.7", 429, "rate_limit_exceeded"),
    "of all": ("0", "4", "127.0.0.1", 503, "engine_overloaded"),
}


@pytest.mark.parametrize("bound", BOUNDS)
def test_the_connection_that_has_waited_longest_makes_room_and_none_that_is_being_answered(
    tmp_path: Path, bound: str
) -> None:
    each, most, proxies, status, code = BOUNDS[bound]
    hold = tmp_path / "hold"
    hold.write_text("1")
    with (
        serving(
            tmp_path,
            fake_hold=str(hold),
            connections_per_address=each,
            max_connections=most,
            trusted_proxies=proxies,
        ) as served,
        held(served, hold, 2) as busy,
    ):
        with silent(served, 2) as (oldest, newer):
            assert ask(served, "GET", "/livez").status == 200
            assert read_on(oldest) == b""
            newer.sendall(f"GET /livez HTTP/1.1\r\n{HOST}connection: close\r\n\r\n".encode())
            assert answers_in(read_on(newer))[0].status == 200
        with ExitStack() as stack:
            more_hold = [stack.enter_context(connect(served)) for _ in range(2)]
            for connection in more_hold:
                connection.sendall(f"POST {PICTURES} HTTP/1.1\r\n{HOST}{bearer(served.key)}\r\n".encode())
                connection.sendall(b"expect: 100-continue\r\ncontent-length: 9\r\n\r\n")
                assert connection.recv(100).startswith(b"HTTP/1.1 100")
            with connect(served) as one_too_many:
                (refused,) = answers_in(read_on(one_too_many))
        assert (refused.status, refused.code) == (status, code)
        assert int(refused.fields["retry-after"]) > 0
        assert len(busy) == 2  # and each of them is answered as the block ends


def large_picture(served: Served) -> str:
    """The path of a job's picture whose file is large."""
    asked = {"model": MODEL, "prompt": "a boat"}
    job: dict[str, Any] = json.loads(
        ask(served, "POST", PICTURES, bearer(served.key), "prefer: respond-async", body=asked).body
    )
    while job["image"] is None:
        job = json.loads(ask(served, "GET", f"/v1/jobs/{job['id']}", bearer(served.key)).body)
    (file,) = [path for path in (served.safelight.home / "files").rglob(f"{job['id']}.1.png") if path.is_file()]
    with file.open("r+b") as writing:
        writing.truncate(LARGE_BYTES)
    return f"/v1/jobs/{job['id']}/image"


def test_readers_that_do_not_read_hold_no_pictures_in_memory(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        path = large_picture(served)
        before = resident_bytes(served)
        with ExitStack() as stack:
            for _ in range(READERS):
                connection = stack.enter_context(connect(served))
                connection.sendall(f"GET {path} HTTP/1.1\r\n{HOST}{bearer(served.key)}\r\n\r\n".encode())
                assert connection.recv(15).startswith(b"HTTP/1.1 200")
            assert ask(served, "GET", "/livez").status == 200
            assert resident_bytes(served) - before < READERS * 4 * 1024 * 1024
        assert len(ask(served, "GET", path, bearer(served.key)).body) == LARGE_BYTES
