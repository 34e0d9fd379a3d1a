"""Passes over a picture that change nothing, spared: divisions by one, and copies that fight over the caches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from diffusers.models.upsampling import Upsample2D
from torch.utils._pytree import tree_map_only

_FACTORS = ("output_scale_factor", "rescale_output_factor")
_DIVISIONS = (torch.Tensor.__truediv__, torch.Tensor.div, torch.div)


class NoOpDivisor:
    """A factor of one. A tensor that is divided by it is what it was, without a pass over it."""

    @classmethod
    def __torch_function__(
        cls, function: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if function in _DIVISIONS and not kwargs and isinstance(args[1], cls):
            return args[0]
        args, kwargs = tree_map_only(cls, float, (args, kwargs or {}))
        return function(*args, **kwargs)

    def __float__(self) -> float:
        return 1.0


def spare_divisions(component: torch.nn.Module) -> None:
    """diffusers' attention and residual blocks divide what they give by a factor, which is one in most models.

    Of a step of Stable Diffusion XL that is 1.2 %, of decoding a picture 6 %.
    """
    for module in component.modules():
        for name in _FACTORS:
            if getattr(module, name, None) == 1:
                setattr(module, name, NoOpDivisor())


def channels_last(input: torch.Tensor) -> torch.Tensor:
    """The same numbers with channels last, copied 32 channels at a time.

    All at once PyTorch reads numbers that lie 2 KB apart, or a multiple of that, and they push each other out of the
    caches: 1920 channels of 32x32 take 13 ms, and 1.1 so. Of a step of Stable Diffusion XL at 512x512 that is 3 %.
    """
    if input.is_contiguous(memory_format=torch.channels_last) or input.shape[2] * input.shape[3] < 1024:
        return input.contiguous(memory_format=torch.channels_last)
    laid_out = torch.empty_like(input, memory_format=torch.channels_last)
    for first in range(0, input.shape[1], 32):
        laid_out[:, first : first + 32].copy_(input[:, first : first + 32])
    return laid_out


class ChannelsLastUpsample2D(Upsample2D):  # type: ignore[misc]  # diffusers has no types
    """Given many channels that come first, PyTorch lays them last to enlarge a picture, and copies the larger back."""

    def forward(self, hidden_states: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        return super().forward(channels_last(hidden_states), *args, **kwargs)
