"""How long one key's picture takes beside another key that always has many asked for, over HTTP, drawn by Postcard.

    python -m benchmarks.fairness [--rounds 3] [--asked 4]

Two keys and one server. The modest key asks for a 512x512 picture of 4 steps now and then. The greedy key has none, 1,
24 or 200 of 1024x1024 asked for on open connections, or 200 as durable jobs, in turns within each round. The modest key
asks for a durable job too, alone and beside the jobs. The target: at most 1.5 times the time alone (mean).
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks.server import free_port, serving
from safelight.adapters.sql import open_database
from safelight.service.access.keys import Keys

TARGET = 1.5
MANY = 200
_PICTURES = "/v1/images/generations"
_SHORT = {"size": "512x512", "steps": 4}
_LARGE = {"size": "1024x1024"}
_AS_JOB = {"prefer": "respond-async"}
_SETTLED_SECONDS = 2.0
_PAUSE_SECONDS = (0.5, 1.0)
_pauses = random.Random(7)

Ask = Callable[[], Awaitable[object]]


class Caller:
    """One key: no picture that it asks for is like an earlier one."""

    _seeds = itertools.count(1)

    def __init__(self, port: int, key: str) -> None:
        self.http = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            headers={"authorization": f"Bearer {key}"},
            timeout=3600,
            limits=httpx.Limits(max_connections=MANY + 10),
        )

    async def picture(self, **fields: object) -> None:
        """Ask for a picture and wait for it."""
        (await self.http.post(_PICTURES, json=self._body(fields))).raise_for_status()

    async def accepted(self, **fields: object) -> str:
        """Have a job accepted; where it is."""
        answer = await self.http.post(_PICTURES, json=self._body(fields), headers=_AS_JOB)
        return str(answer.raise_for_status().headers["location"])

    async def job(self, **fields: object) -> None:
        """Have a job accepted and wait until it has ended: its events end with it."""
        (await self.http.get(f"{await self.accepted(**fields)}/events")).raise_for_status()

    def _body(self, fields: dict[str, object]) -> dict[str, Any]:
        seed = next(Caller._seeds)
        return {"model": "postcard", "prompt": "a lighthouse by the sea", "seed": seed, **fields}


@asynccontextmanager
async def always(greedy: Caller, count: int) -> AsyncIterator[None]:
    """While this is entered, so many large pictures are asked for: when one is answered, the next is sent."""

    async def one_after_another() -> None:
        while True:
            await greedy.picture(**_LARGE)

    tasks = [asyncio.create_task(one_after_another()) for _ in range(count)]
    try:
        await asyncio.sleep(_SETTLED_SECONDS if count else 0.0)
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        failed = [error for error in ended if isinstance(error, Exception)]
        if failed:
            raise failed[0]


@asynccontextmanager
async def jobs(greedy: Caller, count: int) -> AsyncIterator[None]:
    """While this is entered, so many jobs of large pictures have been accepted, and none is lacking for long."""
    places = [await greedy.accepted(**_LARGE) for _ in range(count)]

    async def replaced() -> None:
        for place in places:
            await greedy.http.get(f"{place}/events")
            places.append(await greedy.accepted(**_LARGE))

    task = asyncio.create_task(replaced())
    try:
        await asyncio.sleep(_SETTLED_SECONDS)
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        for place in places:
            await greedy.http.delete(place)


async def seconds_of(ask: Ask, times: int) -> list[float]:
    """Of one now and then: who asks without a pause wants more than half of the device, and has half of it."""
    taken = []
    for _ in range(times):
        await asyncio.sleep(_pauses.uniform(*_PAUSE_SECONDS))
        begun = time.perf_counter()
        await ask()
        taken.append(time.perf_counter() - begun)
    return taken


async def measure(port: int, modest_key: str, greedy_key: str, rounds: int, asked: int) -> dict[str, list[float]]:
    """Seconds of every short picture, by what it was beside."""
    modest, greedy = Caller(port, modest_key), Caller(port, greedy_key)
    seconds: dict[str, list[float]] = {}

    async def short() -> None:
        await modest.picture(**_SHORT)

    async def short_job() -> None:
        await modest.job(**_SHORT)

    async def noted(name: str, ask: Ask) -> None:
        seconds.setdefault(name, []).extend(await seconds_of(ask, asked))

    await seconds_of(short, 2)
    await seconds_of(short_job, 2)
    for _ in range(rounds):
        await noted("alone", short)
        await noted("a job, alone", short_job)
        for count in (1, 24, MANY):
            async with always(greedy, count):
                await noted(f"beside {count}", short)
        async with jobs(greedy, MANY):
            await noted(f"beside {MANY} jobs", short)
            await noted(f"a job, beside {MANY} jobs", short_job)
    await modest.http.aclose()
    await greedy.http.aclose()
    return seconds


async def _keys(home: Path) -> tuple[str, str]:
    database = await open_database(home)
    keys = Keys(database.keys)
    minted = [(await keys.create(name)).text for name in ("modest", "greedy")]
    await database.close()
    return minted[0], minted[1]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--asked", type=int, default=4)
    parser.add_argument("--workers", default="1")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        modest, greedy = asyncio.run(_keys(Path(folder)))
        with serving(port, home=folder, workers=chosen.workers, queue_seconds="86400"):
            seconds = asyncio.run(measure(port, modest, greedy, chosen.rounds, chosen.asked))
    worst = 0.0
    for name, taken in seconds.items():
        alone = seconds["a job, alone" if name.startswith("a job") else "alone"]
        ratio = statistics.mean(taken) / statistics.mean(alone)
        worst = max(worst, ratio)
        print(f"{name:26} mean {statistics.mean(taken):6.2f} s   longest {max(taken):6.2f} s   {ratio:5.2f} x alone")
    print(f"target {TARGET:g}: {'held' if worst <= TARGET else 'missed'}")
    return 0 if worst <= TARGET else 1


if __name__ == "__main__":
    raise SystemExit(main())
