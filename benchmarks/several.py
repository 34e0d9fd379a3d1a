"""Several servers on one PostgreSQL, beside one on SQLite: jobs a second, time until told, what claims and leases cost.

The engine is the stand-in, which draws at once: what is measured is accepting, claiming, keeping and ending. Client,
servers and PostgreSQL share this machine. It needs PostgreSQL's programs, as the tests have them.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path

import httpx
import msgspec
from tests.contracts.jobs import job
from tests.postgres import new_server

from benchmarks.server import KEY, free_port, serving
from safelight.adapters.sql import Database, open_database
from safelight.contract.jobs import Origin
from safelight.service.ports.jobs import Ending

_CALLERS = 8
_TOLD = 60
_CLAIMS = 200
_RENEWED = 100
_HEADERS = {"authorization": f"Bearer {KEY}"}
_QUICK = {"engine": "fake", "queue_seconds": "3600", "jobs_waiting": "100000", "log_level": "error"}


def throughput(addresses: Sequence[str], jobs: int) -> tuple[float, float]:
    """Accepted and ended jobs a second, of so many that are sent by a few callers to the servers in turn."""
    turn, lock = cycle(addresses), threading.Lock()
    clients = {address: httpx.Client(base_url=address, headers=_HEADERS, timeout=120) for address in addresses}

    def send(number: int) -> None:
        with lock:
            client = clients[next(turn)]
        body = {"model": "postcard", "prompt": f"boat {number}", "size": "256x256", "seed": number + 1}
        client.post("/v1/images/generations", json=body, headers={"prefer": "respond-async"}).raise_for_status()

    begun = time.perf_counter()
    with ThreadPoolExecutor(_CALLERS) as callers:
        list(callers.map(send, range(jobs)))
    accepted = time.perf_counter() - begun
    client = clients[addresses[0]]
    while client.get("/v1/jobs", params={"state": "queued,running", "limit": 1}).raise_for_status().json()["data"]:
        time.sleep(0.05)
    ended = time.perf_counter() - begun
    for each in clients.values():
        each.close()
    return jobs / accepted, jobs / ended


def until_told(here: str, there: str) -> list[float]:
    """Seconds from the sending of a change to one server until it is told by a stream of another."""
    seconds: list[float] = []
    with httpx.Client(headers=_HEADERS, timeout=120) as client:
        (newest,) = client.get(f"{here}/v1/jobs", params={"limit": 1}).json()["data"]
        with client.stream("GET", f"{there}/v1/jobs/events") as events:
            lines = events.iter_lines()
            next(lines)
            for number in range(_TOLD):
                starred = number % 2 == 0
                begun = time.perf_counter()
                httpx.patch(f"{here}/v1/jobs/{newest['id']}", json={"starred": starred}, headers=_HEADERS, timeout=60)
                while f'"starred":{str(starred).lower()}' not in next(lines).replace(" ", ""):
                    pass
                seconds.append(time.perf_counter() - begun)
    return seconds


async def costs(database: Database) -> dict[str, float]:
    """Milliseconds that one call to the store takes, the median."""
    store = database.jobs
    origin = Origin(owner="key-a", request_id="r", created=time.time())
    jobs = [
        msgspec.structs.replace(job(number), id=f"job_bench{number}", origin=origin)
        for number in range(_CLAIMS + _RENEWED)
    ]
    found = {"accept": await _median([lambda each=each: store.add(each) for each in jobs])}  # type: ignore[misc]
    ids = [each.id for each in jobs]
    found["claim one"] = await _median(
        [lambda each=each: store.claim([each], 1, time.time(), database.process) for each in ids]  # type: ignore[misc]
    )
    for each in ids[_RENEWED:]:
        await store.end(each, Ending(state="cancelled", when=time.time()))
    found[f"renew {_RENEWED} leases"] = await _median([lambda: store.renew(database.process)] * 30)
    return found


async def _median(calls: Sequence[Callable[[], Awaitable[object]]]) -> float:
    seconds = []
    for call in calls:
        begun = time.perf_counter()
        await call()
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds) * 1000


async def _costs(home: Path, url: str | None) -> dict[str, float]:
    database = await open_database(home, url)
    try:
        return await costs(database)
    finally:
        await database.close()


def _row(name: str, figures: tuple[float, float]) -> None:
    print(f"{name:<28} {figures[0]:8.1f} accepted/s {figures[1]:8.1f} ended/s", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=400)
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = stack.enter_context(new_server(fsync="on", synchronous_commit="on", full_page_writes="on"))
        with serving(free_port(), **_QUICK) as one:
            _row("one, SQLite", throughput([str(one.client.base_url)], asked.jobs))
        for many in (1, 2, 4):
            shared = _QUICK | {"database": postgres.database(), "files": str(folder / f"pictures-{many}")}
            with ExitStack() as running:
                servers = [running.enter_context(serving(free_port(), **shared)) for _ in range(many)]
                addresses = [str(server.client.base_url) for server in servers]
                _row(f"{many}, PostgreSQL", throughput(addresses, asked.jobs))
                if many == 2:
                    told = sorted(until_told(*addresses))
                    print(
                        f"told at the other of two: median {statistics.median(told) * 1000:.1f} ms, "
                        f"p95 {told[int(len(told) * 0.95)] * 1000:.1f} ms",
                        flush=True,
                    )
        for name, url in (("SQLite", None), ("PostgreSQL", postgres.database())):
            home = folder / name
            found = asyncio.run(_costs(home, url))
            print(f"{name}: " + ", ".join(f"{what} {milliseconds:.2f} ms" for what, milliseconds in found.items()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
