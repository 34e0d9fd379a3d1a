"""The edge of HTTP: heads that do not end, connections that say nothing, offers of other protocols."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest

from safelight.api import lingering
from safelight.api.protocol import HttpProtocol
from tests.api.conftest import PICTURES, Running, Serve, until

LIVEZ = b"GET /livez HTTP/1.1\r\nhost: x\r\n"


def refusal_in(answer: bytes) -> tuple[int, str]:
    """Status and code of an answer in the contract's shape."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"x-request-id: req_" in head
    error = json.loads(body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return int(head.split()[1]), error["code"]


async def test_a_header_that_never_ends_is_a_431_as_soon_as_it_is_too_long(running: Running) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(LIVEZ + b"x-a: " + b"a" * 65536)
    answer = await asyncio.wait_for(reader.read(), 300)
    writer.close()
    assert refusal_in(answer) == (431, "request_header_fields_too_large")


async def test_a_whole_head_is_held_to_the_same_bound(running: Running) -> None:
    within = await running.raw(LIVEZ + b"connection: close\r\nx-a: " + b"a" * 60_000 + b"\r\n\r\n")
    assert within.startswith(b"HTTP/1.1 200")
    beyond = await running.raw(LIVEZ + b"connection: close\r\nx-a: " + b"a" * 65_536 + b"\r\n\r\n")
    assert refusal_in(beyond) == (431, "request_header_fields_too_large")


async def test_a_large_body_does_not_count_as_the_head_of_the_next_request(running: Running) -> None:
    body = b'{"model": "stable-image-ultra", "prompt": "a boat"}'.ljust(500_000)
    for _ in range(3):
        assert (await running.client.post(PICTURES, content=body)).status_code == 200


async def sent_at_once(running: Running, request: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection whose first bytes are there before the server, in this thread too, can accept it: however slow the
    machine, they come before any time limit.
    """
    connection = socket.create_connection(("127.0.0.1", running.port))
    connection.sendall(request)
    return await asyncio.open_connection(sock=connection)


async def test_a_head_that_does_not_end_is_a_408(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HttpProtocol, "head_seconds", 0.1)
    running = await serve()
    reader, writer = await sent_at_once(running, LIVEZ)
    assert refusal_in(await reader.read()) == (408, "request_timeout")
    writer.close()


async def test_a_connection_that_says_nothing_is_closed(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HttpProtocol, "head_seconds", 0.1)
    running = await serve()
    assert await running.raw(b"") == b""


async def test_the_time_for_a_head_is_not_the_time_for_a_picture(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HttpProtocol, "head_seconds", 0.1)
    running = await serve()
    running.engine.gate.clear()
    body = b'{"model": "stable-image-ultra", "prompt": "a boat"}'
    head = f"POST {PICTURES} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {running.key}\r\n"
    drawing, writer = await sent_at_once(running, f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    await until(lambda: running.engine.state().running == 1)
    assert await running.raw(b"") == b""  # a second connection's time for its head has run out meanwhile
    running.engine.gate.set()
    assert (await drawing.read()).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_an_offer_of_http_2_is_declined_and_the_body_is_read(running: Running) -> None:
    body = b'{"model": "stable-image-ultra", "prompt": "a boat"}'
    head = (
        f"POST {PICTURES} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {running.key}\r\ncontent-length: {len(body)}\r\n"
        "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n"
    ).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(head + body[:20])
    await writer.drain()
    writer.write(body[20:] + LIVEZ + b"connection: close\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 300)
    writer.close()
    assert answer.count(b"HTTP/1.1 200") == 2
    assert b'"b64_json"' in answer
    assert answer.endswith(b'{"status":"ok"}')


async def test_a_tunnel_is_refused(running: Running) -> None:
    assert refusal_in(await running.raw(b"CONNECT x:80 HTTP/1.1\r\nhost: x\r\n\r\n"))[0] == 400


def send_whole_then_read(port: int, request: bytes) -> bytes:
    """As most clients do: everything is sent, come what may, before the answer is looked at."""
    with socket.create_connection(("127.0.0.1", port), timeout=300) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(("known", "status"), [(True, 413), (False, 401)])
async def test_who_sends_a_large_body_whole_before_reading_is_told_why_it_is_refused(
    running: Running, known: bool, status: int
) -> None:
    body = b" " * (8 * 1024 * 1024)
    key = running.key if known else "sl-unknown"
    head = f"POST {PICTURES} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {key}\r\n"
    request = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
    answer = await asyncio.to_thread(send_whole_then_read, running.port, request)
    assert int(answer.split()[1]) == status
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["message"]


async def test_who_sends_a_head_without_end_before_reading_is_told_so_too(running: Running) -> None:
    answer = await asyncio.to_thread(send_whole_then_read, running.port, LIVEZ + b"x-a: " + b"a" * 4_000_000)
    assert refusal_in(answer) == (431, "request_header_fields_too_large")


async def test_a_connection_goes_on_when_a_refused_body_has_been_read(running: Running) -> None:
    refused = f"POST {PICTURES} HTTP/1.1\r\nhost: x\r\ncontent-length: 300000\r\n\r\n".encode() + b" " * 300_000
    answer = await running.raw(refused + LIVEZ + b"connection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 401")
    assert answer.endswith(b'{"status":"ok"}')


@pytest.mark.parametrize("connection", ["close", "keep-alive"])
@pytest.mark.parametrize(("bound", "value"), [("LINGER_SECONDS", 0.1), ("LINGER_BYTES", 1_000_000)])
async def test_a_refused_body_that_never_ends_is_not_read_for_ever(
    running: Running, monkeypatch: pytest.MonkeyPatch, connection: str, bound: str, value: float
) -> None:
    monkeypatch.setattr(lingering, bound, value)
    head = f"POST {PICTURES} HTTP/1.1\r\nhost: x\r\nconnection: {connection}\r\ntransfer-encoding: chunked\r\n\r\n"
    _, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(head.encode())

    async def send_on() -> None:
        while True:
            writer.write(b"10000\r\n" + b" " * 65536 + b"\r\n")
            await writer.drain()

    with pytest.raises(ConnectionError):
        await send_on()
    writer.close()
    await until(lambda: len(running.server.server_state.connections) == 0)
