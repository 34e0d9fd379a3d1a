"""A whole server on a real port, with the shipped fakes behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import httpx
import pytest

from safelight.adapters.fake.engine import FakeEngine
from safelight.adapters.fake.memory_state import MemoryKeyStore, MemoryLedger, MemoryLinks, MemorySessionStore
from safelight.adapters.files import open_files
from safelight.adapters.metrics import PrometheusTelemetry
from safelight.adapters.pictures.decoder import PictureProcesses
from safelight.adapters.sql import open_database
from safelight.api.app import create_app
from safelight.api.http.server import Server, listen
from safelight.api.services import Services
from safelight.bootstrap.stores.tending import address_for_peers, tend
from safelight.bootstrap.use_cases.services import PAGE, Stores, open_services
from safelight.service.access.keys import Keys
from safelight.service.access.links import Links
from safelight.service.drawing.finishing.review import Review
from safelight.settings import Settings, read_settings
from tests.balancer import balancing

PICTURES = "/v1/images/generations"
_T = TypeVar("_T")


@dataclass(frozen=True)
class Running:
    """A running server, and what stands behind it. `client` sends the key of `key`.

    With `--several` the client asks two `servers` in turn, `port` and all others are those of the first.
    """

    client: httpx.AsyncClient
    port: int
    key: str
    services: Services
    engine: FakeEngine
    ledger: MemoryLedger
    server: Server
    links: Links
    servers: int = 1

    async def files(self) -> dict[str, bytes]:
        """What the place for pictures holds, whichever it is."""
        store = open_files(self.services.settings.files, self.services.settings.home)
        names = [entry.name async for batch in store.entries() for entry in batch]
        return {name.rpartition("/")[2]: await store.get(name) or b"" for name in names}

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
    """Starts a server with these settings and this engine; it stops with the test. What is `kept` has its keys,
    sessions and ledger in the database as well."""

    async def __call__(
        self,
        *,
        engine: FakeEngine | None = None,
        page: Path | None = None,
        review: Review | None = None,
        kept: bool = False,
        **settings: object,
    ) -> Running: ...


@dataclass(frozen=True)
class Shared:
    """What the servers of one test share. `url` None: there is one, with a database in its folder; `kept` says whether
    keys, sessions and the ledger are in it too."""

    engine: FakeEngine
    page: Path
    review: Review | None
    settings: Settings
    ledger: MemoryLedger
    url: str | None = None
    kept: bool = False


@dataclass(frozen=True)
class Node:
    """One server, as a process would be."""

    port: int
    server: Server
    services: Services
    keys: Keys
    links: Links


@asynccontextmanager
async def node(shared: Shared) -> AsyncIterator[Node]:
    """A server from its start to its orderly end."""
    engine = shared.engine
    with listen("127.0.0.1", 0) as listener:
        # Servers of one database find each other by the ports that they have.
        port = shared.settings.port if shared.url is None else listener.getsockname()[1]
        settings = shared.settings.model_copy(update={"port": port})
        database, telemetry, pictures = (
            await open_database(settings.home, shared.url),
            PrometheusTelemetry(),
            PictureProcesses(),
        )
        alone = shared.url is None
        in_memory = alone and not shared.kept
        environment_key = settings.api_key.get_secret_value() if settings.api_key else None
        keys = Keys(
            MemoryKeyStore() if in_memory else database.keys,
            environment_key,
            database.clock,
            environment_admin=settings.api_key_is_admin,
        )
        links = Links(database.links or MemoryLinks())
        stores = Stores(
            database=database,
            ledger=database.ledger(telemetry) if shared.kept else shared.ledger,
            sessions=MemorySessionStore() if in_memory else database.sessions,
            cookie_name=await database.cookie_name(settings.port),
            link_secret=await database.link_secret(),
            pictures=pictures,
        )
        services = open_services(settings, engine, stores, keys, links, telemetry, shared.page, shared.review)
        generate, jobs = services.generate, services.jobs
        tending: list[asyncio.Task[None]] = []
        if alone:
            assert await jobs.tending.claim()
        else:
            jobs.peers.address = await address_for_peers(settings, database)
            tending = [asyncio.create_task(tend(jobs, database, keys, services.batches))]
        started = asyncio.Event()
        server = Server(create_app(services), settings, drain=generate.drain, on_started=started.set)
        serving = asyncio.create_task(server.serve([listener]))
        await started.wait()
        jobs.peers.address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        yield Node(listener.getsockname()[1], server, services, keys, links)
        server.should_exit = True
        jobs.tending.close()
        draining = asyncio.create_task(generate.drain())
        await asyncio.sleep(0)  # from here on nothing new is begun
        await engine.stop()
        await serving
        await asyncio.gather(draining, jobs.tending.settle())
        for task in tending:
            task.cancel()
        await asyncio.gather(*tending, return_exceptions=True)
        await jobs.tending.leave()
        await services.close()
        await pictures.close()
        await database.close()


@asynccontextmanager
async def _running(shared: Shared) -> AsyncIterator[Running]:
    """One server; or two, of which the tests see the first when they look behind the balancer."""
    async with AsyncExitStack() as stack:
        nodes = [await stack.enter_async_context(node(shared)) for _ in range(1 if shared.url is None else 2)]
        first, port = nodes[0], nodes[0].port
        if len(nodes) > 1:
            balancer = await stack.enter_async_context(balancing([node.port for node in nodes]))
            port = balancer.port
        minted = await first.keys.create("test")
        headers = {"authorization": f"Bearer {minted.text}"}
        if len(nodes) > 1:
            headers["x-forwarded-prefix"] = "/"  # as a balancer says that puts its servers behind no path
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=300) as client:
            yield Running(
                client,
                first.port,
                minted.text,
                first.services,
                shared.engine,
                shared.ledger,
                first.server,
                first.links,
                len(nodes),
            )


@pytest.fixture
async def serve(
    tmp_path: Path, with_database: Callable[[Path], Path], several: tuple[str, str] | None
) -> AsyncIterator[Serve]:
    """Start servers at will; with `--several`, two each time, on one PostgreSQL and one bucket."""
    url, files = several or (None, None)
    ours: dict[str, object] = {"home": with_database(tmp_path), "port": 0} | ({"files": files} if files else {})
    async with AsyncExitStack() as stack:

        async def start(
            *,
            engine: FakeEngine | None = None,
            page: Path | None = None,
            review: Review | None = None,
            kept: bool = False,
            **settings: object,
        ) -> Running:
            shared = Shared(
                engine or FakeEngine(("postcard",)),
                page or PAGE,
                review,
                read_settings(ours | settings),
                MemoryLedger(),
                url,
                kept,
            )
            return await stack.enter_async_context(_running(shared))

        yield start


@pytest.fixture
async def running(serve: Serve) -> Running:
    """A server as it is by default."""
    return await serve()


async def until(condition: Any) -> None:
    """Give other tasks their turn until the condition holds; the test's own time limit bounds it."""
    while not condition():  # noqa: ASYNC110 - what is waited for happens in several tasks, none of which has an event
        await asyncio.sleep(0.001)


async def until_seen(ask: Callable[[], Awaitable[_T]], enough: Callable[[_T], bool]) -> _T:
    """Ask again until the answer is enough, which nobody tells; less often the longer it takes, since whoever is asked
    takes the time from what is waited for. The test's own time limit bounds it."""
    pause = 0.002
    while not enough(answer := await ask()):
        await asyncio.sleep(pause)
        pause = min(2 * pause, 0.05)
    return answer
