"""From `serve` to the first picture, and from a worker's death to the next picture.

    python -m benchmarks.start [--rounds 3] [--beside TREE]

Postcard at 1024x1024, a new state folder each time, the disk's cache warm after the first round. Targets: 5 s and, for
the worker that is back, 1 s. Seconds.

With `--beside` nothing is drawn: this tree and another checkout (`git worktree add TREE COMMIT`) are started in turns
by this Python, and the medians of both are printed: seconds until `/livez` and `/readyz` say 200, then processor
seconds and USS of the api process, and PSS of all processes, in which what template and workers share counts once. The
target: at most 2 % more than there.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.server import free_port, processor_seconds, serving

_FIRST_SECONDS, _BACK_SECONDS = 5.0, 1.0
_MORE = 1.02
_FIGURES = ("live, s", "ready, s", "processor, s", "api, MiB", "all, MiB")
_PICTURE: dict[str, object] = {"prompt": "a lighthouse above the sea at dusk", "size": "1024x1024"}


def once() -> tuple[float, float, float]:
    """Seconds to ready, to the first picture, and of a picture whose worker was killed just before it was asked for
    beyond those of a picture."""
    begun = time.perf_counter()
    with serving(free_port(), workers="1") as server:
        server.draw(**_PICTURE, seed=1)
        first = time.perf_counter() - begun
        plain = _seconds(lambda: server.draw(**_PICTURE, seed=2))
        server.processes()[-1].kill()
        back = _seconds(lambda: server.draw(**_PICTURE, seed=3)) - plain
        return server.ready_seconds, first, back


def _seconds(draw: Callable[[], object]) -> float:
    begun = time.perf_counter()
    draw()
    return time.perf_counter() - begun


def started(tree: Path | None) -> tuple[float, ...]:
    """`_FIGURES` of one start."""
    with serving(free_port(), tree, workers="1", warm_up_seconds="0") as server:
        everybody = server.processes()
        used, own = processor_seconds(everybody[0]), everybody[0].memory_full_info().uss / 1024**2
        shared = sum(each.memory_full_info().pss for each in everybody) / 1024**2
        return server.live_seconds, server.ready_seconds, used, own, shared


def beside(other: Path, rounds: int) -> int:
    """Print the medians of both trees; 1 where this one needs too much more."""
    trees = (None, other)
    found: dict[Path | None, list[tuple[float, ...]]] = {tree: [] for tree in trees}
    for tree in trees:  # the disk's cache is warm then, and bytecode is there
        started(tree)
    for turn in range(rounds):
        for tree in trees if turn % 2 else reversed(trees):
            found[tree].append(started(tree))
    here, there = ([statistics.median(column) for column in zip(*found[tree], strict=True)] for tree in trees)
    print(f"{'':14}{'here':>10}{'there':>10}{'ratio':>8}")
    for name, mine, its in zip(_FIGURES, here, there, strict=True):
        print(f"{name:14}{mine:10.2f}{its:10.2f}{mine / its:8.3f}")
    return 0 if all(mine <= _MORE * its for mine, its in zip(here, there, strict=True)) else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--beside", type=Path, metavar="TREE")
    arguments = parser.parse_args()
    if arguments.beside is not None:
        return beside(arguments.beside, arguments.rounds)
    rounds = [once() for _ in range(arguments.rounds)]
    ready, first, back = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(f"ready after {ready:.2f} s, first picture after {first:.2f} s, a killed worker back after {back:.2f} s")
    return 0 if first <= _FIRST_SECONDS and back <= _BACK_SECONDS else 1


if __name__ == "__main__":
    raise SystemExit(main())
