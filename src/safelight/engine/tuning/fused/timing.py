"""What one call takes on its device."""

# Tested in tests/engine/test_proven.py.

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

_AHEAD = 400_000
"""Cycles that a GPU is kept busy with while the host queues a call: 0.2 ms at 2 GHz, a call takes 0.02 to 0.1."""


def timed(device: str, call: Callable[[], Any]) -> tuple[Any, float]:
    """The result of a call and its seconds on that device.

    On a GPU the time between two events counts, and the host is ahead of it: what the host needs to queue a call is not
    in it. Where steps are long the GPU sets the pace, and short ones are recorded, so that nobody queues them.
    """
    if not device.startswith("cuda"):
        begun = time.perf_counter()
        return call(), time.perf_counter() - begun
    with torch.cuda.device(device):
        torch.cuda.current_stream().synchronize()  # not the device: somebody may be recording
        torch.cuda._sleep(_AHEAD)  # type: ignore[no-untyped-call]  # PyTorch's own tests of streams use it
        begun_at, ended_at = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        begun_at.record()
        result = call()
        ended_at.record()
        ended_at.synchronize()
        return result, float(begun_at.elapsed_time(ended_at)) / 1e3
