"""Normalised values scaled and shifted where they lie, where the bytes are those of diffusers' own chain.

``norm(x) * (1 + scale) + shift`` makes two tensors of the size of ``x`` that live for one operation each. In place it
rounds at the same places, and so does one kernel for both. One fused multiplication and addition (`torch.addcmul`)
rounds once, and differs. On a GPU one kernel may do the norm too, if its sums turn out to have PyTorch's order.
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
from safelight.engine.tuning.fused.proven import Proven, Way, name_of


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
    kernels, _ = kernels_for(normed, scale, shift)
    result: torch.Tensor = kernels.modulated(normed, scale, shift, by_integers=by_integers)
    return result


def _with_norm(way: Way) -> Way:
    """That way of modulating, PyTorch's norm before it."""

    def both(x: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor, eps: float) -> Any:
        return way(torch.nn.functional.layer_norm(x, x.shape[-1:], None, None, eps), scale, shift)

    both.__name__ = f"norm, {name_of(way)}"
    return both


_chain_with_norm = _with_norm(_chain)
_orders: dict[tuple[Any, ...], bool] = {}


def norm_by_kernel(
    x: torch.Tensor,
    scale: torch.Tensor,
    shift: torch.Tensor,
    eps: float,
    *,
    left: bool = True,
    by_integers: bool = False,
) -> torch.Tensor:
    """The norm too, in the same pass (`norm_kernels.normed_and_modulated`).

    That its sums have PyTorch's order is shown in float32 first, once for each width: PyTorch's order does not hang on
    the number format, and half precision would hide most of what another order changes.

    Raises:
        NotImplementedError: as `by_kernel`; or the sums have another order.
        ImportError: Triton is not installed.
    """
    _, norms = kernels_for(x, scale, shift)
    key = (x.device, x.shape[-1], eps, left)
    if key not in _orders:
        wide = [each.float() for each in (x, scale, shift)]
        _orders[key] = torch.equal(_chain_with_norm(*wide, eps), norms.normed_and_modulated(*wide, eps, left=left))
    if not _orders[key]:
        raise NotImplementedError("PyTorch's norm adds in another order here")
    result: torch.Tensor = norms.normed_and_modulated(x, scale, shift, eps, left=left, by_integers=by_integers)
    return result


_KERNELS = (by_kernel, partial(by_kernel, by_integers=True))
modulated = Proven(_chain, *_KERNELS, in_place)
modulated_aside = Proven(_chain, *_KERNELS)
"""Where what is normalised is read again."""
normed_and_modulated = Proven(
    _chain_with_norm,
    norm_by_kernel,
    partial(norm_by_kernel, left=False),
    *[_with_norm(way) for way in (*_KERNELS, in_place)],
)


def _modulated(norm: Any, x: Any, scale: Any, shift: Any) -> Any:
    """Of a norm that is a function of its argument alone, all in one where that is proven."""
    if type(norm) is torch.nn.LayerNorm and not norm.elementwise_affine and not _is_watched(norm):
        return normed_and_modulated(x, scale, shift, norm.eps)
    return modulated(norm(x), scale, shift)


def _is_watched(module: torch.nn.Module) -> bool:
    """Whether somebody has hooks there, or a `forward` of its own, as diffusers' offloading has."""
    return bool(module._forward_hooks or module._forward_pre_hooks or "forward" in vars(module))


class _InPlaceZero(AdaLayerNormZero):  # type: ignore[misc]  # diffusers has no types
    def forward(
        self, x: Any, timestep: Any = None, class_labels: Any = None, hidden_dtype: Any = None, emb: Any = None
    ) -> Any:
        given = emb if self.emb is None else self.emb(timestep, class_labels, hidden_dtype=hidden_dtype)
        shift, scale, gate, *rest = self.linear(self.silu(given)).chunk(6, dim=1)
        return _modulated(self.norm, x, scale, shift), gate, *rest


class _InPlaceZeroSingle(AdaLayerNormZeroSingle):  # type: ignore[misc]
    def forward(self, x: Any, emb: Any = None) -> Any:
        shift, scale, gate = self.linear(self.silu(emb)).chunk(3, dim=1)
        return _modulated(self.norm, x, scale, shift), gate


class _TwiceZero(SD35AdaLayerNormZeroX):  # type: ignore[misc]
    def forward(self, hidden_states: Any, emb: Any = None) -> Any:
        shift, scale, gate, *second, shift2, scale2, gate2 = self.linear(self.silu(emb)).chunk(9, dim=1)
        normed = self.norm(hidden_states)
        first = modulated_aside(normed, scale, shift)
        return first, gate, *second, modulated(normed, scale2, shift2), gate2


class _InPlaceContinuous(AdaLayerNormContinuous):  # type: ignore[misc]
    def forward(self, x: Any, conditioning_embedding: Any) -> Any:
        scale, shift = self.linear(self.silu(conditioning_embedding).to(x.dtype)).chunk(2, dim=1)
        return _modulated(self.norm, x, scale, shift)


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
