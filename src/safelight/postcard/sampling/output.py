"""What comes out of Postcard's pipelines: pictures as callers ask for them, and the scenes that they show."""

# Tested in tests/postcard/test_pipeline.py.

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers.utils import BaseOutput
from PIL import Image
from torch import Tensor

OUTPUT_TYPES = ("pil", "np", "pt", "latent", "svg")


@dataclass
class PostcardPipelineOutput(BaseOutput):  # type: ignore[misc]
    """`images`: PIL images, an array (batch, height, width, 3), a tensor (batch, 3, height, width), or SVG texts.

    `scenes`: what each of them shows, as `safelight.postcard.scenes.scene_file` writes it; None beside latents.
    """

    images: Any
    scenes: list[str] | None = None


def pictures(decoder: Any, latents: Tensor, height: int, width: int, output_type: str) -> Any:
    """Latents (batch, slots, width), decoded by a `SceneDecoder`, in the form of one of `OUTPUT_TYPES`."""
    if output_type == "latent":
        return latents
    if output_type == "svg":
        return decoder.decode(latents, height, width, vector=True)
    pixels = decoder.decode(latents, height, width)
    if output_type == "pil":
        return [Image.fromarray(picture) for picture in pixels]
    scaled = pixels.astype(np.float32) / np.float32(255.0)
    return torch.from_numpy(scaled).permute(0, 3, 1, 2) if output_type == "pt" else scaled
