"""Requests that two readers could read in two ways (RFC 9112, 11.2): none of them has a second request in it."""

from __future__ import annotations

import pytest

from tests.clients.process import Served
from tests.hostile.wire import HOST, answers_in, log_so_far, say

INNER = b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n"
START = f"POST /v1/images/generations HTTP/1.1\r\n{HOST}".encode()
AMBIGUOUS = {
    "two lengths": START + b"content-length: 0\r\ncontent-length: %d\r\n\r\n" % len(INNER) + INNER,
    "a list of lengths": START + b"content-length: 0, %d\r\n\r\n" % len(INNER) + INNER,
    "a signed length": START + b"content-length: +0\r\n\r\n" + INNER,
    "a length and chunks": START + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n" + INNER,
    "chunks and a length": START + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n" + INNER,
    "chunked that is not last": START + b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n" + INNER,
    "another coding": START + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n" + INNER,
    "a folded line": START + b"x-a: b\r\n transfer-encoding: chunked\r\ncontent-length: 0\r\n\r\n" + INNER,
    "a space before the colon": START + b"content-length : %d\r\n\r\n" % len(INNER) + INNER,
    "bare line feeds": START.replace(b"\r\n", b"\n") + b"content-length: 0\n\n" + INNER,
    "a bare carriage return": START + b"x-a: b\rcontent-length: 0\r\n\r\n" + INNER,
    "a NUL in a value": START + b"x-a: b\0\r\ncontent-length: 0\r\n\r\n" + INNER,
    "two hosts": START + b"host: evil.example\r\ncontent-length: 0\r\n\r\n" + INNER,
}


@pytest.mark.parametrize("what", AMBIGUOUS)
def test_what_can_be_read_in_two_ways_is_refused_and_the_connection_closed(served: Served, what: str) -> None:
    answers = answers_in(say(served, AMBIGUOUS[what]))
    assert [answer.status for answer in answers] == [400]
    assert answers[0].code == "invalid_value"
    assert answers[0].fields["connection"] == "close"
    assert "Traceback" not in log_so_far(served)
