"""Killing and stopping at random."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import psutil

from tests.hostile.kill_rounds.pace import Pace
from tests.hostile.kill_rounds.scene import Node, Scene

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
# What is gone for longer than a lease is either a server or the database: with both at once nobody is disturbed.
_SHORT_SECONDS = 3.0


def rounds(
    there: Scene, many: int, minutes: float, pace: Pace, chance: random.Random, said: Callable[[str], None]
) -> Counter[str]:
    """Disturb so many times, and no longer than so many minutes; what was done how often."""
    done: Counter[str] = Counter()
    until = time.monotonic() + 60.0 * minutes
    for number in range(many):
        if time.monotonic() > until:
            break
        (what,) = chance.choices(list(_ACTS), list(_ACTS.values()))
        (seconds,) = chance.choices([length for length, _ in _STOPS], [weight for _, weight in _STOPS])
        done[_disturb(there, chance.choice(there.nodes), what, seconds, chance)] += 1
        said(f"round {number + 1}: {what}, {seconds:g} s")
        time.sleep(chance.uniform(pace.least, pace.most))
    return done


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
            workers = node.workers()
            if not workers:
                return f"no worker to {what.partition(' ')[0]}"
            if what == "kill worker":
                with suppress(psutil.NoSuchProcess):
                    chance.choice(workers).kill()
            else:
                _stop([chance.choice(workers)], seconds)
        case "quit database":
            there.database.stop(signal.SIGQUIT)
            time.sleep(seconds)
            there.database.start()
        case "kill backend":
            with suppress(psutil.NoSuchProcess):
                chance.choice(there.backends()[1:]).kill()
        case "stop database":
            _stop(there.backends(), short)
    return what


def _stop(processes: list[psutil.Process], seconds: float) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.suspend()
    time.sleep(seconds)
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.resume()
