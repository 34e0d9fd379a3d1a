"""The balancer of the tests, since what runs behind it is believed because of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx
import pytest
from benchmarks.server import free_port
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from safelight.api.http.server import Server, listen
from safelight.settings import read_settings
from tests.balancer import Balancer, balancing


class Backend:
    """A small server that says who it is."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.left = asyncio.Event()
        self.go_on = asyncio.Event()
        self.app = Starlette(
            routes=[Route("/", self.echo, methods=["GET", "POST"]), Route("/{path:path}", self.stream)]
        )

    async def echo(self, request: Request) -> Response:
        return Response(await request.body(), headers={"x-name": self.name})

    async def stream(self, request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            try:
                yield b"one"
                await self.go_on.wait()
                yield b"two"
            finally:
                self.left.set()

        return StreamingResponse(pieces(), headers={"x-name": self.name})


@pytest.fixture
def backends() -> tuple[Backend, Backend]:
    return Backend("a"), Backend("b")


@asynccontextmanager
async def served(backends: Sequence[Backend]) -> AsyncIterator[list[int]]:
    """Those servers, running; their ports."""
    servers, serving, listeners = [], [], []

    async def drain() -> None:
        pass

    for backend in backends:
        started = asyncio.Event()
        server = Server(backend.app, read_settings({"port": 0}), drain=drain, on_started=started.set)
        listeners.append(listen("127.0.0.1", 0))
        serving.append(asyncio.create_task(server.serve([listeners[-1]])))
        servers.append(server)
        await started.wait()
    try:
        yield [listener.getsockname()[1] for listener in listeners]
    finally:
        for backend, server in zip(backends, servers, strict=True):
            backend.go_on.set()
            server.should_exit = True
        await asyncio.gather(*serving)
        for listener in listeners:
            listener.close()


@pytest.fixture
async def balancer(backends: tuple[Backend, Backend]) -> AsyncIterator[Balancer]:
    async with served(backends) as ports, balancing(ports) as balancer:
        yield balancer


@pytest.fixture
async def client(balancer: Balancer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{balancer.port}", timeout=60) as client:
        yield client


async def test_requests_of_one_connection_go_round(client: httpx.AsyncClient, balancer: Balancer) -> None:
    names = [(await client.get("/")).headers["x-name"] for _ in range(6)]
    assert names in (["a", "b"] * 3, ["b", "a"] * 3)
    assert set(Counter(balancer.served).values()) == {3}


async def test_bodies_pass_whole_in_both_framings(client: httpx.AsyncClient) -> None:
    body = bytes(range(256)) * 3000

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 10_000):
            yield body[start : start + 10_000]

    assert (await client.post("/", content=body)).content == body
    assert (await client.post("/", content=pieces())).content == body
    assert (await client.head("/")).status_code == 200


async def test_a_stream_comes_as_it_is_sent_and_who_leaves_has_left(
    client: httpx.AsyncClient, backends: tuple[Backend, Backend]
) -> None:
    async with client.stream("GET", "/stream") as answer:
        assert await anext(answer.aiter_raw()) == b"one"
        name = answer.headers["x-name"]
    left = next(backend.left for backend in backends if backend.name == name)
    await asyncio.wait_for(left.wait(), 60)


async def test_a_server_that_is_away_is_passed_over(client: httpx.AsyncClient, balancer: Balancer) -> None:
    gone = free_port()
    balancer.ports.insert(0, gone)
    for _ in range(6):
        assert (await client.get("/")).status_code == 200
    balancer.ports[:] = [gone]
    assert (await client.get("/")).status_code == 502
