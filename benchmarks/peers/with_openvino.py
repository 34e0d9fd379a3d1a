"""OpenVINO GenAI's rows, run by an interpreter that has `openvino-genai`; the folder is the converted checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.peers.measuring import PROMPT, Draw, row


def float32(folder: Path, side: int, device: str) -> Draw:
    """Weights and arithmetic: without the hint it computes in bfloat16 where the processor has it."""
    return _drawn(folder, side, device, INFERENCE_PRECISION_HINT="f32")


def half(folder: Path, side: int, device: str) -> Draw:
    """As it comes."""
    return _drawn(folder, side, device)


def int8(folder: Path, side: int, device: str) -> Draw:
    """Weights of eight bits, else as it comes."""
    return _drawn(folder, side, device)


def half_reshaped(folder: Path, side: int, device: str) -> Draw:
    """Compiled for this one size, as its guide has it for speed, as the next."""
    return _reshaped(folder, side, device)


def int8_reshaped(folder: Path, side: int, device: str) -> Draw:
    """Weights of eight bits."""
    return _reshaped(folder, side, device)


def _reshaped(folder: Path, side: int, device: str) -> Draw:
    import openvino_genai  # type: ignore[import-not-found]

    pipeline = openvino_genai.Text2ImagePipeline(str(folder))
    pipeline.reshape(1, side, side, pipeline.get_generation_config().guidance_scale)
    pipeline.compile(device.upper())
    return _by(pipeline, side)


def _drawn(folder: Path, side: int, device: str, **properties: str) -> Draw:
    import openvino_genai

    return _by(openvino_genai.Text2ImagePipeline(str(folder), device.upper(), **properties), side)


def _by(pipeline: Any, side: int) -> Draw:
    def draw(steps: int) -> object:
        return pipeline.generate(PROMPT, width=side, height=side, num_inference_steps=steps, rng_seed=7)

    return draw


if __name__ == "__main__":
    makes = (float32, half, int8, half_reshaped, int8_reshaped)
    row({make.__name__: make for make in makes})
