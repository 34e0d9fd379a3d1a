"""Calls of several runs as one batch, where that breaks no promise and pays.

Only runs without a promise about their bytes (no seed came with the request) are merged: a sum over a batch may be
ordered differently, and so differ in its last bits. Whether a batch is right and whether it pays is not assumed of any
model: the first time that calls of these shapes meet, they are run both ways, compared and timed; the verdict holds for
all that follow, and is looked at again now and then.
"""

from __future__ import annotations

import logging
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from safelight.engine.machine.pace import now
from safelight.engine.pipeline.calls import Call
from safelight.engine.runs.execution import Raised, execute

log = logging.getLogger(__name__)

MOST = 4
"""Calls in one batch. Beyond it large models gain nothing more at the sizes of pictures, and everybody waits longer."""
_PAYS = 0.9
_TOLERANCE = 2e-2  # of the largest value: bfloat16 carries 8 bits, and a batch may round differently in every layer
_LOOK_AGAIN = 256
_REMEMBERED = 512


class CannotMerge(Exception):
    """These calls do not make one batch."""


@dataclass
class Verdict:
    """`share` is the time of the batch relative to the calls one by one; `right`: it gave the same within tolerance."""

    right: bool
    share: float
    used: int = 0

    @property
    def pays(self) -> bool:
        return self.right and self.share < _PAYS


class Merger:
    """Knows which calls make a batch that pays. One for an engine; only its thread calls."""

    def __init__(self, *, enabled: bool) -> None:
        self.enabled = enabled
        self._verdicts: dict[Hashable, Verdict] = {}

    def may_pay(self, key: Hashable) -> bool:
        """Whether it is worth bringing calls with that key together: not tried yet, or found to pay."""
        verdict = self._verdicts.get(key)
        if verdict is None or verdict.pays:
            return True
        verdict.used += 1
        return verdict.used >= _LOOK_AGAIN

    def run(self, key: Hashable, calls: Sequence[Call], device: str) -> tuple[list[Any], bool]:
        """Results of the calls in their order, and whether they came from one batch. `device` is what computes them."""
        verdict = self._verdicts.get(key)
        if verdict is None or verdict.used >= _LOOK_AGAIN:
            return self._try(key, calls, device), False
        verdict.used += 1
        if not verdict.pays:
            return [execute(call) for call in calls], False
        try:
            return execute_together(calls), True
        except Exception as error:  # noqa: BLE001 - one by one it shows whose fault it is, and the others go on
            log.info("a batch of %s is drawn one by one: %s", key, type(error).__name__)
            return [execute(call) for call in calls], False

    def _try(self, key: Hashable, calls: Sequence[Call], device: str) -> list[Any]:
        """Both ways; the results one by one are the ones that count."""
        if len(self._verdicts) >= _REMEMBERED:
            self._verdicts.clear()
        begun = now(device)
        alone = [execute(call) for call in calls]
        between = now(device)
        if any(isinstance(result, Raised) for result in alone):
            return alone  # what fails by itself says nothing about batches
        try:
            merged = execute_together(calls)
        except Exception as error:  # noqa: BLE001 - a model that takes no batch of these is drawn one by one
            log.info("calls of %s are not merged: %s", key, type(error).__name__)
            self._verdicts[key] = Verdict(False, 1.0)
            return alone
        share = (now(device) - between) / max(between - begun, 1e-9)
        right = all(_close(a, b) for a, b in zip(alone, merged, strict=True))
        self._verdicts[key] = Verdict(right, share)
        return alone


def execute_together(calls: Sequence[Call]) -> list[Any]:
    """Run calls of one component as one batch: its results, call by call.

    Raises:
        CannotMerge: their arguments do not fit together.
    """
    first = calls[0]
    if any(_entry(call) != _entry(first) or not call.repeats for call in calls):
        raise CannotMerge
    if getattr(first.component, "is_cache_enabled", False):
        raise CannotMerge  # step caches remember one run
    sizes = [batch_size(call) for call in calls]
    args = tuple(_join(values, sizes) for values in zip(*(c.args for c in calls), strict=True))
    if any(c.kwargs.keys() != first.kwargs.keys() for c in calls):
        raise CannotMerge
    kwargs = {name: _join([c.kwargs[name] for c in calls], sizes) for name in first.kwargs}
    with torch.no_grad():
        return _parts(replace(first, args=args, kwargs=kwargs).execute(), sizes)


def _entry(call: Call) -> tuple[Any, ...]:
    return id(call.component), call.method, call.within_keys, len(call.args)


def batch_size(call: Call) -> int:
    """How many samples a call is for: the length of its first batched argument.

    Raises:
        CannotMerge: it has none.
    """
    for value in (*call.args, *call.kwargs.values()):
        if isinstance(value, torch.Tensor) and value.ndim >= 2:
            return value.shape[0]
        if isinstance(value, list) and value and isinstance(value[0], torch.Tensor):
            return len(value)
    raise CannotMerge


def _join(values: Sequence[Any], sizes: Sequence[int]) -> Any:
    first = values[0]
    if any(type(value) is not type(first) for value in values):
        raise CannotMerge
    if isinstance(first, torch.Tensor):
        return _join_tensors(values, sizes)
    if isinstance(first, Mapping):
        if any(value.keys() != first.keys() for value in values):
            raise CannotMerge
        return {name: _join([value[name] for value in values], sizes) for name in first}
    if isinstance(first, list) and all(len(v) == size for v, size in zip(values, sizes, strict=True)):
        return [item for value in values for item in value]  # one item for each sample
    if isinstance(first, list | tuple):
        if any(len(value) != len(first) for value in values):
            raise CannotMerge
        return type(first)(_join(items, sizes) for items in zip(*values, strict=True))
    if any(value != first for value in values):
        raise CannotMerge
    return first


def _join_tensors(values: Sequence[torch.Tensor], sizes: Sequence[int]) -> torch.Tensor:
    first = values[0]
    if all(v.ndim > 0 and v.shape[0] == size for v, size in zip(values, sizes, strict=True)):
        if any(v.shape[1:] != first.shape[1:] or v.dtype != first.dtype for v in values):
            raise CannotMerge
        return torch.cat(list(values))
    if all(v.shape == first.shape and torch.equal(v, first) for v in values):
        return first  # positions, rotary tables: the same for all
    if all(v.numel() == 1 for v in values):  # a timestep for the whole call becomes one for each sample
        return torch.cat([v.reshape(1).expand(size) for v, size in zip(values, sizes, strict=True)])
    raise CannotMerge


def _parts(result: Any, sizes: Sequence[int]) -> list[Any]:
    if isinstance(result, torch.Tensor):
        if result.ndim == 0 or result.shape[0] != sum(sizes):
            raise CannotMerge
        return [part.clone() for part in torch.split(result, list(sizes))]
    if isinstance(result, Mapping):  # a model output of diffusers
        each = {name: _parts(value, sizes) for name, value in result.items()}
        return [type(result)(**{name: parts[i] for name, parts in each.items()}) for i in range(len(sizes))]
    if isinstance(result, list) and len(result) == sum(sizes):
        starts = [sum(sizes[:i]) for i in range(len(sizes))]
        return [result[start : start + size] for start, size in zip(starts, sizes, strict=True)]
    if isinstance(result, list | tuple):
        items = [_parts(item, sizes) for item in result]
        return [type(result)(item[i] for item in items) for i in range(len(sizes))]
    raise CannotMerge


def _close(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return bool((a.float() - b.float()).abs().max() <= _TOLERANCE * a.float().abs().max().clamp_min(1e-6))
    if isinstance(a, Mapping):
        return all(_close(a[name], b[name]) for name in a)
    return all(_close(x, y) for x, y in zip(a, b, strict=True))
