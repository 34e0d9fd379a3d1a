"""What every row measures, and prints as one line of JSON. Imports nothing that another interpreter may lack."""

from __future__ import annotations

import json
import math
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

PROMPT = "a lighthouse above the sea"
FEW = 2
ROUNDS = 3
PICTURE_STEPS = 20

Draw = Callable[[int], object]
Make = Callable[[Path, int, str], Draw]


def measure(draw: Draw, steps: int, rounds: int = ROUNDS, limit: float = math.inf, few: int = FEW) -> dict[str, float]:
    """Seconds of a step and of a picture of 20 steps, peak memory in GB: of the GPU if one is used, else the process's.
    `cpu` are the processor's seconds of a step, which say most where other programs have most of the machine.

    A step is the difference between two pictures of different length, so that what happens once does not count, each
    the fastest of so many rounds, since other work on the machine can only add. `draw` returns when its picture is
    there. No round begins that would hardly end within `limit` seconds from the start; there is at least one.
    """
    begun = time.perf_counter()
    draw(few)  # warm
    pairs: list[tuple[float, float, float, float]] = []
    while len(pairs) < rounds:
        pairs.append((*_seconds(draw, few), *_seconds(draw, few + steps)))
        if time.perf_counter() - begun + pairs[-1][0] + pairs[-1][2] > limit:
            break
    short, short_cpu, long, long_cpu = map(min, zip(*pairs, strict=True))
    step = (long - short) / steps
    picture = short + (PICTURE_STEPS - few) * step
    cpu = (long_cpu - short_cpu) / steps
    return {"step": step, "cpu": cpu, "picture": picture, "peak": _peak() / 1e9, "rounds": float(len(pairs))}


def take_turns(draw: Draw, few: int) -> None:
    """Draw a picture of as many steps as each line of standard input says, and print what it took, as JSON."""
    draw(few)  # warm
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        print(json.dumps((*_seconds(draw, int(line)), _peak() / 1e9)), flush=True)


def _peak() -> float:
    torch = sys.modules.get("torch")
    on_gpu = torch.cuda.max_memory_allocated() if torch is not None and torch.cuda.is_available() else 0
    return float(on_gpu or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1000)


def _seconds(draw: Draw, steps: int) -> tuple[float, float]:
    """On the clock, and of the processor in all threads."""
    begun, used = time.perf_counter(), time.process_time()
    draw(steps)
    return time.perf_counter() - begun, time.process_time() - used


def row(makes: dict[str, Make]) -> None:
    """One row in a process of its own: `python -m MODULE MAKE FOLDER SIDE STEPS DEVICE ROUNDS LIMIT FEW`."""
    make, folder, side, steps, device, rounds, limit, few = sys.argv[1:]
    draw = makes[make](Path(folder), int(side), device)
    measure_or_take_turns(draw, int(steps), int(rounds), float(limit), int(few))


def measure_or_take_turns(draw: Draw, steps: int, rounds: int, limit: float, few: int) -> None:
    """No rounds of its own: it has a turn when it is told."""
    if rounds == 0:
        take_turns(draw, few)
    else:
        print(json.dumps(measure(draw, steps, rounds, limit, few)))
