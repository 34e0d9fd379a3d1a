"""Threads and workers as they come beside those that are set: one client, four clients, and one beside busy processes.

    python -m benchmarks.threads [--busy 2] [--pictures 9]

Postcard at 1024x1024. Targets: as it comes no slower than the best setting, beside busy processes at most 1.5 times of
that, four clients at least 1.9 times the pictures a minute of one. Each setting has a server of its own; all are there
at once and draw in turns, so that whoever else computes disturbs all alike.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from statistics import median

from benchmarks.processor import GROWING_SECONDS
from benchmarks.server import Server, free_port, serving

SETTINGS: tuple[dict[str, str], ...] = (
    {},
    {"threads": "0", "workers": "1"},
    {"threads": "1", "workers": "1"},
    {"threads": "1", "workers": "2"},
)
_seeds = itertools.count(10)


@contextmanager
def neighbours(count: int) -> Iterator[None]:
    """So many processes that do nothing but compute."""
    with ExitStack() as stack:
        for _ in range(count):
            process = stack.enter_context(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
            stack.callback(process.kill)
        yield


def draw(server: Server) -> float:
    seed = next(_seeds)
    begun = time.perf_counter()
    server.draw(prompt=f"a lighthouse above the sea at dusk {seed % 90 + 10}", seed=seed, size="1024x1024")
    return time.perf_counter() - begun


def in_turns(servers: Sequence[Server], measure: Callable[[Server], float], rounds: int) -> list[list[float]]:
    """What is measured of each server, so many times."""
    found: list[list[float]] = [[] for _ in servers]
    for _ in range(rounds):
        for server, row in zip(servers, found, strict=True):
            row.append(measure(server))
    return found


def four_clients(server: Server, pictures: int) -> float:
    """Pictures a minute."""
    begun = time.perf_counter()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: draw(server), range(pictures)))
    return 60 * pictures / (time.perf_counter() - begun)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--busy", type=int, default=2)
    parser.add_argument("--pictures", type=int, default=9)
    given = parser.parse_args()
    with ExitStack() as stack:
        servers = [stack.enter_context(serving(free_port(), **settings)) for settings in SETTINGS]
        in_turns(servers, draw, 4)  # what is compared and corrected by the first steps is over by then
        time.sleep(GROWING_SECONDS)
        alone = in_turns(servers, draw, given.pictures)
        rounds = max(1, given.pictures // 3)
        together = [max(row) for row in in_turns(servers, lambda server: four_clients(server, 12), rounds)]
        with neighbours(given.busy):
            in_turns(servers, draw, 4)
            beside = in_turns(servers, draw, given.pictures)
    print("| setting | one client, s (least) | four, pictures a minute | one beside busy processes, s (least) |")
    print("|---|---|---|---|")
    for settings, one, four, busy in zip(SETTINGS, alone, together, beside, strict=True):
        name = ", ".join(f"{name} {value}" for name, value in settings.items()) or "as it comes"
        quiet, disturbed = (f"{median(row):.3f} ({min(row):.3f})" for row in (one, busy))
        print(f"| {name} | {quiet} | {four:.0f} | {disturbed} |")
    best = min(map(median, alone))
    ratios = median(alone[0]) / best, median(beside[0]) / best, together[0] * median(alone[0]) / 60
    print("beside the best setting {:.2f}, beside busy processes {:.2f}, four clients to one {:.2f}".format(*ratios))
    return 0 if ratios[0] <= 1.05 and ratios[1] <= 1.5 and ratios[2] >= 1.9 else 1


if __name__ == "__main__":
    raise SystemExit(main())
