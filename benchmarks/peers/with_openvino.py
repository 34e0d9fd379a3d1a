"""OpenVINO GenAI's row, run by an interpreter that has `openvino-genai`; the folder is the converted checkpoint."""

from __future__ import annotations

from pathlib import Path

from benchmarks.peers.measuring import PROMPT, Draw, row


def generated(folder: Path, side: int, device: str) -> Draw:
    import openvino_genai  # type: ignore[import-not-found]

    pipeline = openvino_genai.Text2ImagePipeline(str(folder), device.upper())

    def draw(steps: int) -> object:
        return pipeline.generate(PROMPT, width=side, height=side, num_inference_steps=steps, rng_seed=7)

    return draw


if __name__ == "__main__":
    row(generated)
