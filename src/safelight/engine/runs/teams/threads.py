"""With how many threads each call is computed on a CPU: as many as are fastest there, where that changes no byte.

Bytes are always those of the reference number, which is in the fingerprint. Another number is used for calls of a shape
once such a call was computed both ways in this process and gave the same bytes, and never where a call leaves something
behind (step caches). What a pipeline computes between its calls, and a call that stops on its way, has the reference
number: a sum over all of a tensor is another with other threads.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

import torch

from safelight.contract.models.costs import CostPoint
from safelight.contract.models.stages import STEPS
from safelight.engine.machine.cpu.neighbours import cores_left
from safelight.engine.machine.cpu.team_size import counts_to_try, fastest
from safelight.engine.machine.device import reference_threads, usable_cores
from safelight.engine.pipeline.stand_ins.calls import Call
from safelight.engine.runs.execution import Raised, execute
from safelight.engine.runs.teams.allowance import SLOW, Allowance
from safelight.engine.runs.teams.fastest_team import FastestTeam

log = logging.getLogger(__name__)

_REMEMBERED = 4096


class Threads:
    """Computes calls with the threads that suit them, by `run`. Only the engine's thread calls."""

    def __init__(self, run: Callable[[Call], Any] = execute) -> None:
        self._run = run
        self._reference = reference_threads()
        self._allowance = Allowance(counts_to_try(self._reference), cores_left(usable_cores()))
        self._same: dict[Hashable, bool] = {}
        self._least: dict[Hashable, float] = {}
        self._teams: dict[Hashable, FastestTeam] = {}
        self._busy = 1
        self._used = self._reference
        self._was_compared = False

    def forget(self) -> None:
        """Components may be others from now on: what was found of them is found anew."""
        self._same.clear()

    def share(self, busy: int) -> None:
        """So many workers draw on this machine now."""
        self._busy = max(1, busy)

    def compute(self, call: Call, points: Iterable[CostPoint], device: str, kind: Hashable = None) -> Any:
        """The call's result, with the bytes of the reference number. `points` is what was measured of its model, `kind`
        what `stepped` is told of a step that it is part of."""
        wanted = self._wanted(call, points, kind) if device == "cpu" else self._reference
        self._used = self._reference
        if wanted == self._reference:
            return self._run(call)
        key = call.name, call.method, id(call.component), call.within_keys, _shapes((call.args, call.kwargs))
        same = self._same.get(key)
        if same is None:
            return self._try(key, call, wanted)
        return self._with(wanted, call) if same else self._run(call)

    def stepped(self, kind: Hashable, seconds: float) -> None:
        """A step of that kind took so long, with the threads of its last call."""
        compared, self._was_compared = self._was_compared, False
        if self._reference == 1 or compared:  # computed both ways, it says nothing
            return
        if len(self._least) > _REMEMBERED:
            self._least.clear()
            self._teams.clear()
        key = kind, self._used
        least = self._least[key] = min(seconds, self._least.get(key, seconds))
        ratio, before = seconds / max(least, 1e-9), self._allowance.threads
        if ratio < SLOW and (team := self._teams.get((kind, self._busy))) is not None:
            team.took(self._used, seconds)
        self._allowance.stepped(ratio)
        if self._allowance.threads != before:
            log.info("steps take at most %d threads from now on, not %d", self._allowance.threads, before)

    def _wanted(self, call: Call, points: Iterable[CostPoint], kind: Hashable) -> int:
        most = min(self._allowance.threads, max(1, self._reference // self._busy))
        if call.stage != STEPS:
            return fastest(points, call.stage, most)
        team = self._teams.get((kind, self._busy))
        if team is None:
            expected = {point.threads: point.step for point in points if point.threads}
            team = self._teams[kind, self._busy] = FastestTeam(expected)
        return team.choose(most)

    def _try(self, key: Hashable, call: Call, wanted: int) -> Any:
        """Both ways; the reference's result counts."""
        self._was_compared = True
        result = self._run(call)
        if isinstance(result, Raised) or getattr(call.component, "is_cache_enabled", False):
            return result
        if len(self._same) >= _REMEMBERED:
            self._same.clear()
        self._same[key] = _equal(result, self._with(wanted, call))
        if not self._same[key]:
            log.info("%s gives other bytes with %d threads and stays with %d", call.name, wanted, self._reference)
        return result

    def _with(self, threads: int, call: Call) -> Any:
        self._used = threads
        torch.set_num_threads(threads)
        try:
            return self._run(call)
        finally:
            torch.set_num_threads(self._reference)


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
