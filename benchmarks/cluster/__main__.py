"""`python -m benchmarks.cluster`; see the package."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import benchmarks.cluster as package
from benchmarks.cluster.away import away
from benchmarks.cluster.drawing import DRAWERS, draw_many, overhead, pace
from benchmarks.cluster.fair import fair
from benchmarks.cluster.figures import Figure
from benchmarks.cluster.flood import flood
from benchmarks.cluster.many_hosts import line
from benchmarks.machines import StartedMachines, started_machines

# Two hosts on each.
_MACHINES, _CPUS = 2, 2
PARTS = ("overhead", "pace", "line", "fair", "flood", "away")


def _parts(machines: StartedMachines, said: argparse.Namespace) -> Mapping[str, Callable[[], Iterator[Figure]]]:
    return {
        "overhead": lambda: overhead(said.pictures),
        "pace": lambda: pace(said.pictures),
        "line": lambda: line(machines, said.hosts),
        "fair": lambda: fair(said.apis),
        "flood": flood,
        "away": lambda: away(machines),
    }


def main() -> int:
    """From the command line."""
    parser = argparse.ArgumentParser(description=package.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS), help="those of it, by comma; default: all")
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--hosts", type=int, default=64)
    parser.add_argument("--apis", type=int, default=3, help="api processes of `fair`")
    parser.add_argument(DRAWERS, nargs=4, help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.drawers:
        name, workers, pictures, at_once = said.drawers
        asyncio.run(draw_many(name, int(workers), int(pictures), int(at_once)))
        return 0
    # What hosts and api processes import of this package.
    os.environ["PYTHONPATH"] = os.pathsep.join(
        filter(None, (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")))
    )
    missed = 0
    with started_machines(_MACHINES, _CPUS) as machines:
        os.environ.update(machines.variables)
        parts = _parts(machines, said)
        for name in said.parts.split(","):
            for figure in parts[name]():
                print(f"{name:9} {figure}", flush=True)
                missed += not figure.met
    print(f"load {os.getloadavg()[0]:.0f}; {missed} targets missed")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
