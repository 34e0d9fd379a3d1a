"""The rows of diffusers: as its README has it, with the best settings found, and compiled."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers import DiffusionPipeline
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.peers.measuring import PROMPT, Draw

_LONG_SECONDS = 0.25  # of one product


def as_in_the_readme(folder: Path, side: int, device: str) -> Draw:
    """float32 on a CPU; on a GPU half precision, as the README's first example."""
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    return _draw(DiffusionPipeline.from_pretrained(folder, dtype=dtype).to(device), side)


def at_its_best(folder: Path, side: int, device: str) -> Draw:
    """bfloat16 where that is fast, convolutions in channels-last, tiny numbers flushed, every usable core."""
    return _draw(tuned(folder, device), side)


def compiled(folder: Path, side: int, device: str) -> Draw:
    """The same, and what diffusers' guide to speed does: the denoiser and the decoder compiled."""
    pipeline = tuned(folder, device)
    denoiser(pipeline).compile(fullgraph=True)
    pipeline.vae.decode = torch.compile(pipeline.vae.decode)
    return _draw(pipeline, side)


def tuned(folder: Path, device: str) -> Any:
    """The pipeline as it is at its best without compiling."""
    from safelight.engine.machine.device import usable_cores

    torch.set_num_threads(usable_cores())
    torch.set_flush_denormal(True)
    pipeline = DiffusionPipeline.from_pretrained(folder, dtype=fast_dtype(device)).to(device)
    denoiser(pipeline).to(memory_format=torch.channels_last)
    pipeline.vae.to(memory_format=torch.channels_last)
    return pipeline


def denoiser(pipeline: Any) -> Any:
    return getattr(pipeline, "transformer", None) or pipeline.unet


def _draw(pipeline: Any, side: int) -> Draw:
    pipeline.set_progress_bar_config(disable=True)

    def draw(steps: int) -> None:
        generator = torch.Generator("cpu").manual_seed(7)
        pipeline(prompt=PROMPT, height=side, width=side, num_inference_steps=steps, generator=generator)

    return draw


def operations(folder: Path, side: int, device: str) -> float:
    """Floating point operations of one step's denoiser calls, a multiplication and an addition counted as two."""
    pipeline = tuned(folder, device)
    counted: list[int] = []
    with counting(denoiser(pipeline), counted):
        _draw(pipeline, side)(1)
    return float(sum(counted))


@contextmanager
def counting(module: Any, counted: list[int]) -> Iterator[None]:
    forward = module.forward

    def counting(*args: Any, **kwargs: Any) -> Any:
        # The plain attention is made of products that the counter knows; others it would pass over on a CPU.
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            result = forward(*args, **kwargs)
        counted.append(counter.get_total_flops())
        return result

    module.forward = counting
    try:
        yield
    finally:
        del module.forward


def products_rate(device: str, dtype: torch.dtype = torch.bfloat16) -> float:
    """Operations a second of large matrix products, the best of all, ten of a size: what the device can be asked for.
    Larger ones only while they are quick: what a processor emulates takes minutes at the largest."""
    side, largest, found = 256, 4096 if device == "cpu" else 8192, 0.0
    while side <= largest:
        a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
        best = float("inf")
        for _ in range(10):
            begun = time.perf_counter()
            (a @ b)[0, 0].item()  # waits for the device
            best = min(best, time.perf_counter() - begun)
            if best > _LONG_SECONDS:
                break
        found = max(found, 2 * side**3 / best)  # one large product alone may have been disturbed
        if best > _LONG_SECONDS:
            break
        side *= 2
    return found


def fast_dtype(device: str) -> torch.dtype:
    """bfloat16, unless products in float32 are faster: then the device emulates it, and a step would take minutes."""
    if device != "cpu" or products_rate(device) > products_rate(device, torch.float32):
        return torch.bfloat16
    return torch.float32
