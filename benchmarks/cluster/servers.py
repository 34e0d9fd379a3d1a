"""Api processes over the cluster, as operators start them, and callers who speak HTTP to them in turn."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from benchmarks.server import KEY, Server, free_port, serving
from safelight.adapters.sql import open_database
from safelight.service.access.keys import Keys

_PATIENCE_SECONDS = 600.0


@dataclass
class Servers:
    """`flooding` and `light` are two keys that each of them knows."""

    running: list[Server]
    flooding: str
    light: str
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def body(self, steps: int, **fields: Any) -> dict[str, Any]:
        """A picture that nobody else asks for."""
        seed = next(self._numbers)
        return {"model": "postcard", "prompt": "a boat", "size": "256x256", "seed": seed, "steps": steps} | fields

    @contextmanager
    def callers(self, key: str) -> Iterator[Callers]:
        """Who asks them in turn with that key."""
        yield Callers(self, [str(each.client.base_url) for each in self.running], key)


class Callers:
    """Ask one server after the other. Within `async with`."""

    def __init__(self, servers: Servers, addresses: list[str], key: str) -> None:
        limits = httpx.Limits(max_connections=1000)
        headers = {"authorization": f"Bearer {key}"}
        self._clients = [
            httpx.AsyncClient(base_url=each, headers=headers, timeout=_PATIENCE_SECONDS, limits=limits)
            for each in addresses
        ]
        self._turn = itertools.cycle(self._clients)
        self._servers = servers

    async def __aenter__(self) -> Callers:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(client.aclose() for client in self._clients))

    async def picture(self, steps: int) -> float:
        """Seconds until it was there."""
        began = time.perf_counter()
        answer = await next(self._turn).post("/v1/images/generations", json=self._servers.body(steps))
        answer.raise_for_status()
        return time.perf_counter() - began

    def stream(self, steps: int, server: int | None = None) -> Any:
        """An answer whose head comes as soon as the request is let in, or refused; an async context manager."""
        client = next(self._turn) if server is None else self._clients[server]
        return client.stream("POST", "/v1/images/generations", json=self._servers.body(steps, stream=True))


@contextmanager
def servers(count: int, hosts: str, workers: int, **settings: str) -> Iterator[Servers]:
    """So many, each with a state folder of its own and the same keys, that know so many workers."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "made").mkdir()
        light = asyncio.run(_key(folder / "made"))
        told = {"engine": "ray", "hosts": hosts, "api_key_is_admin": "true", "log_level": "error"} | settings
        running = []
        for number in range(count):
            home = shutil.copytree(folder / "made", folder / str(number))
            running.append(stack.enter_context(serving(free_port(), home=str(home), **told)))
        for each in running:
            while len(each.client.get("/v1/state").raise_for_status().json()["workers"]) < workers:
                time.sleep(0.1)
        yield Servers(running, KEY, light)


async def _key(home: Path) -> str:
    database = await open_database(home)
    try:
        return (await Keys(database.keys).create("light")).text
    finally:
        await database.close()
