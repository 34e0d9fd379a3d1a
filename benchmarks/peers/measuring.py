"""What every row measures, and prints as one line of JSON. Imports nothing that another interpreter may lack."""

from __future__ import annotations

import json
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


def measure(draw: Draw, steps: int, rounds: int = ROUNDS) -> dict[str, float]:
    """Seconds of a step and of a picture of 20 steps, peak memory in GB: of the GPU if one is used, else the process's.
    `cpu` are the processor's seconds of a step, which say most where other programs have most of the machine.

    A step is the difference between two pictures of different length, so that what happens once does not count, each
    the fastest of so many rounds, since other work on the machine can only add. `draw` returns when its picture is
    there.
    """
    draw(FEW)  # warm
    pairs = [(*_seconds(draw, FEW), *_seconds(draw, FEW + steps)) for _ in range(rounds)]
    few, few_cpu, many, many_cpu = map(min, zip(*pairs, strict=True))
    step = (many - few) / steps
    picture = few + (PICTURE_STEPS - FEW) * step
    return {"step": step, "cpu": (many_cpu - few_cpu) / steps, "picture": picture, "peak": _peak() / 1e9}


def _peak() -> float:
    torch = sys.modules.get("torch")
    on_gpu = torch.cuda.max_memory_allocated() if torch is not None and torch.cuda.is_available() else 0
    return float(on_gpu or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1000)


def _seconds(draw: Draw, steps: int) -> tuple[float, float]:
    """On the clock, and of the processor in all threads."""
    begun, used = time.perf_counter(), time.process_time()
    draw(steps)
    return time.perf_counter() - begun, time.process_time() - used


def row(make: Make) -> None:
    """One row in a process of its own: `python -m MODULE FOLDER SIDE STEPS DEVICE ROUNDS`."""
    folder, side, steps, device, rounds = sys.argv[1:]
    print(json.dumps(measure(make(Path(folder), int(side), device), int(steps), int(rounds))))
