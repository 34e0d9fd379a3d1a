"""What bounds pictures a minute: the processor's seconds of a picture, by process, with one client and with four.

    python -m benchmarks.processor [--pictures 40] [--setting threads=1 --setting workers=2]

Postcard at 1024x1024 on one server, client and server on the same cores. No server can give more than its cores divided
by what a picture takes of them; the exit status says whether four clients come within a twentieth of that. Meant for a
machine at rest: what others take of the cores is in the time on the clock, and cold caches in the processor's.
"""

from __future__ import annotations

import argparse
import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median

from benchmarks.server import Server, free_port, processor_seconds, serving
from safelight.engine.machine.device import usable_cores

_NEAR = 0.95
GROWING_SECONDS = 8.0
"""In which a server at rest measures whether a second worker pays."""
_seeds = itertools.count(10)


@dataclass(frozen=True)
class Taken:
    """Of so many pictures: their median, seconds in all, and the processor's seconds by process."""

    pictures: int
    median: float
    seconds: float
    processes: dict[str, float]

    @property
    def a_minute(self) -> float:
        return 60 * self.pictures / self.seconds

    @property
    def limit(self) -> float:
        """Pictures a minute if all cores did nothing else, all the time."""
        return 60 * usable_cores() * self.pictures / sum(self.processes.values())


def draw(server: Server) -> float:
    seed = next(_seeds)
    begun = time.perf_counter()
    server.draw(prompt=f"a lighthouse above the sea at dusk {seed % 90 + 10}", seed=seed, size="1024x1024")
    return time.perf_counter() - begun


def measure(server: Server, clients: int, pictures: int) -> Taken:
    before = {each.pid: processor_seconds(each) for each in server.processes()}
    begun, own = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(clients) as pool:
        took = list(pool.map(lambda _: draw(server), range(pictures)))
    seconds, own = time.perf_counter() - begun, time.process_time() - own
    found = {"client": own}
    for number, each in enumerate(server.processes()):
        name = f"worker or template {number}" if number else "api"
        found[name] = processor_seconds(each) - before.get(each.pid, 0.0)
    return Taken(pictures, median(took), seconds, found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=40)
    parser.add_argument("--setting", action="append", default=[], metavar="NAME=VALUE")
    given = parser.parse_args()
    with serving(free_port(), **dict(each.split("=", 1) for each in given.setting)) as server:
        for _ in range(6):
            draw(server)
        time.sleep(GROWING_SECONDS)
        measure(server, 4, 12)
        one, four = measure(server, 1, given.pictures), measure(server, 4, 2 * given.pictures)
    print("| clients | median s | a minute | limit by the processor | busy cores | CPU ms a picture |")
    print("|---|---|---|---|---|---|")
    for clients, row in ((1, one), (4, four)):
        each = {name: 1e3 * seconds / row.pictures for name, seconds in row.processes.items()}
        parts = ", ".join(f"{name} {ms:.1f}" for name, ms in each.items() if ms >= 0.5)
        busy = sum(row.processes.values()) / row.seconds
        cost = f"{sum(each.values()):.0f}: {parts}"
        print(f"| {clients} | {row.median:.3f} | {row.a_minute:.0f} | {row.limit:.0f} | {busy:.2f} | {cost} |")
    most = four.limit * one.median / 60
    print(f"four clients to one {four.a_minute * one.median / 60:.2f}; the processor allows {most:.2f}")
    return 0 if four.a_minute >= _NEAR * four.limit else 1


if __name__ == "__main__":
    raise SystemExit(main())
