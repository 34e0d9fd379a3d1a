"""How long pictures wait among many workers, by who chooses where they are drawn; and what the line itself costs.

    python -m benchmarks.placing [--workers 64 256 1000] [--pictures 24000]

Discrete events over the real line (`service/line`) and the real schedule in each worker (`scheduling/policy.py`): works
of 0.5, 4 and 20 s (70, 25 and 5 %), eight api processes, a key that floods with half of all requests, and 50 others.
Target: a light key's short picture takes at most 1.2 times its time alone in the mean, and 4 times at the 99th
percentile. Then beside a key that always has more waiting than the workers can do: at most 2.5 times in the mean, where
sharing a worker with it takes 2. The line's cost is measured with its messages as bytes, in batches, by one processor
and without Ray.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from benchmarks.simulated_cluster import (
    BestOfTwo,
    Chooser,
    OneLine,
    SimulatedCluster,
    StaleBacklogs,
    arrivals,
    overload,
    slowdowns,
)
from safelight.protocol.cluster.placing import ApiBatch, Ask, Ended, HostModel, HostReport
from safelight.protocol.cluster.placing_bytes import encode, encode_all, read_api_batch
from safelight.service.line.policy import LinePolicy

_CHOOSERS: dict[str, Callable[[], Chooser]] = {
    "line, two in hand": OneLine,
    "line, two in hand, none beyond": lambda: OneLine(beyond=0),
    "line, one in hand": lambda: OneLine(in_hand=1),
    "each by backlogs of 0.25 s ago": lambda: StaleBacklogs(0.25),
    "each by backlogs of 1 s ago": lambda: StaleBacklogs(1.0),
    "best of two, live counts": BestOfTwo,
}
_LOADS = (0.8, 0.95)
_MEAN, _P99 = 1.2, 4.0
_OVERLOADED_MEAN = 2.5
_OVERLOADED_PICTURES = 3000
_PLACED = 20_000


def simulate(workers: int, pictures: int, load: float, chooser: Chooser) -> tuple[str, bool]:
    """What came of it, as cells of a table, and whether light keys' short pictures met the target."""
    came = arrivals(7, pictures, workers, load)
    SimulatedCluster(workers, chooser).run(came)
    light, flood = slowdowns(came)
    cells = " | ".join(f"{each.mean:.2f} ({each.p99:.1f})" for each in (light, flood))
    return cells, light.mean <= _MEAN and light.p99 <= _P99


def simulate_overload(workers: int, chooser: Chooser) -> float:
    """Of a light key's short pictures the mean time to answer over that alone, while another key floods."""
    came = overload(7, _OVERLOADED_PICTURES, workers)
    SimulatedCluster(workers, chooser).run(came)
    return slowdowns(came)[0].mean


def cost(batch: int, hosts: int = 256) -> float:
    """Placements in a second of a processor where so many jobs come in a batch, and have ended by the next."""
    line, model = LinePolicy(0.0, settle_seconds=0.0), HostModel(source="m", status="ready", where="device")
    line.listen("api", 0.0)
    line.tell(ApiBatch(api="api", whole=True), 0.0)
    line.report([HostReport(host=f"host {number}", models=(model,)) for number in range(hosts)], 0.0)
    line.take_said()
    began, ended = time.process_time(), list[Ended]()
    for first in range(0, _PLACED, batch):
        asks = [
            Ask(job=f"job {n}", group=f"key {n % 50}", source="m", seconds=1.0) for n in range(first, first + batch)
        ]
        line.tell(read_api_batch(encode(ApiBatch(api="api", messages=(*asks, *ended)))), 0.0)
        line.turn(0.0)
        said = line.take_said()["api"]
        encode_all(said)
        ended = [Ended(job=ask.job, seconds=1.0) for ask in asks]
    return _PLACED / (time.process_time() - began)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--workers", type=int, nargs="+", default=[64, 256, 1000])
    parser.add_argument("--pictures", type=int, default=24_000)
    given = parser.parse_args()
    well = True
    for workers in given.workers:
        loads = " | ".join(f"light keys, load {load} | flooding key, {load}" for load in _LOADS)
        print(f"\n| {workers} workers | {loads} |")
        print("|---|---|---|---|---|")
        for name, chooser in _CHOOSERS.items():
            cells = [simulate(workers, given.pictures, load, chooser()) for load in _LOADS]
            well = well and (name != "line, two in hand" or all(met for _, met in cells))
            print(f"| {name} | {' | '.join(cell for cell, _ in cells)} |", flush=True)
    print("\n| workers | light key beside one that always has more waiting | none beyond two in hand |")
    print("|---|---|---|")
    for workers in (4, *given.workers):
        mean, without = (simulate_overload(workers, OneLine(beyond=beyond)) for beyond in (1, 0))
        well = well and mean <= _OVERLOADED_MEAN
        print(f"| {workers} | {mean:.2f} | {without:.2f} |", flush=True)
    print("\n| batches of | placements a second | each |")
    print("|---|---|---|")
    for batch in (1, 8, 32):
        rate = cost(batch)
        print(f"| {batch} | {rate:,.0f} | {1000 / rate:.3f} ms |")
    return 0 if well else 1


if __name__ == "__main__":
    raise SystemExit(main())
