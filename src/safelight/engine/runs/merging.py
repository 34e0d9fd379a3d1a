"""Calls of several runs as one batch, where that breaks no promise and pays.

Whether a batch is right and whether it pays is not assumed of any model: when calls of these shapes meet, they are run
both ways, compared and timed; the verdict holds for all that follow, and is looked at again now and then.

A sum over a batch may be ordered differently, and so differ in its last bits. Runs without a promise about their bytes
(no seed came with the request) are merged if it is right but for those. All others are merged where a batch gave the
same bytes as its calls alone, several times, with other numbers each time: how a sum is ordered depends on shapes, and
in float32 an order that differs shows in almost any numbers. It does not in half precision, which rounds most of it
away, so those are never merged for others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from safelight.engine.machine.pace import now
from safelight.engine.pipeline.stand_ins.call_values import same_bytes
from safelight.engine.pipeline.stand_ins.calls import Call
from safelight.engine.runs.execution import Raised, execute
from safelight.engine.runs.joining import Joining, form, parted

log = logging.getLogger(__name__)

MOST = 4
"""Calls in one batch. Beyond it large models gain nothing more at the sizes of pictures, and everybody waits longer."""
PROOFS = 4
"""So often a batch of a form must have given the same bytes before its result counts."""
_PAYS = 0.9
_TOLERANCE = 2e-2  # of the largest value: bfloat16 carries 8 bits, and a batch may round differently in every layer
_LOOK_AGAIN = 256
_REMEMBERED = 512

Compute = Callable[[Call, int], Any]
"""Runs a call, or as many joined to one: its result, or what it raised."""


def plainly(call: Call, _: int) -> Any:
    """As it is, with the threads that there are."""
    return execute(call)


@dataclass
class Verdict:
    """`alone` and `together` are the least seconds that calls took one by one, and as a batch; `right`: that gave the
    same within tolerance, `same`: to the last bit, whenever it was tried."""

    right: bool
    same: bool
    alone: float
    together: float
    tried: int = 1
    used: int = 0

    @property
    def pays(self) -> bool:
        return self.right and self.together < _PAYS * self.alone

    def add(self, other: Verdict) -> None:
        """It was tried once more."""
        self.right, self.same = self.right and other.right, self.same and other.same
        self.alone, self.together = min(self.alone, other.alone), min(self.together, other.together)
        self.tried, self.used = self.tried + other.tried, 0


class Merger:
    """Knows which calls make a batch that pays. One for an engine; only its thread calls.

    With `exact` calls are merged only where that is proven to change no byte; without, a batch counts from its second
    time on.
    """

    def __init__(self, *, enabled: bool) -> None:
        self.enabled = enabled
        self._joining = Joining()
        self._verdicts: dict[Hashable, Verdict] = {}
        self._proofs: dict[Hashable, int] = {}

    def forget(self) -> None:
        """Components may be others from now on: what was found of them is found anew."""
        self._joining = Joining()
        self._proofs.clear()

    def may_pay(self, key: Hashable, *, exact: bool = False) -> bool:
        """Whether it is worth bringing calls with that key together: not tried yet, or found to pay."""
        verdict = self._verdicts.get(key)
        if exact and verdict is not None and not verdict.same:
            return False
        if verdict is None or verdict.pays or (exact and verdict.tried < PROOFS):
            return True
        verdict.used += 1
        return verdict.used >= _LOOK_AGAIN

    def run(
        self, key: Hashable, calls: Sequence[Call], device: str, *, exact: bool = False, compute: Compute = plainly
    ) -> tuple[list[Any], bool]:
        """Results of the calls in their order, and whether they came from one batch. `device` is what computes them."""
        verdict = self._verdicts.get(key)
        proof = (form(calls[0]), len(calls)) if exact else None
        if verdict is None or verdict.used >= _LOOK_AGAIN or (exact and self._proofs.get(proof, 0) < PROOFS):
            return self._try(key, calls, device, proof, compute), False
        verdict.used += 1
        if not verdict.pays or (exact and not verdict.same):
            return [compute(call, 1) for call in calls], False
        try:
            return self._together(calls, compute), True
        except Exception as error:  # noqa: BLE001 - one by one it shows whose fault it is, and the others go on
            log.info("a batch of %s is drawn one by one: %s", key, type(error).__name__)
            return [compute(call, 1) for call in calls], False

    def _together(self, calls: Sequence[Call], compute: Compute) -> list[Any]:
        result = compute(self._joining.joined(calls), len(calls))
        if isinstance(result, Raised):
            raise result.error
        return parted(result, calls)

    def _try(
        self, key: Hashable, calls: Sequence[Call], device: str, proof: Hashable | None, compute: Compute
    ) -> list[Any]:
        """Both ways; the results one by one are the ones that count."""
        if max(len(self._verdicts), len(self._proofs)) >= _REMEMBERED:
            self._verdicts.clear()
            self._proofs.clear()
        begun = now(device)
        alone = [compute(call, 1) for call in calls]
        between = now(device)
        if any(isinstance(result, Raised) for result in alone):
            return alone  # what fails by itself says nothing about batches
        try:
            merged = self._together(calls, compute)
        except Exception as error:  # noqa: BLE001 - a model that takes no batch of these is drawn one by one
            log.info("calls of %s are not merged: %s", key, type(error).__name__)
            self._verdicts[key] = Verdict(False, False, 0.0, 0.0)
            return alone
        pairs = list(zip(alone, merged, strict=True))
        right = all(_close(a, b) for a, b in pairs)
        same = _is_in_float32(calls[0]) and all(same_bytes(a, b) for a, b in pairs)
        self._note(key, Verdict(right, same, between - begun, now(device) - between), proof)
        return alone

    def _note(self, key: Hashable, found: Verdict, proof: Hashable | None) -> None:
        known = self._verdicts.get(key)
        if known is None or proof is None:
            self._verdicts[key] = found
        else:
            if known.same and not found.same:
                log.info("a batch of %s gives other bytes, so what came with a seed is drawn alone", key)
            known.add(found)
        if proof is not None:
            self._proofs[proof] = self._proofs.get(proof, 0) + 1 if found.same else 0


def _is_in_float32(call: Call) -> bool:
    return all(weight.dtype is torch.float32 for weight in call.component.parameters())


def _close(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return bool((a.float() - b.float()).abs().max() <= _TOLERANCE * a.float().abs().max().clamp_min(1e-6))
    if isinstance(a, Mapping):
        return all(_close(a[name], b[name]) for name in a)
    return all(_close(x, y) for x, y in zip(a, b, strict=True))
