"""Several servers on one PostgreSQL, beside one on SQLite: jobs a second, time until told, what claims and leases cost.

The engine is the stand-in, which draws at once: what is measured is accepting, claiming, keeping and ending. Client,
servers and PostgreSQL share this machine. It needs PostgreSQL's programs (Debian: `postgresql`).
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

from benchmarks.postgres import new_server
from benchmarks.server import KEY, free_port, serving
from benchmarks.telling import Told, measure
from safelight.adapters.sql import Database, open_database
from safelight.contract.records.jobs import JobRecord, Origin, Wanted
from safelight.service.ports.stores.jobs import Ending

_CALLERS = 8
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
        headers = {"prefer": "respond-async", "idempotency-key": f"{number}"}
        while (answer := client.post("/v1/images/generations", json=body, headers=headers)).status_code == 503:
            time.sleep(1)  # on a busy machine the database may take longer than a request waits
        answer.raise_for_status()

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


async def costs(database: Database) -> dict[str, float]:
    """Milliseconds that one call to the store takes, the median."""
    store = database.jobs
    jobs = [_job(number) for number in range(_CLAIMS + _RENEWED)]
    found = {"accept": await _median([lambda each=each: store.add(each) for each in jobs])}  # type: ignore[misc]
    ids = [each.id for each in jobs]
    found["claim one"] = await _median(
        [lambda each=each: store.claim([each], 1, time.time(), database.process) for each in ids]  # type: ignore[misc]
    )
    ending = Ending(state="cancelled", when=time.time())
    found["end one"] = await _median([lambda each=each: store.end(each, ending) for each in ids[_RENEWED:]])  # type: ignore[misc]
    found[f"renew {_RENEWED} leases"] = await _median([lambda: store.renew(database.process)] * 30)
    return found


def _job(number: int) -> JobRecord:
    wanted = Wanted(
        model="postcard",
        drawn_by="postcard",
        request={"prompt": "a boat", "seed": 7},
        seed=7,
        width=256,
        height=256,
        output_format="png",
    )
    return JobRecord(id=f"job_{number}", origin=Origin(owner="key", request_id="r", created=time.time()), wanted=wanted)


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


def _print_told(table: Sequence[Told]) -> None:
    print(f"\n{'told by the other of two':<40} {'median ms':>10} {'p95 ms':>10} {'target':>10}   samples")
    for told in table:
        milliseconds = f"{told.median * 1000:>10.1f} {told.p95 * 1000:>10.1f} {told.target * 1000:>10.0f}"
        print(f"{told.what:<40} {milliseconds}   {len(told.seconds)}{'' if told.is_met else '   missed'}", flush=True)


def _print_costs(columns: dict[str, dict[str, float]]) -> None:
    print(f"\n{'a call to the store, median ms':<40}" + "".join(f"{name:>12}" for name in columns))
    for what in next(iter(columns.values())):
        print(f"{what:<40}" + "".join(f"{column[what]:>12.2f}" for column in columns.values()), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=400)
    parser.add_argument("--samples", type=int, default=200, help="how often each change is made until it is told")
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
                _row(f"{many}, PostgreSQL", throughput([str(server.client.base_url) for server in servers], asked.jobs))
        url, hold = postgres.database(), folder / "hold"
        shared = _QUICK | {"database": url, "files": str(folder / "pictures-told"), "fake_hold": str(hold)}
        with serving(free_port(), **shared) as here, serving(free_port(), **shared) as there:
            table = measure(here, there, hold, postgres, url.partition("@/")[2].partition("?")[0], asked.samples)
            hold.unlink()
        _print_told(table)
        _print_costs(
            {
                "SQLite": asyncio.run(_costs(folder / "SQLite", None)),
                "PostgreSQL": asyncio.run(_costs(folder / "PostgreSQL", postgres.database())),
            }
        )
    return 0 if all(told.is_met for told in table) else 1


if __name__ == "__main__":
    raise SystemExit(main())
