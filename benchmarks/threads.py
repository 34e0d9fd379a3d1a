"""Threads and workers as they come beside those that are set: one client, four clients, and one beside busy processes.

    python -m benchmarks.threads [--busy 2] [--pictures 9]

Postcard at 1024x1024. Targets: as it comes no slower than the best setting, beside busy processes at most 1.5 times of
that, four clients at least 1.9 times the pictures a minute of one. Each setting has a server of its own, in turn.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

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


def one_client(server: Server, pictures: int) -> float:
    """Median seconds."""
    return statistics.median(draw(server) for _ in range(pictures))


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
    rows = []
    print("| setting | one client, s | four, pictures a minute | one beside busy processes, s |\n|---|---|---|---|")
    for settings in SETTINGS:
        with serving(free_port(), **settings) as server:
            one_client(server, 3)
            alone, together = one_client(server, given.pictures), four_clients(server, 3 * given.pictures)
            with neighbours(given.busy):
                one_client(server, 3)
                beside = one_client(server, given.pictures)
        rows.append((alone, together, beside))
        name = ", ".join(f"{name} {value}" for name, value in settings.items()) or "as it comes"
        print(f"| {name} | {alone:.3f} | {together:.0f} | {beside:.3f} |", flush=True)
    best = min(alone for alone, _, _ in rows)
    alone, together, beside = rows[0]
    print(f"beside the best setting {alone / best:.2f}, beside busy processes {beside / best:.2f}, ", end="")
    print(f"four clients to one {together * alone / 60:.2f}")
    return 0 if alone <= 1.05 * best and beside <= 1.5 * best and together * alone / 60 >= 1.9 else 1


if __name__ == "__main__":
    raise SystemExit(main())
