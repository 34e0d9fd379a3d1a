"""Normalised values scaled and shifted where they lie, where the bytes are those of diffusers' own chain.

``norm(x) * (1 + scale) + shift`` makes two tensors of the size of ``x`` that live for one operation each. In place it
rounds at the same places. One fused multiplication and addition (`torch.addcmul`) rounds once, and differs.
"""

# Tested in tests/engine/test_modulation.py.

from __future__ import annotations

from typing import Any

import torch
from diffusers.models.normalization import AdaLayerNormContinuous, AdaLayerNormZero, AdaLayerNormZeroSingle

from safelight.engine.tuning.proven import Proven


def _chain(normed: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    return normed * (1 + scale[:, None]) + shift[:, None]


def in_place(normed: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """The same in ``normed`` [batch, positions, width], which is nobody else's; scale and shift are [batch, width]."""
    return normed.mul_((1 + scale)[:, None]).add_(shift[:, None])


_modulated = Proven(_chain, in_place)


class _InPlaceZero(AdaLayerNormZero):  # type: ignore[misc]  # diffusers has no types
    def forward(
        self, x: Any, timestep: Any = None, class_labels: Any = None, hidden_dtype: Any = None, emb: Any = None
    ) -> Any:
        given = emb if self.emb is None else self.emb(timestep, class_labels, hidden_dtype=hidden_dtype)
        shift, scale, gate, *rest = self.linear(self.silu(given)).chunk(6, dim=1)
        return _modulated(self.norm(x), scale, shift), gate, *rest


class _InPlaceZeroSingle(AdaLayerNormZeroSingle):  # type: ignore[misc]
    def forward(self, x: Any, emb: Any = None) -> Any:
        shift, scale, gate = self.linear(self.silu(emb)).chunk(3, dim=1)
        return _modulated(self.norm(x), scale, shift), gate


class _InPlaceContinuous(AdaLayerNormContinuous):  # type: ignore[misc]
    def forward(self, x: Any, conditioning_embedding: Any) -> Any:
        scale, shift = self.linear(self.silu(conditioning_embedding).to(x.dtype)).chunk(2, dim=1)
        return _modulated(self.norm(x), scale, shift)


_KINDS: dict[type, type] = {
    AdaLayerNormZero: _InPlaceZero,
    AdaLayerNormZeroSingle: _InPlaceZeroSingle,
    AdaLayerNormContinuous: _InPlaceContinuous,
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
