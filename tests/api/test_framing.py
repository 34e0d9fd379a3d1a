"""What stands around bodies, behind them and between connections, spoken byte by byte to a server in this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from safelight.api.http import lingering
from safelight.api.http.protocol import HttpProtocol
from tests.api.conftest import PICTURES, Running, Serve, until
from tests.api.test_protocol import sent_at_once
from tests.hostile.wire import HOST, answers_in, bearer

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

LIVEZ = f"GET /livez HTTP/1.1\r\n{HOST}\r\n".encode()
LAST = f"GET /livez HTTP/1.1\r\n{HOST}connection: close\r\n\r\n".encode()
BODY = json.dumps({"model": "stable-image-ultra", "prompt": "a boat"}).encode()
BROKEN_CHUNK = b"zz\r\n"


def posted(key: str) -> bytes:
    """A request for a picture."""
    head = f"POST {PICTURES} HTTP/1.1\r\n{HOST}{bearer(key)}\r\ncontent-length: {len(BODY)}\r\n\r\n"
    return head.encode() + BODY


def chunked(key: str, *lines: str, route: str = f"POST {PICTURES}", content: bytes = b"{") -> bytes:
    """The head of a request with a chunked body, and the first chunk."""
    named = "".join(f"{line}\r\n" for line in (bearer(key), *lines))
    head = f"{route} HTTP/1.1\r\n{HOST}{named}transfer-encoding: chunked\r\n\r\n"
    return head.encode() + b"%x\r\n%s\r\n" % (len(content), content)


@asynccontextmanager
async def connected(running: Running, sent: bytes = b"") -> AsyncIterator[Connection]:
    """A connection on which that was sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(sent)
    await writer.drain()
    try:
        yield reader, writer
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("trailers", "status"),
    [
        (b"x-a: b\r\nprefer: respond-async\r\n", 200),
        (b"x-a: %s\r\n" % (b"a" * 66_000), 431),
        (b"x-a: b\r\n" * 9_000, 431),
    ],
    ids=["few", "one long", "many"],
)
async def test_trailers_ask_for_nothing_and_count_into_the_heads_bound(
    running: Running, trailers: bytes, status: int
) -> None:
    sent = chunked(running.key, "connection: close", content=BODY) + b"0\r\n" + trailers + b"\r\n"
    (answer,) = answers_in(await running.raw(sent))
    assert answer.status == status
    assert status == 200 or answer.code == "request_header_fields_too_large"


async def test_two_hosts_are_refused(running: Running) -> None:
    (answer,) = answers_in(await running.raw(LIVEZ.replace(b"\r\n\r\n", b"\r\nhost: evil.example\r\n\r\n")))
    assert (answer.status, answer.code) == (400, "invalid_value")


@pytest.mark.parametrize("between", [0, 1, 3])
async def test_answers_that_are_owed_come_before_the_refusal_of_what_follows(running: Running, between: int) -> None:
    running.engine.gate.clear()
    sent = posted(running.key) + LIVEZ * between + chunked(running.key) + BROKEN_CHUNK
    async with connected(running, sent) as (reader, _):
        await until(lambda: running.engine.state().running == 1)
        running.engine.gate.set()
        answers = answers_in(await reader.read())
    assert [answer.status for answer in answers] == [200] * (1 + between) + [400]
    assert json.loads(answers[0].body)["data"]


async def test_what_is_no_request_is_refused_after_what_came_before_it(running: Running) -> None:
    answers = answers_in(await running.raw(posted(running.key) + b"no request at all\r\n\r\n"))
    assert [answer.status for answer in answers] == [200, 400]


async def test_sixteen_requests_may_be_sent_ahead_and_no_more(running: Running) -> None:
    running.engine.gate.clear()
    async with connected(running, posted(running.key) + LIVEZ * 20) as (reader, _):
        await until(lambda: running.engine.state().running == 1)
        running.engine.gate.set()
        answers = answers_in(await reader.read())
    assert [answer.status for answer in answers] == [200] * 17 + [400]
    assert b"sent ahead" in answers[-1].body


async def test_a_body_that_breaks_ends_its_request(running: Running) -> None:
    (answer,) = answers_in(await running.raw(chunked(running.key) + BROKEN_CHUNK))
    assert (answer.status, answer.code) == (400, "invalid_value")
    assert running.engine.submitted == []


async def test_a_body_that_breaks_once_it_was_refused_is_not_answered_twice(running: Running) -> None:
    async with connected(running, chunked("sl-unknown")) as (reader, writer):
        first = await reader.readuntil(b"\r\n\r\n")
        writer.write(BROKEN_CHUNK)
        (answer,) = answers_in(first + await reader.read())
    assert answer.status == 401


async def test_a_body_that_breaks_while_a_stream_is_sent_ends_the_stream(running: Running) -> None:
    async with connected(running, chunked(running.key, route="GET /v1/jobs/events")) as (reader, writer):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        writer.write(BROKEN_CHUNK)
        assert b"HTTP/1.1" not in await reader.read()
    await until(lambda: len(running.server.connections) == 0)


async def test_a_head_that_begins_while_an_answer_is_made_has_its_time_from_then_on(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = await serve()
    running.engine.gate.clear()
    async with connected(running, posted(running.key) + LIVEZ[:10]) as (reader, writer):
        await until(lambda: running.engine.state().running == 1)
        running.engine.gate.set()
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(LIVEZ[10:] + LAST)
        answers = answers_in(head + await reader.read())
    assert [answer.status for answer in answers] == [200, 200, 200]
    monkeypatch.setattr(HttpProtocol, "head_seconds", 0.1)
    answers = answers_in(await running.raw(posted(running.key) + LIVEZ[:10]))
    assert [answer.status for answer in answers] == [200, 408]


async def test_so_has_one_that_begins_in_the_piece_in_which_a_refused_body_ends(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = await serve()
    sent = posted("sl-unknown")
    async with connected(running, sent[:-1]) as (reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        monkeypatch.setattr(HttpProtocol, "head_seconds", 0.1)
        writer.write(sent[-1:] + LIVEZ[:10])
        answers = answers_in(head + await reader.read())
    assert [answer.status for answer in answers] == [401, 408]


async def test_the_time_for_a_head_says_nothing_to_who_was_refused_before_it_ran_out(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HttpProtocol, "head_seconds", 0.1)
    monkeypatch.setattr(lingering, "LINGER_SECONDS", 3600.0)
    running = await serve()
    reader, writer = await sent_at_once(running, b"no request at all\r\n\r\n")
    assert [answer.status for answer in answers_in(await reader.read())] == [400]
    assert await running.raw(b"") == b""  # a later connection's time has run out, and so has this one's
    assert len(running.server.connections) == 1  # it is read on, so that its answer arrives
    writer.close()


async def test_a_server_that_ends_waits_for_none_who_was_refused(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lingering, "LINGER_SECONDS", 3600.0)
    async with connected(running, b"no request at all\r\n\r\n") as (reader, _):
        assert answers_in(await reader.read())[0].status == 400
        running.server.should_exit = True
        await until(lambda: len(running.server.connections) == 0)


# Loopback is a trusted proxy by default, which has no bound of its own.
BOUNDS: dict[str, tuple[dict[str, Any], int, str]] = {
    "of all": ({"max_connections": 2}, 503, "engine_overloaded"),
    "of an address": ({"connections_per_address": 2, "trusted_proxies": ("10.9.8.7",)}, 429, "rate_limit_exceeded"),
}


@pytest.mark.parametrize("bound", BOUNDS)
async def test_who_has_waited_longest_makes_room_and_where_all_are_busy_the_newest_is_told(
    serve: Serve, bound: str
) -> None:
    bounds, status, code = BOUNDS[bound]
    running = await serve(**bounds)
    running.engine.gate.clear()
    async with AsyncExitStack() as stack:
        oldest, newer = [await stack.enter_async_context(connected(running)) for _ in range(2)]
        await until(lambda: len(running.server.connections) == 2)
        busy = [await stack.enter_async_context(connected(running, posted(running.key))) for _ in range(2)]
        for reader, _ in (oldest, newer):
            assert await reader.read() == b""
        await until(lambda: len(running.engine.submitted) == 2)
        (refused,) = answers_in(await running.raw(b""))
        assert (refused.status, refused.code) == (status, code)
        assert int(refused.fields["retry-after"]) > 0
        running.engine.gate.set()
        for reader, writer in busy:
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            writer.close()
