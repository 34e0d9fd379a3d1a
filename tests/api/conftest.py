"""A whole server on a real port, with the shipped fakes behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest

from safelight.adapters.fake.engine import FakeEngine
from safelight.adapters.fake.memory_state import MemoryKeyStore, MemoryLedger, MemoryLinks, MemorySessionStore
from safelight.adapters.metrics import PrometheusTelemetry
from safelight.adapters.pictures.decoder import PictureProcesses
from safelight.adapters.sql import open_database
from safelight.api.app import create_app
from safelight.api.http.server import Server, listen
from safelight.api.services import Services
from safelight.bootstrap.services import PAGE, Stores, open_services
from safelight.service.access.keys import Keys
from safelight.service.access.links import Links
from safelight.service.drawing.review import Review
from safelight.settings import read_settings

PICTURES = "/v1/images/generations"


@dataclass(frozen=True)
class Running:
    """A running server, and what stands behind it. `client` sends the key of `key`."""

    client: httpx.AsyncClient
    port: int
    key: str
    services: Services
    engine: FakeEngine
    ledger: MemoryLedger
    server: Server
    links: Links

    async def draw(self, **fields: Any) -> httpx.Response:
        """Ask for a picture."""
        body = {"model": "stable-image-ultra", "prompt": "a boat"} | fields
        return await self.client.post(PICTURES, json=body)

    async def raw(self, request: bytes) -> bytes:
        """What the server answers to these bytes, until it closes the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            return await asyncio.wait_for(reader.read(), 300)
        finally:
            writer.close()


class Serve(Protocol):
    """Starts a server with these settings and this engine; it stops with the test."""

    async def __call__(
        self,
        *,
        engine: FakeEngine | None = None,
        page: Path | None = None,
        review: Review | None = None,
        **settings: object,
    ) -> Running: ...


@asynccontextmanager
async def _running(
    engine: FakeEngine, home: Path, page: Path, review: Review | None, settings_given: dict[str, object]
) -> AsyncIterator[Running]:
    settings = read_settings({"home": home, "port": 0} | settings_given)
    telemetry, ledger = PrometheusTelemetry(), MemoryLedger()
    keys = Keys(MemoryKeyStore())
    minted = await keys.create("test")
    database = await open_database(home)
    links = Links(MemoryLinks())
    cookie_name, pictures = await database.cookie_name(settings.port), PictureProcesses()
    stores = Stores(
        database=database, ledger=ledger, sessions=MemorySessionStore(), cookie_name=cookie_name, pictures=pictures
    )
    services = open_services(settings, engine, stores, keys, links, telemetry, page, review)
    generate, jobs = services.generate, services.jobs
    assert await jobs.tending.claim()
    started = asyncio.Event()
    server = Server(create_app(services), settings, drain=generate.drain, on_started=started.set)
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        serving = asyncio.create_task(server.serve([listener]))
        await started.wait()
        headers = {"authorization": f"Bearer {minted.text}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=300) as client:
            yield Running(client, port, minted.text, services, engine, ledger, server, links)
        server.should_exit = True
        jobs.tending.close()
        draining = asyncio.create_task(generate.drain())
        await asyncio.sleep(0)  # from here on nothing new is begun
        await engine.stop()
        await serving
        await asyncio.gather(draining, jobs.tending.settle())
        await services.close()
    await pictures.close()
    await database.close()


@pytest.fixture
async def serve(tmp_path: Path, with_database: Callable[[Path], Path]) -> AsyncIterator[Serve]:
    """Start servers at will."""
    async with AsyncExitStack() as stack:

        async def start(
            *,
            engine: FakeEngine | None = None,
            page: Path | None = None,
            review: Review | None = None,
            **settings: object,
        ) -> Running:
            engine = engine or FakeEngine(("postcard",))
            return await stack.enter_async_context(
                _running(engine, with_database(tmp_path), page or PAGE, review, settings)
            )

        yield start


@pytest.fixture
async def running(serve: Serve) -> Running:
    """A server as it is by default."""
    return await serve()


async def until(condition: Any) -> None:
    """Give other tasks their turn until the condition holds; the test's own time limit bounds it."""
    while not condition():  # noqa: ASYNC110 - what is waited for happens in several tasks, none of which has an event
        await asyncio.sleep(0.001)
