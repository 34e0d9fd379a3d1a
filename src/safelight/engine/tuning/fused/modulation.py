"""Normalised values scaled and shifted where they lie, where the bytes are those of diffusers' own chain.

``norm(x) * (1 + scale) + shift`` makes two tensors of the size of ``x`` that live for one operation each. In place it
rounds at the same places, and so does one kernel for both. One fused multiplication and addition (`torch.addcmul`)
rounds once, and differs. The norm stays PyTorch's: its sums are of an order of its own.
"""

# Tested in tests/engine/test_modulation.py.

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from diffusers.models.normalization import (
    AdaLayerNormContinuous,
    AdaLayerNormZero,
    AdaLayerNormZeroSingle,
    SD35AdaLayerNormZeroX,
)

from safelight.engine.tuning.fused.compiled import kernels_for
from safelight.engine.tuning.fused.proven import Proven


def _chain(normed: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    return normed * (1 + scale[:, None]) + shift[:, None]


def in_place(normed: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """The same in ``normed`` [batch, positions, width], which is nobody else's; scale and shift are [batch, width]."""
    return normed.mul_((1 + scale)[:, None]).add_(shift[:, None])


def by_kernel(
    normed: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor, *, by_integers: bool = False
) -> torch.Tensor:
    """The same in one pass on a GPU, by a kernel of our own (`kernels.modulated`), and in memory of its own.

    Raises:
        NotImplementedError: no GPU, several number formats, or a layout that the kernel does not know.
        ImportError: Triton is not installed.
    """
    result: torch.Tensor = kernels_for(normed, scale, shift).modulated(normed, scale, shift, by_integers=by_integers)
    return result


_KERNELS = (by_kernel, partial(by_kernel, by_integers=True))
modulated = Proven(_chain, *_KERNELS, in_place)
modulated_aside = Proven(_chain, *_KERNELS)
"""Where what is normalised is read again."""


class _InPlaceZero(AdaLayerNormZero):  # type: ignore[misc]  # diffusers has no types
    def forward(
        self, x: Any, timestep: Any = None, class_labels: Any = None, hidden_dtype: Any = None, emb: Any = None
    ) -> Any:
        given = emb if self.emb is None else self.emb(timestep, class_labels, hidden_dtype=hidden_dtype)
        shift, scale, gate, *rest = self.linear(self.silu(given)).chunk(6, dim=1)
        return modulated(self.norm(x), scale, shift), gate, *rest


class _InPlaceZeroSingle(AdaLayerNormZeroSingle):  # type: ignore[misc]
    def forward(self, x: Any, emb: Any = None) -> Any:
        shift, scale, gate = self.linear(self.silu(emb)).chunk(3, dim=1)
        return modulated(self.norm(x), scale, shift), gate


class _TwiceZero(SD35AdaLayerNormZeroX):  # type: ignore[misc]
    def forward(self, hidden_states: Any, emb: Any = None) -> Any:
        shift, scale, gate, *second, shift2, scale2, gate2 = self.linear(self.silu(emb)).chunk(9, dim=1)
        normed = self.norm(hidden_states)
        first = modulated_aside(normed, scale, shift)
        return first, gate, *second, modulated(normed, scale2, shift2), gate2


class _InPlaceContinuous(AdaLayerNormContinuous):  # type: ignore[misc]
    def forward(self, x: Any, conditioning_embedding: Any) -> Any:
        scale, shift = self.linear(self.silu(conditioning_embedding).to(x.dtype)).chunk(2, dim=1)
        return modulated(self.norm(x), scale, shift)


_KINDS: dict[type, type] = {
    AdaLayerNormZero: _InPlaceZero,
    AdaLayerNormZeroSingle: _InPlaceZeroSingle,
    AdaLayerNormContinuous: _InPlaceContinuous,
    SD35AdaLayerNormZeroX: _TwiceZero,
}


def modulate_in_place(pipeline: Any) -> None:
    """Have the adaptive norms of all components modulate in place where that is proven, whatever model has them."""
    for component in pipeline.components.values():
        if not isinstance(component, torch.nn.Module):
            continue
        for module in component.modules():
            # A norm that may hand back what it was given is left alone.
            if type(module) in _KINDS and isinstance(getattr(module, "norm", None), torch.nn.LayerNorm):
                module.__class__ = _KINDS[type(module)]
