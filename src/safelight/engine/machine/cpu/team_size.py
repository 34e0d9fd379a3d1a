"""How many threads are fastest on a CPU, and how many workers serve best, by what pictures take with some threads."""

# Tested in tests/engine/test_threads.py.

from __future__ import annotations

from collections.abc import Iterable

from safelight.contract.models.costs import WORTH_A_WORKER, CostPoint
from safelight.engine.machine.device import reference_threads, usable_memory

# Of all memory that models of all workers together may take, and what a worker takes beside them.
_SHARE, _BESIDE_BYTES = 0.5, 600_000_000
_AS_FAST = 1.05
_STEPS = 8  # of a picture that the stages are weighed by


def counts_to_try(most: int) -> tuple[int, ...]:
    """1, 2, 4 … and all of them, ascending."""
    return (*(1 << power for power in range(most.bit_length()) if 1 << power < most), most)


def fastest(points: Iterable[CostPoint], stage: str, most: int) -> int:
    """Of what was measured with different numbers of threads, at most `most`, the fewest that are as fast as any."""
    seconds = {point.threads: point.of(stage) for point in points if 0 < point.threads <= most}
    least = min(seconds.values(), default=0.0)
    return min((count for count, took in seconds.items() if took <= _AS_FAST * least), default=most)


def workers_that_serve_best(points: Iterable[CostPoint], model_bytes: int) -> int:
    """By the pictures that all cores give in a second when each worker has so many threads; 1 if nothing was tried."""
    cores = reference_threads()
    rates = {point.threads: (cores // point.threads) / max(point.total(_STEPS), 1e-9) for point in points}
    if cores not in rates:
        return 1
    best = max(rates, key=lambda threads: (rates[threads], threads))
    if rates[best] < WORTH_A_WORKER * rates[cores]:
        return 1
    memory = usable_memory()
    fit = cores if memory is None else int(_SHARE * memory / (model_bytes + _BESIDE_BYTES))
    return max(1, min(cores // best, fit))
