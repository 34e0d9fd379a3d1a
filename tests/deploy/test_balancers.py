"""The balancers' files of `deploy/`, by Caddy and nginx themselves, before two servers of ours."""

from __future__ import annotations

import asyncio
import getpass
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from benchmarks.server import free_port

from tests.deploy.test_cluster import CADDY, NGINX
from tests.test_balancer import Backend, served


@asynccontextmanager
async def balanced_by(program: str, folder: Path, backends: list[int]) -> AsyncIterator[int]:
    """That program with its file, which names these servers instead; the port that it listens on."""
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin")
    if found is None:
        pytest.skip(f"{program} is missing: Debian has a package for it")
    port = free_port()
    text = (CADDY if program == "caddy" else NGINX).read_text()
    for number, backend in enumerate(backends, 1):
        text = text.replace(f"api-{number}:8484", f"127.0.0.1:{backend}")
    if program == "caddy":
        file = folder / "Caddyfile"
        file.write_text(text.replace(":8080", f"http://127.0.0.1:{port}").replace("/readyz", "/"))
        command = [found, "run", "--adapter", "caddyfile", "--config", str(file)]
    else:
        file = folder / "nginx.conf"
        listening = re.sub(r"listen 8080", f"listen 127.0.0.1:{port}", text)
        paths = "".join(
            f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        # Where tests run as root, its processes would be nobody's, who may not write there.
        own = f"user {getpass.getuser()}; pid {folder}/pid; error_log stderr; daemon off; events {{}}"
        file.write_text(f"{own} http {{ access_log off; {paths} {listening} }}")
        command = [found, "-c", str(file)]
    log = (folder / "log").open("wb")
    process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log, env={"HOME": str(folder)})
    try:
        while True:
            assert process.returncode is None, (folder / "log").read_text()
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)  # it has no other way to tell
            else:
                writer.close()
                await writer.wait_closed()
                break
        yield port
    finally:
        process.terminate()
        await process.wait()
        log.close()


@pytest.mark.parametrize("program", ["nginx", "caddy"])
async def test_requests_go_round_streams_come_as_they_are_sent_and_who_leaves_has_left(
    program: str, tmp_path: Path
) -> None:
    backends = Backend("a"), Backend("b")
    async with (
        served(backends) as ports,
        balanced_by(program, tmp_path, ports) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        names = [(await client.get("/")).headers["x-name"] for _ in range(8)]
        assert set(names) == {"a", "b"}
        assert max(names.count("a"), names.count("b")) <= 5
        assert (await client.get("/cluster/steps")).status_code == 404
        body = bytes(range(256)) * 8000
        assert (await client.post("/", content=body)).content == body
        async with client.stream("GET", "/stream") as answer:
            assert await anext(answer.aiter_raw()) == b"one"
            name = answer.headers["x-name"]
        left = next(backend.left for backend in backends if backend.name == name)
        await asyncio.wait_for(left.wait(), 60)


class Plain:
    """A server that reads requests, and then says this to each, or breaks off where that is nothing."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.read: list[str] = []

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
        await reader.readexactly(int(length[1]) if length else 0)
        self.read.append(head.partition(" ")[0])
        writer.write(self.answer)
        writer.close()


def said(status: str) -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode()


@asynccontextmanager
async def nginx_before(folder: Path, *servers: Plain) -> AsyncIterator[httpx.AsyncClient]:
    """nginx before these servers; of one alone the other takes no connection."""
    running: Sequence[asyncio.Server] = [await asyncio.start_server(each.take, "127.0.0.1", 0) for each in servers]
    ports = [each.sockets[0].getsockname()[1] for each in running]
    try:
        async with (
            balanced_by("nginx", folder, [*ports, free_port()][:2]) as port,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
        ):
            yield client
    finally:
        for each in running:
            each.close()


async def test_by_nginx_what_a_server_has_read_is_sent_to_another_only_where_that_draws_nothing_twice(
    tmp_path: Path,
) -> None:
    servers = Plain(b""), Plain(b"")  # whichever reads it breaks off
    async with nginx_before(tmp_path, *servers) as client:
        drawing = await client.post("/v1/images/generations", content=b"{}")
        assert drawing.status_code == 502
        assert sorted(len(server.read) for server in servers) == [0, 1]


async def test_by_nginx_a_key_lets_a_request_be_asked_again_of_the_other_server(tmp_path: Path) -> None:
    for answer in (b"", said("503 Service Unavailable")):
        servers = Plain(answer), Plain(said("200 OK"))
        folder = tmp_path / str(len(answer))
        folder.mkdir()
        async with nginx_before(folder, *servers) as client:
            for number in range(4):  # every other comes to the second server first
                key = {"idempotency-key": f"key {number}"}
                answered = await client.post("/v1/images/generations", content=b"x" * 100_000, headers=key)
                assert answered.status_code == 200
        assert servers[0].read
        assert len(servers[1].read) == 4


async def test_by_nginx_a_server_that_takes_no_connection_is_passed_over_for_any_request(tmp_path: Path) -> None:
    server = Plain(said("200 OK"))
    async with nginx_before(tmp_path, server) as client:
        for number in range(6):
            asked = await client.request("POST" if number % 2 else "GET", "/v1/images/generations", content=b"{}")
            assert asked.status_code == 200
    assert len(server.read) == 6


async def test_by_nginx_a_503_goes_to_its_caller_and_the_server_is_not_passed_over(tmp_path: Path) -> None:
    """It is mostly said to one key."""
    servers = Plain(said("503 Service Unavailable")), Plain(said("503 Service Unavailable"))
    async with nginx_before(tmp_path, *servers) as client:
        for _ in range(4):
            assert (await client.post("/v1/images/generations", content=b"{}")).status_code == 503
    assert [len(server.read) for server in servers] == [2, 2]
