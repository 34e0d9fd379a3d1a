"""The edge of HTTP: heads that do not end, connections that say nothing, offers of other protocols."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from pathlib import Path

import pytest

from safelight.api.http import delivery, lingering
from safelight.api.http.protocol import HttpProtocol
from tests.api.conftest import PICTURES, Running, Serve, until
from tests.api.test_jobs import accept, ended

LIVEZ = b"GET /livez HTTP/1.1\r\nhost: localhost\r\n"


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


@pytest.mark.parametrize("asks", [True, False])
async def test_who_has_just_connected_when_the_server_ends_is_answered_if_it_asks(
    running: Running, monkeypatch: pytest.MonkeyPatch, asks: bool
) -> None:
    monkeypatch.setattr(HttpProtocol, "fresh_seconds", 300.0 if asks else 0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    await until(lambda: running.server.server_state.connections)
    running.server.should_exit = True
    await until(lambda: not any(each.is_serving() for each in running.server.servers))
    if asks:
        writer.write(LIVEZ + b"connection: close\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 300)
    writer.close()
    assert answer.endswith(b'{"status":"ok"}') if asks else answer == b""


async def test_the_time_for_a_head_is_not_the_time_for_a_picture(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HttpProtocol, "head_seconds", 0.1)
    running = await serve()
    running.engine.gate.clear()
    body = b'{"model": "stable-image-ultra", "prompt": "a boat"}'
    head = (
        f"POST {PICTURES} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {running.key}\r\n"
    )
    drawing, writer = await sent_at_once(running, f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    await until(lambda: running.engine.state().running == 1)
    assert await running.raw(b"") == b""  # a second connection's time for its head has run out meanwhile
    running.engine.gate.set()
    assert (await drawing.read()).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_an_offer_of_http_2_is_declined_and_the_body_is_read(running: Running) -> None:
    body = b'{"model": "stable-image-ultra", "prompt": "a boat"}'
    head = (
        f"POST {PICTURES} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {running.key}\r\n"
        f"content-length: {len(body)}\r\nconnection: Upgrade, HTTP2-Settings\r\n"
        "upgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n"
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
    assert refusal_in(await running.raw(b"CONNECT x:80 HTTP/1.1\r\nhost: localhost\r\n\r\n"))[0] == 400


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
    head = f"POST {PICTURES} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {key}\r\n"
    request = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
    answer = await asyncio.to_thread(send_whole_then_read, running.port, request)
    assert int(answer.split()[1]) == status
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["message"]


async def test_who_sends_a_head_without_end_before_reading_is_told_so_too(running: Running) -> None:
    answer = await asyncio.to_thread(send_whole_then_read, running.port, LIVEZ + b"x-a: " + b"a" * 4_000_000)
    assert refusal_in(answer) == (431, "request_header_fields_too_large")


async def test_a_connection_goes_on_when_a_refused_body_has_been_read(running: Running) -> None:
    refused = f"POST {PICTURES} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 300000\r\n\r\n".encode() + b" " * 300_000
    answer = await running.raw(refused + LIVEZ + b"connection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 401")
    assert answer.endswith(b'{"status":"ok"}')


@pytest.mark.parametrize("connection", ["close", "keep-alive"])
@pytest.mark.parametrize(("bound", "value"), [("LINGER_SECONDS", 0.1), ("LINGER_BYTES", 1_000_000)])
async def test_a_refused_body_that_never_ends_is_not_read_for_ever(
    running: Running, monkeypatch: pytest.MonkeyPatch, connection: str, bound: str, value: float
) -> None:
    monkeypatch.setattr(lingering, bound, value)
    head = (
        f"POST {PICTURES} HTTP/1.1\r\nhost: localhost\r\nconnection: {connection}\r\ntransfer-encoding: chunked\r\n\r\n"
    )
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


async def test_an_idle_connection_is_kept_as_long_as_the_setting_says(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HttpProtocol, "head_seconds", 0.1)
    running = await serve(keep_alive_seconds=1)
    reader, writer = await sent_at_once(running, LIVEZ + b"\r\n")
    for _ in range(2):
        assert b"200" in await reader.readline()
        await reader.readuntil(b'"ok"}')
        assert await running.raw(b"") == b""  # the time in which a new connection must say something has passed
        writer.write(LIVEZ + b"\r\n")
    await reader.readuntil(b'"ok"}')
    assert await reader.read() == b""
    writer.close()


async def test_the_first_byte_of_a_later_request_starts_the_time_for_its_head(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HttpProtocol, "head_seconds", 0.1)
    running = await serve(keep_alive_seconds=3600)
    reader, writer = await sent_at_once(running, LIVEZ + b"\r\n")
    await reader.readuntil(b'"ok"}')
    writer.write(b"GET /livez")
    assert refusal_in(await reader.read()) == (408, "request_timeout")
    writer.close()


LARGE_BYTES = 24 * 1024 * 1024


async def large_picture(running: Running, home: Path) -> bytes:
    """A request for a job's picture whose file is large."""
    job = await ended(running, (await accept(running))["id"])
    (file,) = [path for path in (home / "files").rglob(f"{job['id']}.1.png") if path.is_file()]
    os.truncate(file, LARGE_BYTES)
    head = f"GET {job['image']['path']} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {running.key}\r\n"
    return f"{head}connection: close\r\n\r\n".encode()


@pytest.mark.one_process("it makes a kept file large, in its folder")
async def test_an_answer_that_nobody_reads_ends(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "STALLED_SECONDS", 0.1)
    request = await large_picture(running, tmp_path)
    before = len(running.server.connections)
    with socket.create_connection(("127.0.0.1", running.port)) as unread:
        unread.sendall(request)
        await until(lambda: len(running.server.connections) == before + 1)
        await until(lambda: len(running.server.connections) == before)


@pytest.mark.one_process("it makes a kept file large, in its folder")
async def test_an_answer_that_is_read_slowly_goes_on(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "STALLED_SECONDS", 0.2)
    monkeypatch.setattr(delivery, "LEAST_BYTES", 1)
    request, looks = await large_picture(running, tmp_path), 0
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port, limit=65536)
    writer.write(request)
    _, _, body = (await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n\r\n")
    received = len(body)
    while piece := await reader.read(32768):
        received += len(piece)
        looks += 1
    writer.close()
    assert received == LARGE_BYTES
    assert looks > 1


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("evil.example", 421),
        ("evil.example:8484", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("EVIL.example.", 421),
        ("127.0.0.1", 200),
        ("[::1]:8484", 200),
        ("192.168.1.5:80", 200),
        ("LocalHost", 200),
        ("studio.localhost:1", 200),
        ("host.docker.internal:8484", 200),
        (socket.gethostname(), 200),
        ("", 200),
        ("images.example.org:443", 200),
        ("a.pictures.example.org", 200),
        ("pictures.example.org.evil.example", 421),
    ],
)
async def test_what_arrives_over_the_loopback_was_meant_for_this_machine(serve: Serve, host: str, status: int) -> None:
    running = await serve(allowed_hosts=("images.example.org", "*.pictures.example.org"))
    for path in ("/livez", "/studio", "/nothing"):
        answer = await running.client.get(path, headers={"host": host})
        assert (answer.status_code == 421) == (status == 421)
        if status == 421:
            assert answer.json()["error"]["code"] == "misdirected_request"
            assert answer.headers["x-request-id"]


async def test_every_name_is_answered_to_where_the_operator_says_so(serve: Serve) -> None:
    running = await serve(allowed_hosts="*")
    assert (await running.client.get("/livez", headers={"host": "evil.example"})).status_code == 200
