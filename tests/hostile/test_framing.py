"""What stands around a body: trailers, chunks, requests that were sent ahead. None of it may take memory or a key."""

from __future__ import annotations

import json
import socket
from contextlib import suppress

import pytest

from tests.clients.process import MODEL, Served
from tests.hostile.wire import HOST, answers_in, ask, bearer, connect, log_so_far, read_on, resident_bytes, say

PICTURES = "/v1/images/generations"
# 15 MiB of trailers took 370 MB once.
SENT_BYTES = 15 * 1024 * 1024
LEAST_TAKEN = 24 * 1024 * 1024
PICTURE = json.dumps({"model": MODEL, "prompt": "a boat"}).encode()


def chunked(path: str = PICTURES, *lines: str) -> bytes:
    """The head of a request with a chunked body."""
    named = "".join(f"{line}\r\n" for line in lines)
    return f"POST {path} HTTP/1.1\r\n{HOST}{named}transfer-encoding: chunked\r\n\r\n".encode()


def chunk(content: bytes, extension: bytes = b"") -> bytes:
    return b"%x%s\r\n%s\r\n" % (len(content), extension, content)


def pour(connection: socket.socket, piece: bytes) -> int:
    """Send a piece again and again, up to the bound; how many bytes the other end took before it had enough."""
    taken = 0
    with suppress(ConnectionError):
        while taken < SENT_BYTES:
            connection.sendall(piece)
            taken += len(piece)
    return taken


ENDLESS = {
    "trailers": (chunk(b"{}") + b"0\r\n", b"x-trailer: %s\r\n" % (b"a" * 50)),
    "a trailer's value": (chunk(b"{}") + b"0\r\nx-trailer: ", b"a" * 65536),
    "a trailer's name": (chunk(b"{}") + b"0\r\nx-trailer", b"a" * 65536),
    "trailers of a refused request": (b"0\r\n", b"x: y\r\n"),
    "a chunk's extension": (b"2;name=", b"a" * 65536),
    "a chunk's length": (b"", b"0" * 65536),
}


@pytest.mark.parametrize("what", ENDLESS)
def test_what_never_ends_around_a_body_is_refused_and_takes_no_memory(served: Served, what: str) -> None:
    begun, piece = ENDLESS[what]
    piece = piece * (65536 // len(piece))
    key = () if "refused" in what else (bearer(served.key),)
    ask(served, "GET", "/livez")
    before = resident_bytes(served)
    with connect(served) as first, connect(served) as second, connect(served) as third:
        for connection in (first, second, third):
            connection.sendall(chunked(PICTURES, *key) + begun)
            pour(connection, piece)
        assert ask(served, "GET", "/livez").status == 200
        assert resident_bytes(served) - before < LEAST_TAKEN
        received = [read_on(connection) for connection in (first, second, third)]
    if "length" not in what:  # a number of so many digits is no number, which is said first
        codes = {answer.code for one in received for answer in answers_in(one)}
        assert codes <= {"request_header_fields_too_large", "invalid_api_key"}
    assert "Traceback" not in log_so_far(served)


def test_trailers_count_into_the_heads_bound(served: Served) -> None:
    within = chunked(PICTURES, bearer(served.key), "connection: close") + chunk(PICTURE)
    for size, status in ((30_000, 200), (66_000, 431)):
        (answer,) = answers_in(say(served, within + b"0\r\nx-a: %s\r\n\r\n" % (b"a" * size)))
        assert answer.status == status
    filled = chunked(PICTURES, bearer(served.key), "connection: close", "x-b: " + "b" * 40_000) + chunk(PICTURE)
    (answer,) = answers_in(say(served, filled + b"0\r\nx-a: %s\r\n\r\n" % (b"a" * 30_000)))
    assert answer.code == "request_header_fields_too_large"


def test_a_key_in_a_trailer_is_none(served: Served) -> None:
    trailers = f"0\r\n{bearer(served.key)}\r\n\r\n".encode()
    for path in (PICTURES, "/v1/jobs/job_0/cancel"):
        (answer,) = answers_in(say(served, chunked(path, "connection: close") + chunk(PICTURE) + trailers))
        assert answer.code == "invalid_api_key"


def test_what_a_trailer_asks_for_is_not_done(served: Served) -> None:
    sent = chunked(PICTURES, bearer(served.key), "connection: close") + chunk(PICTURE)
    (answer,) = answers_in(say(served, sent + b"0\r\nprefer: respond-async\r\nx-request-id: theirs\r\n\r\n"))
    assert answer.status == 200
    assert answer.fields["x-request-id"] != "theirs"


@pytest.mark.parametrize("broken", [b"zz\r\n", b"5\r\nabcdefgh\r\n", b"-1\r\n", b"0x5\r\nabcde\r\n", b"5 \nabcde\r\n"])
def test_a_malformed_chunk_is_a_400_without_a_traceback(served: Served, broken: bytes) -> None:
    for key in (served.key, "sl-unknown"):
        with connect(served) as connection:
            connection.sendall(chunked(PICTURES, bearer(key)) + chunk(b"{") + broken)
            (answer,) = answers_in(read_on(connection))
        assert (answer.status, answer.code) in ((400, "invalid_value"), (401, "invalid_api_key"))
        assert key != served.key or answer.status == 400
    log = log_so_far(served)
    assert "Traceback" not in log
    assert "request_failed" not in log


def test_a_chunk_that_breaks_after_the_answer_has_been_sent_is_not_answered_twice(served: Served) -> None:
    with connect(served) as connection:
        connection.sendall(chunked(PICTURES, bearer("sl-unknown")) + chunk(b"{"))
        first = connection.recv(65536)
        connection.sendall(b"zz\r\n")
        (answer,) = answers_in(first + read_on(connection))
    assert answer.status == 401
    assert "Traceback" not in log_so_far(served)


def test_answers_that_are_owed_come_before_the_refusal(served: Served) -> None:
    picture = f"POST {PICTURES} HTTP/1.1\r\n{HOST}{bearer(served.key)}\r\ncontent-length: {len(PICTURE)}\r\n\r\n"
    livez = f"GET /livez HTTP/1.1\r\n{HOST}\r\n"
    for broken in (b"no request at all\r\n\r\n", chunked() + chunk(b"{") + b"zz\r\n"):
        answers = answers_in(say(served, picture.encode() + PICTURE + livez.encode() + broken))
        assert [answer.status for answer in answers] == [200, 200, 400]
        assert json.loads(answers[0].body)["data"]
    assert "Traceback" not in log_so_far(served)


def test_requests_are_not_taken_ahead_without_end(served: Served) -> None:
    livez = f"GET /livez HTTP/1.1\r\n{HOST}\r\n".encode()
    assert len(answers_in(say(served, livez * 10 + livez.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")))) == 11
    before = resident_bytes(served)
    answers = answers_in(say(served, livez * 20_000))
    assert resident_bytes(served) - before < LEAST_TAKEN
    assert [answer.status for answer in answers] == [200] * (len(answers) - 1) + [400]
    assert len(answers) < 100
