"""Killing and stopping at random."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import psutil
from benchmarks.machines import Machines, StartedMachines, frozen

from tests.hostile.kill_rounds.pace import Pace
from tests.hostile.kill_rounds.scene import CPUS, Node, Scene

# How long something is stopped, and how often so long: the last is longer than a lease (12 s).
_STOPS = ((0.3, 40), (1.0, 30), (3.0, 20), (15.0, 10))
_ACTS = {
    "kill api": 28,
    "stop api": 26,
    "kill worker": 16,
    "stop worker": 8,
    "quit database": 6,
    "kill backend": 6,
    "stop database": 8,
}
# Over Ray: the processes of hosts, of the line, of the head's GCS, and all of a machine's at once.
_ACTS_ON_MACHINES = {
    "kill host": 18,
    "stop host": 14,
    "kill line": 12,
    "stop line": 8,
    "stop machine": 10,
    "stop gcs": 6,
}
# Only of machines that can be begun anew: a GCS that is away for a minute, and a machine that is gone.
_ACTS_ON_STARTED = {"no gcs": 2, "lose machine": 4}
NO_GCS_SECONDS = 60.0
# What is gone for longer than a lease is either a server or the database: with both at once nobody is disturbed.
_SHORT_SECONDS = 3.0


def rounds(
    there: Scene, many: int, minutes: float, pace: Pace, chance: random.Random, said: Callable[[str], None]
) -> Counter[str]:
    """Disturb so many times, and no longer than so many minutes; what was done how often."""
    done: Counter[str] = Counter()
    until = time.monotonic() + 60.0 * minutes
    acts = _acts(there)
    for number in range(many):
        if time.monotonic() > until:
            break
        (what,) = chance.choices(list(acts), list(acts.values()))
        (seconds,) = chance.choices([length for length, _ in _STOPS], [weight for _, weight in _STOPS])
        done[_disturb(there, chance.choice(there.nodes), what, seconds, chance)] += 1
        said(f"{time.strftime('%H:%M:%S')} round {number + 1}: {what}, {seconds:g} s")
        time.sleep(chance.uniform(pace.least, pace.most))
    return done


def _acts(there: Scene) -> dict[str, int]:
    """What may be done, and how often beside all else."""
    if there.machines is None:
        return _ACTS
    started = _ACTS_ON_STARTED if isinstance(there.machines, StartedMachines) else {}
    return _ACTS | _ACTS_ON_MACHINES | started


def _disturb(there: Scene, node: Node, what: str, seconds: float, chance: random.Random) -> str:
    """Do it; what was done: what is not there is not killed."""
    short = min(seconds, _SHORT_SECONDS)
    match what:
        case "kill api":
            node.kill()
            time.sleep(short)
            node.start()
        case "stop api":
            _stop(node.api(), seconds)
        case "kill worker" | "stop worker":
            workers = node.workers() if there.machines is None else there.machines.workers()
            return _kill_or_stop(what, workers, seconds, chance)
        case "quit database":
            there.database.stop(signal.SIGQUIT)
            time.sleep(seconds)
            there.database.start()
        case "kill backend":
            return _kill_or_stop(what, there.backends()[1:], seconds, chance)
        case "stop database":
            _stop(there.backends(), short)
        case _:
            assert there.machines is not None
            return _disturb_machines(there.machines, what, seconds, chance)
    return what


def _disturb_machines(machines: Machines, what: str, seconds: float, chance: random.Random) -> str:
    match what:
        case "kill host" | "stop host":
            return _kill_or_stop(what, machines.hosts(), seconds, chance)
        case "kill line" | "stop line":
            return _kill_or_stop(what, machines.line(), seconds, chance)
        case "stop machine":
            _stop(machines.on(chance.choice(machines.raylets)), seconds)
        case "stop gcs":
            _stop([machines.gcs], seconds)
        case _:
            assert isinstance(machines, StartedMachines)
            if what == "no gcs":
                machines.kill_gcs()
                time.sleep(NO_GCS_SECONDS)
                machines.start_gcs()
            else:
                machines.lose(chance.choice(machines.raylets))
                time.sleep(min(seconds, _SHORT_SECONDS))
                machines.add(CPUS)
    return what


def _kill_or_stop(what: str, some: list[psutil.Process], seconds: float, chance: random.Random) -> str:
    """One of those, if there are any."""
    act, _, kind = what.partition(" ")
    if not some:
        return f"no {kind} to {act}"
    one = chance.choice(some)
    if act == "stop":
        _stop([one], seconds)
    else:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    return what


def _stop(processes: list[psutil.Process], seconds: float) -> None:
    with frozen(processes):
        time.sleep(seconds)
