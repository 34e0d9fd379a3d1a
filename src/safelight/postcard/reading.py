"""What the denoiser makes of a prompt alone, kept from one step of a picture to the next.

The layers over the prompt, and the keys and values that the slots look at, depend on no slot and no time: of a step
they are a seventh on a processor. The same tensors give the same bytes, computed again or kept.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass

import torch
from torch import Tensor

Memory = list[tuple[Tensor, Tensor]]
"""Keys (batch * heads, size, tokens) and values (batch * heads, tokens, size) for each layer that looks at a prompt."""

_MOST = 16
"""Prompts kept at once: pictures that are drawn by turns have one each."""


@dataclass(frozen=True)
class _Kept:
    states: weakref.ref[Tensor]
    mask: weakref.ref[Tensor] | None
    weight: weakref.ref[Tensor]
    versions: tuple[int, ...]
    bias: Tensor
    memory: Memory


class Readings:
    """Readings of prompts by the tensors that they were made of, while those live. One thread at a time."""

    def __init__(self) -> None:
        self._kept: list[_Kept] = []

    def __deepcopy__(self, _: object) -> Readings:
        return Readings()

    def __reduce__(self) -> tuple[type[Readings], tuple[()]]:
        return Readings, ()

    @staticmethod
    def may_keep(states: Tensor) -> bool:
        """Whether a reading may be used again: not in training, which needs its gradients, nor where calls are recorded
        or compiled, since a recording would hold one prompt's reading for ever.
        """
        return states.device.type == "cpu" and not torch.is_grad_enabled() and not torch.compiler.is_compiling()

    def find(self, states: Tensor, mask: Tensor | None, weight: Tensor) -> tuple[Tensor, Memory] | None:
        """The bias and the memory made of these very tensors, by a model that still has this weight."""
        self._kept = [kept for kept in self._kept if kept.states() is not None]
        versions = _versions(states, mask, weight)
        for kept in self._kept:
            its_mask = None if kept.mask is None else kept.mask()
            if kept.states() is states and its_mask is mask and kept.weight() is weight and kept.versions == versions:
                return kept.bias, kept.memory
        return None

    def keep(self, states: Tensor, mask: Tensor | None, weight: Tensor, bias: Tensor, memory: Memory) -> None:
        """Keep what was made of these tensors, while `states` lives."""
        its_mask = None if mask is None else weakref.ref(mask)
        versions = _versions(states, mask, weight)
        kept = _Kept(weakref.ref(states), its_mask, weakref.ref(weight), versions, bias, memory)
        self._kept = [*self._kept[1 - _MOST :], kept]


def _versions(*tensors: Tensor | None) -> tuple[int, ...]:
    """How often each was written to in place; PyTorch does not count that in inference mode."""
    return tuple(0 if t is None or t.is_inference() else t._version for t in tensors)
