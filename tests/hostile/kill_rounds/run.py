"""A whole run: the scene, the load, the rounds, the counting."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import httpx
from benchmarks.machines import Machines, started_machines

from tests.hostile.kill_rounds.counting import count
from tests.hostile.kill_rounds.disturbing import rounds
from tests.hostile.kill_rounds.load import Load
from tests.hostile.kill_rounds.pace import PACES
from tests.hostile.kill_rounds.scene import CPUS, HEADERS, MACHINES, OVER_RAY, Scene, scene


def run(
    folder: Path,
    many: int,
    seed: int,
    *,
    engine: str = "fake",
    minutes: float = 60.0,
    machines: Machines | None = None,
    said: Callable[[str], None] = print,
) -> str:
    """So many rounds, in so many minutes at most; what was counted, in lines. Over Ray on those machines, or on some
    that are begun for it.
    """
    said(f"seed {seed}")
    pace = PACES[engine]
    with _machines(engine, machines) as over, scene(folder, engine, 2, over) as there:
        load = Load(there.address, pace.caller)
        _until_ready(there)
        with load.running(seed):
            while not load.accepted:
                time.sleep(0.1)
            done = rounds(there, many, minutes, pace, random.Random(seed), said)
        said(f"{len(load.accepted)} jobs accepted; now all is left alone")
        found = count(there, load, folder, pace.quiet)
    return "\n".join(
        (
            f"{done.total()} rounds with seed {seed}: {dict(done)}",
            f"{len(load.accepted)} jobs accepted, each ended once: {dict(found.states)} {dict(found.failures) or ''}",
            f"{found.alike} with the bytes of an undisturbed picture; none listed twice",
            f"{found.kept} rows with a picture, each with one file; {found.swept} orphans swept, none left",
            f"refused or cut on the way {dict(load.refused)}; left by their callers {dict(load.left)}",
        )
    )


def _machines(engine: str, given: Machines | None) -> AbstractContextManager[Machines | None]:
    if given is not None or engine not in OVER_RAY:
        return nullcontext(given)
    return started_machines(MACHINES, CPUS)


def _until_ready(there: Scene) -> None:
    """Each server draws: what is killed before it ever drew disturbs nothing."""
    for node in there.nodes:
        ready = False
        while not ready:
            try:
                ready = httpx.get(f"http://127.0.0.1:{node.port}/readyz", headers=HEADERS, timeout=60).is_success
            except httpx.HTTPError:
                time.sleep(0.2)
