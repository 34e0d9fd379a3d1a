"""stable-diffusion.cpp's row, run by an interpreter that has `stable-diffusion-cpp-python`, built from source."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.peers.measuring import PROMPT, Draw, row


def generated(folder: Path, side: int, device: str) -> Draw:
    """Half precision, convolutions without a detour, all cores: a step of 6.6 s at 256x256, the fastest of five tried.
    Others took 21.5 (half precision alone), 15.8 (with flash attention), 13.8 (q8_0) and 11.4 (float32).
    """
    import stable_diffusion_cpp  # type: ignore[import-not-found]

    model = stable_diffusion_cpp.StableDiffusion(
        model_path=str(folder),
        wtype="f16",
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
    row(generated)
