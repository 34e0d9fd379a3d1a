"""From `serve` to the first picture, and from a worker's death to the next picture.

    python -m benchmarks.start [--rounds 3]

Postcard at 1024x1024, a new state folder each time, the disk's cache warm after the first round. Targets: 5 s and, for
the worker that is back, 1 s. Seconds.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.server import free_port, serving

_FIRST_SECONDS, _BACK_SECONDS = 5.0, 1.0
_PICTURE: dict[str, object] = {"prompt": "a lighthouse above the sea at dusk", "size": "1024x1024"}


def descendants(pid: int) -> list[int]:
    """Processes below that one, as Linux lists them, parents first."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found += [child, *descendants(child)]
    return found


def once() -> tuple[float, float, float]:
    """Seconds to ready, to the first picture, and of a picture whose worker was killed just before it was asked for
    beyond those of a picture."""
    begun = time.perf_counter()
    with serving(free_port(), workers="1") as server:
        server.draw(**_PICTURE, seed=1)
        first = time.perf_counter() - begun
        plain = _seconds(lambda: server.draw(**_PICTURE, seed=2))
        os.kill(descendants(server.process.pid)[-1], signal.SIGKILL)
        back = _seconds(lambda: server.draw(**_PICTURE, seed=3)) - plain
        return server.ready_seconds, first, back


def _seconds(draw: Callable[[], object]) -> float:
    begun = time.perf_counter()
    draw()
    return time.perf_counter() - begun


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = [once() for _ in range(parser.parse_args().rounds)]
    ready, first, back = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(f"ready after {ready:.2f} s, first picture after {first:.2f} s, a killed worker back after {back:.2f} s")
    return 0 if first <= _FIRST_SECONDS and back <= _BACK_SECONDS else 1


if __name__ == "__main__":
    raise SystemExit(main())
