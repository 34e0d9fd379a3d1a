"""Calls of several runs as one: their arguments joined sample by sample, the result parted again."""

# Tested in tests/engine/test_merging.py.

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from safelight.engine.pipeline.stand_ins.call_values import NoForm, form_of
from safelight.engine.pipeline.stand_ins.calls import Call

_REMEMBERED = 32


class CannotMerge(Exception):
    """These calls do not make one batch."""


@dataclass(frozen=True)
class _Joined:
    """A tensor that was joined, and of which. `versions` count what was written into all of these."""

    parts: tuple[weakref.ref[torch.Tensor], ...]
    tensor: torch.Tensor
    versions: tuple[int, ...]

    @classmethod
    def of(cls, parts: Sequence[torch.Tensor], tensor: torch.Tensor) -> _Joined:
        return cls(tuple(map(weakref.ref, parts)), tensor, tuple(each._version for each in (*parts, tensor)))

    @property
    def is_gone(self) -> bool:
        return any(part() is None for part in self.parts)

    def is_of(self, parts: Sequence[torch.Tensor]) -> bool:
        """Whether joining these gives that tensor: they are the same, and nothing was written into any of them."""
        same = all(known() is part for known, part in zip(self.parts, parts, strict=True))
        return same and self.versions == tuple(each._version for each in (*parts, self.tensor))


class Joining:
    """Joins calls. What is given again at every step, as a prompt's states are, is joined once: a denoiser that keeps
    what it makes of a prompt knows it by these very tensors. Only the engine's thread calls."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, ...], _Joined] = OrderedDict()

    def joined(self, calls: Sequence[Call]) -> Call:
        """One call of the component that all are of.

        Raises:
            CannotMerge: their arguments do not fit together.
        """
        first = calls[0]
        if any(_entry(call) != _entry(first) or not call.repeats for call in calls):
            raise CannotMerge
        if getattr(first.component, "is_cache_enabled", False):
            raise CannotMerge  # step caches remember one run
        sizes = [batch_size(call) for call in calls]
        args = tuple(self._join(values, sizes) for values in zip(*(c.args for c in calls), strict=True))
        if any(c.kwargs.keys() != first.kwargs.keys() for c in calls):
            raise CannotMerge
        kwargs = {name: self._join([c.kwargs[name] for c in calls], sizes) for name in first.kwargs}
        return replace(first, args=args, kwargs=kwargs)

    def _join(self, values: Sequence[Any], sizes: Sequence[int]) -> Any:
        first = values[0]
        if any(type(value) is not type(first) for value in values):
            raise CannotMerge
        if isinstance(first, torch.Tensor):
            return self._tensor(values, sizes)
        if isinstance(first, Mapping):
            if any(value.keys() != first.keys() for value in values):
                raise CannotMerge
            return {name: self._join([value[name] for value in values], sizes) for name in first}
        if isinstance(first, list) and all(len(v) == size for v, size in zip(values, sizes, strict=True)):
            return [item for value in values for item in value]  # one item for each sample
        if isinstance(first, list | tuple):
            if any(len(value) != len(first) for value in values):
                raise CannotMerge
            return type(first)(self._join(items, sizes) for items in zip(*values, strict=True))
        if any(value != first for value in values):
            raise CannotMerge
        return first

    def _tensor(self, parts: Sequence[torch.Tensor], sizes: Sequence[int]) -> torch.Tensor:
        if any(part.is_inference() for part in parts):  # PyTorch does not count what is written into these
            return _join_tensors(parts, sizes)
        key = tuple(map(id, parts))
        known = self._kept.get(key)
        if known is not None and known.is_of(parts):
            return known.tensor
        tensor = _join_tensors(parts, sizes)
        if tensor is not parts[0]:
            self._keep(key, _Joined.of(parts, tensor))
        return tensor

    def _keep(self, key: tuple[int, ...], joined: _Joined) -> None:
        for gone in [other for other, kept in self._kept.items() if kept.is_gone]:
            del self._kept[gone]
        self._kept[key] = joined
        if len(self._kept) > _REMEMBERED:
            self._kept.popitem(last=False)


def form(call: Call) -> Hashable | None:
    """What calls have in common that differ in the numbers of their tensors alone; None for one
    that does not say, or is not computed on the CPU."""
    try:
        return (*_entry(call), form_of((call.args, call.kwargs), "cpu"))
    except NoForm:
        return None


def parted(result: Any, calls: Sequence[Call]) -> list[Any]:
    """What each call is given of the result of the one that was made of them.

    Raises:
        CannotMerge: it is not as many samples.
    """
    return _parts(result, [batch_size(call) for call in calls])


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
