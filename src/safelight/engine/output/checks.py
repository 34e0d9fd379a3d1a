"""What a decoder is given and gives back, looked at: numbers that are none become an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from safelight.engine.pipeline.calls import Call


class NaNInLatents(ArithmeticError):
    """A component returned NaN. The message is for callers: no path, nothing of the prompt."""


def check_numbers(call: Call, result: Any) -> None:
    """Look at what a decoder was given and what it made of it; a device is waited for once a picture, not every step.

    Raises:
        NaNInLatents: there is NaN in it, with the part of the model that it comes from.
    """
    if call.stage != "decode":
        return
    if _has_nan((call.args, call.kwargs)):
        raise NaNInLatents(
            "The denoiser computed numbers that are none (NaN), so there is no picture. float16 overflows in many "
            "models; with `dtype` bfloat16 or float32 they draw."
        )
    if _has_nan(result):
        raise NaNInLatents(
            "The decoder computed numbers that are none (NaN), so there is no picture. float16 overflows in many "
            "decoders; with `dtype` bfloat16 or float32 they draw."
        )


def _has_nan(value: Any) -> bool:
    if isinstance(value, torch.Tensor):
        return value.is_floating_point() and bool(torch.isnan(value).any())
    if isinstance(value, Mapping):
        return any(_has_nan(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(_has_nan(item) for item in value)
    return False
