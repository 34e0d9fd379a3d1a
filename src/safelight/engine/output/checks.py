"""What a decoder is given and gives back, looked at: numbers that are none become an error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from safelight.contract.models.stages import DECODE
from safelight.engine.pipeline.stand_ins.calls import Call


class NaNInLatents(ArithmeticError):
    """A component gave NaN. The message is for callers: no path, nothing of the prompt."""


class NumbersCheck:
    """Looks for NaN in what a decoder was given and in what it made of it. Looking is queued when this is made, and the
    device is waited for when the answer is `read`: once a picture, not every step.
    """

    def __init__(self, call: Call, result: Any) -> None:
        decodes = call.stage == DECODE
        self._given = list(_nan_in((call.args, call.kwargs))) if decodes else []
        self._made = list(_nan_in(result)) if decodes else []

    def read(self) -> NaNInLatents | None:
        """Wait for the answer: there is NaN, in words that say which part of the model it comes from."""
        if any(map(bool, self._given)):
            return NaNInLatents(
                "The denoiser computed numbers that are none (NaN), so there is no picture. float16 overflows in many "
                "models; with `dtype` bfloat16 or float32 they draw."
            )
        if any(map(bool, self._made)):
            return NaNInLatents(
                "The decoder computed numbers that are none (NaN), so there is no picture. float16 overflows in many "
                "decoders; with `dtype` bfloat16 or float32 they draw."
            )
        return None


def _nan_in(value: Any) -> Iterator[torch.Tensor]:
    """For each tensor of numbers, whether NaN is in it; not waited for."""
    if isinstance(value, torch.Tensor):
        if value.is_floating_point():
            yield torch.isnan(value).any()
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _nan_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _nan_in(item)
