"""With how many threads each call is computed on a CPU: as many as are fastest there, where that changes no byte.

Bytes are always those of the reference number, which is in the fingerprint. Another number is used for calls of a shape
once such a call was computed both ways in this process and gave the same bytes, and never where a call leaves something
behind (step caches).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

import torch

from safelight.contract.costs import CostPoint
from safelight.engine.machine.device import reference_threads
from safelight.engine.machine.team_size import counts_to_try, fastest
from safelight.engine.pipeline.standin import Call
from safelight.engine.runs.allowance import Allowance
from safelight.engine.runs.run import Raised, execute

log = logging.getLogger(__name__)

_REMEMBERED = 4096


class Threads:
    """Computes calls with the threads that suit them, by `run`. Only the engine's thread calls."""

    def __init__(self, run: Callable[[Call], Any] = execute) -> None:
        self._run = run
        self._reference = reference_threads()
        self._allowance = Allowance(counts_to_try(self._reference))
        self._same: dict[Hashable, bool] = {}
        self._least: dict[Hashable, float] = {}
        self._busy = 1
        self._used = self._reference

    def forget(self) -> None:
        """Components may be others from now on: what was found of them is found anew."""
        self._same.clear()

    def share(self, busy: int) -> None:
        """So many workers draw on this machine now."""
        self._busy = max(1, busy)

    def compute(self, call: Call, points: Iterable[CostPoint], device: str) -> Any:
        """The call's result, with the bytes of the reference number. `points` is what was measured of its model."""
        wanted = self._wanted(call, points) if device == "cpu" else self._reference
        if wanted == self._reference:
            return self._with(self._reference, call)
        key = call.name, call.method, id(call.component), _shapes((call.args, call.kwargs))
        same = self._same.get(key)
        if same is None:
            return self._try(key, call, wanted)
        return self._with(wanted if same else self._reference, call)

    def stepped(self, key: Hashable, seconds: float) -> None:
        """A step of that kind took so long, with the threads of its last call."""
        if self._reference == 1:
            return
        key = key, self._used
        least = self._least[key] = min(seconds, self._least.get(key, seconds))
        if len(self._least) > _REMEMBERED:
            self._least.clear()
        before = self._allowance.threads
        self._allowance.stepped(seconds / max(least, 1e-9))
        if self._allowance.threads != before:
            log.info("steps take at most %d threads from now on, not %d", self._allowance.threads, before)

    def _wanted(self, call: Call, points: Iterable[CostPoint]) -> int:
        stage = "step" if call.stage == "denoise" else call.stage
        share = max(1, self._reference // self._busy)
        most = min(self._allowance.threads, share)
        return fastest(points, stage, most)

    def _try(self, key: Hashable, call: Call, wanted: int) -> Any:
        """Both ways; the reference's result counts."""
        result = self._with(self._reference, call)
        if isinstance(result, Raised) or getattr(call.component, "is_cache_enabled", False):
            return result
        if len(self._same) >= _REMEMBERED:
            self._same.clear()
        self._same[key] = _equal(result, self._with(wanted, call))
        if not self._same[key]:
            log.info("%s gives other bytes with %d threads and stays with %d", call.name, wanted, self._reference)
        return result

    def _with(self, threads: int, call: Call) -> Any:
        if threads != self._used:
            torch.set_num_threads(threads)
            self._used = threads
        return self._run(call)


def _shapes(value: Any) -> Any:
    """What decides how a call is computed: shapes and number formats of tensors, and whatever else is said."""
    if isinstance(value, torch.Tensor):
        return tuple(value.shape), value.dtype, value.stride()
    if isinstance(value, Mapping):
        return tuple((name, _shapes(part)) for name, part in value.items())
    if isinstance(value, list | tuple):
        return tuple(_shapes(part) for part in value)
    return value if value is None or isinstance(value, int | float | str) else type(value)


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and torch.equal(a, b)
    if isinstance(a, Mapping):
        return isinstance(b, Mapping) and all(_equal(a[name], b[name]) for name in a)
    if isinstance(a, list | tuple):
        return isinstance(b, list | tuple) and len(a) == len(b) and all(map(_equal, a, b))
    if hasattr(a, "shape"):  # an array: Postcard's decoder gives pixels
        return bool((a == b).all())
    return bool(a == b)
