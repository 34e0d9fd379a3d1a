"""A picture encoded and decoded again: what an edit of strength 0 gives, which no pipeline draws.

Some of diffusers' pipelines raise where a strength leaves no step, others draw noise.
"""

# Tested in tests/engine/test_edit.py.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from PIL import Image


def given_back(pipeline: Any, image: Image.Image) -> Image.Image:
    """As the decoder draws it. A pipeline that denoises pixels has no decoder: the picture itself."""
    vae, processor = _autoencoder(pipeline), getattr(pipeline, "image_processor", None)
    if vae is None or processor is None:
        return image
    weights = next(vae.parameters())
    pixels = processor.preprocess(image, height=image.height, width=image.width)
    pixels = pixels.to(device=pipeline._execution_device, dtype=weights.dtype)
    of_video = any(isinstance(module, torch.nn.Conv3d) for module in vae.modules())
    latents = _most_likely(vae.encode(pixels.unsqueeze(2) if of_video else pixels))
    drawn = _first(vae.decode(latents))
    drawn = drawn[:, :, 0] if of_video else drawn
    back: Image.Image = processor.postprocess(drawn.detach(), output_type="pil")[0]
    return back


def _autoencoder(pipeline: Any) -> Any:
    for part in getattr(pipeline, "components", {}).values():
        if isinstance(part, torch.nn.Module) and all(
            callable(getattr(part, name, None)) for name in ("encode", "decode")
        ):
            return part
    return None


def _most_likely(encoded: Any) -> torch.Tensor:
    """The middle of the distribution that an autoencoder gives, or the latents that it is sure of."""
    first = _first(encoded)
    latents: torch.Tensor = first if isinstance(first, torch.Tensor) else first.mode()
    return latents


def _first(output: Any) -> Any:
    if isinstance(output, torch.Tensor):
        return output
    return next(iter(output.values())) if isinstance(output, Mapping) else output[0]
