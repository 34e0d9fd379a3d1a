"""What a request costs in this tree and in another checkout (`git worktree add TREE COMMIT`), both up, in turns.

    python -m benchmarks.overhead_beside TREE [--rounds 8] [--pictures 25]

With the fake engine, which is the service alone, and with Postcard, at 1024x1024. One client, one connection to each,
PNG as base64, prompts that were never seen. Medians of a request's milliseconds, and of a processor's milliseconds for
a request in all of a server's processes. Ends with 1 where this tree takes a tenth more in any of them.
"""

from __future__ import annotations

import argparse
import statistics
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.server import Server, free_port, processor_seconds, serving

_MORE = 1.1
_ENGINES = {"fake engine": {"engine": "fake"}, "Postcard": {"workers": "1"}}
_WARM = 5
Figures = tuple[list[float], list[float]]
"""For a tree: milliseconds of each request, and of a processor for a request in each round."""


def used(server: Server) -> float:
    """The processor's seconds of all its processes so far."""
    return sum(map(processor_seconds, server.processes()))


def asked(server: Server, seeds: range) -> tuple[list[float], float]:
    """Milliseconds of each request, and of a processor for one of them."""
    before, requests = used(server), []
    for seed in seeds:
        begun = time.perf_counter()
        server.draw(prompt=f"a lighthouse above the sea at dusk {seed}", seed=seed)
        requests.append(1e3 * (time.perf_counter() - begun))
    return requests, 1e3 * (used(server) - before) / len(seeds)


def in_turns(other: Path, settings: dict[str, str], rounds: int, pictures: int) -> tuple[Figures, Figures]:
    """This tree's figures and the other's."""
    found: tuple[Figures, Figures] = (([], []), ([], []))
    with ExitStack() as stack:
        here, there = (stack.enter_context(serving(free_port(), tree, **settings)) for tree in (None, other))
        pairs = list(zip((here, there), found, strict=True))
        for server, _ in pairs:
            asked(server, range(1, 1 + _WARM))
        for turn in range(rounds):
            for server, (requests, taken) in pairs if turn % 2 else reversed(pairs):
                first = 10 + turn * pictures
                more, processor = asked(server, range(first, first + pictures))
                requests += more
                taken.append(processor)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree", type=Path)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--pictures", type=int, default=25)
    arguments = parser.parse_args()
    worse = False
    print(f"{'':36}{'here':>10}{'there':>10}{'ratio':>8}")
    for engine, settings in _ENGINES.items():
        here, there = in_turns(arguments.tree, settings, arguments.rounds, arguments.pictures)
        for name, mine, its in zip(("a request, ms", "of a processor, ms"), here, there, strict=True):
            ratio = statistics.median(mine) / statistics.median(its)
            worse |= ratio > _MORE
            print(f"{engine + ', ' + name:36}{statistics.median(mine):10.2f}{statistics.median(its):10.2f}{ratio:8.3f}")
    return int(worse)


if __name__ == "__main__":
    raise SystemExit(main())
