"""Safelight's rows: the engine's loop as a worker runs it, the picture's file included."""

from __future__ import annotations

import os
import time
from pathlib import Path

from msgspec.structs import replace

from benchmarks.peers.measuring import PROMPT, Draw
from safelight.contract.models.options import ModelOptions
from safelight.engine.runtimes.eight_bits import INT8
from safelight.protocol.messages import Dtype


def nothing_set(folder: Path, side: int, device: str) -> Draw:
    return _draw(folder, side, device, ModelOptions())


def compiled(folder: Path, side: int, device: str) -> Draw:
    """With `options = { compile = true }`."""
    return _draw(folder, side, device, ModelOptions(compile=True))


def in_float32(folder: Path, side: int, device: str) -> Draw:
    """With `dtype = "float32"`: diffusers' own bits."""
    return _draw(folder, side, device, ModelOptions(), "float32")


def packed(folder: Path, side: int, device: str) -> Draw:
    """With `dtype = "float32-packed"`."""
    return _draw(folder, side, device, ModelOptions(), "float32-packed")


def openvino_float32(folder: Path, side: int, device: str) -> Draw:
    """With `runtime = "openvino"`, in float32."""
    return _draw(folder, side, device, ModelOptions(runtime="openvino"), "float32")


def openvino_half(folder: Path, side: int, device: str) -> Draw:
    """With `runtime = "openvino"`, in bfloat16."""
    return _draw(folder, side, device, ModelOptions(runtime="openvino"), "bfloat16")


def openvino_int8(folder: Path, side: int, device: str) -> Draw:
    """With `runtime = "openvino"` and `quantization = "int8"`, else in bfloat16."""
    return _draw(folder, side, device, ModelOptions(runtime="openvino", quantization=(INT8,)), "bfloat16")


def openvino_float32_fixed(folder: Path, side: int, device: str) -> Draw:
    """The same with `fixed_sizes` of this one size, as the next two."""
    return _draw(folder, side, device, _fixed(side), "float32")


def openvino_half_fixed(folder: Path, side: int, device: str) -> Draw:
    """In bfloat16."""
    return _draw(folder, side, device, _fixed(side), "bfloat16")


def openvino_int8_fixed(folder: Path, side: int, device: str) -> Draw:
    """With `quantization = "int8"`, else in bfloat16."""
    return _draw(folder, side, device, replace(_fixed(side), quantization=(INT8,)), "bfloat16")


def _fixed(side: int) -> ModelOptions:
    return ModelOptions(runtime="openvino", fixed_sizes=(f"{side}x{side}",))


def _draw(folder: Path, side: int, device: str, options: ModelOptions, dtype: Dtype = "auto") -> Draw:
    from safelight.engine.machine.device import prepare

    os.environ.setdefault("MKL_CBWR", "AUTO")
    prepare(threads=0)
    from benchmarks.engine import Engine, job

    kept = folder.with_name(f"{folder.name}-kept")  # as in the state folder
    engine = Engine(None, str(folder), device, options, dtype=dtype, kept=kept)

    def draw(steps: int) -> None:
        name = f"{time.perf_counter()}"
        engine.draw([job(name, steps, "a", source=str(folder), width=side, height=side, prompt=PROMPT)])

    return draw
