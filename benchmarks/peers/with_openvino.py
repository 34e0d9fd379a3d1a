"""OpenVINO GenAI's rows, run by an interpreter that has `openvino-genai`; the folder is the converted checkpoint."""

from __future__ import annotations

from pathlib import Path

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


def _drawn(folder: Path, side: int, device: str, **properties: str) -> Draw:
    import openvino_genai  # type: ignore[import-not-found]

    pipeline = openvino_genai.Text2ImagePipeline(str(folder), device.upper(), **properties)

    def draw(steps: int) -> object:
        return pipeline.generate(PROMPT, width=side, height=side, num_inference_steps=steps, rng_seed=7)

    return draw


if __name__ == "__main__":
    row({"float32": float32, "half": half, "int8": int8})
