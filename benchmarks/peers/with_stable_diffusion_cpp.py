"""stable-diffusion.cpp's rows, run by an interpreter that has `stable-diffusion-cpp-python`, built from source with
`CMAKE_ARGS=-DGGML_LLAMAFILE=ON`: its products take half the time so, and with OpenBLAS they take no less.
"""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.peers.measuring import PROMPT, Draw, row


def float32(folder: Path, side: int, device: str) -> Draw:
    return _drawn(folder, side, "f32")


def half(folder: Path, side: int, device: str) -> Draw:
    """A step of 6.6 s at 256x256 on a Xeon with AMX, the fastest of five forms tried there. Others took 21.5 (half
    precision with convolutions as products), 15.8 (with flash attention too), 13.8 (q8_0) and 11.4 (float32).
    """
    return _drawn(folder, side, "f16")


def q8_0(folder: Path, side: int, device: str) -> Draw:
    return _drawn(folder, side, "q8_0")


def _drawn(folder: Path, side: int, weights: str) -> Draw:
    """Convolutions without a detour, all cores, no flash attention: with it a step at 512x512 takes three times as long
    on an AMD EPYC (85 s for 28)."""
    import stable_diffusion_cpp  # type: ignore[import-not-found]

    second = folder / "text_encoder_2" / "model.safetensors"  # named, or it takes Stable Diffusion XL for 1.5
    model = stable_diffusion_cpp.StableDiffusion(
        model_path=str(folder),
        clip_g_path=str(second) if second.exists() else "",
        wtype=weights,
        n_threads=len(os.sched_getaffinity(0)),
        diffusion_conv_direct=True,
        vae_conv_direct=True,
        vae_decode_only=True,
        verbose=False,
    )

    def draw(steps: int) -> object:
        return model.generate_image(
            prompt=PROMPT, width=side, height=side, sample_steps=steps, cfg_scale=7.5, sample_method="euler", seed=7
        )

    return draw


if __name__ == "__main__":
    row({"float32": float32, "half": half, "q8_0": q8_0})
