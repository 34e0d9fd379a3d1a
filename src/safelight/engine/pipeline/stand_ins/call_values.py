"""The values of a call, taken apart: their form, the tensors in them, and whether two of them have the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any

import torch


class NoForm(Exception):
    """Something among the values is neither a tensor nor a plain value."""


def form_of(value: Any, kind: str) -> Hashable:
    """What two values have in common that differ in the numbers of their tensors alone.

    Raises:
        NoForm: it holds an object that says nothing of itself, or a tensor on another kind of device than `kind`.
    """
    if isinstance(value, torch.Tensor):
        if type(value) is not torch.Tensor or value.device.type != kind:
            raise NoForm
        return "tensor", tuple(value.shape), value.stride(), value.dtype
    if isinstance(value, Mapping):
        return "mapping", tuple((name, form_of(item, kind)) for name, item in value.items())
    if isinstance(value, list | tuple):
        return type(value).__name__, tuple(form_of(item, kind) for item in value)
    if value is None or isinstance(value, bool | int | float | str | torch.dtype):
        return type(value).__name__, value
    raise NoForm


def tensors_of(value: Any) -> Iterator[torch.Tensor]:
    """The tensors within, in their order."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from tensors_of(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from tensors_of(item)


def with_tensors(value: Any, make: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """The same value, other tensors in it."""
    if isinstance(value, torch.Tensor):
        return make(value)
    if type(value) is dict:
        return {name: with_tensors(item, make) for name, item in value.items()}
    if isinstance(value, Mapping):  # a model output of diffusers
        return type(value)(**{name: with_tensors(item, make) for name, item in value.items()})
    if isinstance(value, list | tuple):
        return type(value)(with_tensors(item, make) for item in value)
    return value


def same_bytes(one: Any, other: Any) -> bool:
    """Whether two results hold the same tensors to the last bit; NaN is like NaN of the same bits."""
    first, second = list(tensors_of(one)), list(tensors_of(other))
    if not first or len(first) != len(second):
        return False
    return all(_same(a, b) for a, b in zip(first, second, strict=True))


def _same(a: torch.Tensor, b: torch.Tensor) -> bool:
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    return torch.equal(*(tensor.contiguous().reshape(-1).view(torch.uint8) for tensor in (a, b)))
