"""Editing by diffusion over scenes: the scene of a drawing is noised and drawn anew under another prompt (SDEdit, arXiv
2108.01073), or only what the prompt names of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from safelight.postcard import scene_file
from safelight.postcard.pipeline import PostcardPipeline, Words
from safelight.postcard.scene import Scene


class PostcardImg2ImgPipeline(PostcardPipeline):
    """Draws a scene of Postcard's anew under a prompt."""

    @torch.no_grad()
    def __call__(  # type: ignore[override]
        self,
        prompt: str,
        scene: str | bytes | Scene,
        strength: float = 0.7,
        negative_prompt: str | None = None,
        height: int = 1024,
        width: int = 1024,
        num_inference_steps: int = 8,
        guidance_scale: float = 2.5,
        generator: torch.Generator | None = None,
        output_type: str = "pil",
        return_dict: bool = True,
        callback_on_step_end: Callable[..., dict[str, Any]] | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
    ) -> Any:
        self.check_inputs(prompt, height, width, None, None, output_type, callback_on_step_end_tensor_inputs)
        before = scene if isinstance(scene, Scene) else scene_file.read(scene)
        steps = min(num_inference_steps, math.ceil(num_inference_steps * strength))
        codec = self.decoder.codec
        values = torch.from_numpy(codec.to_values(before, in_order=steps > 0))[None]
        clean = codec.to_latents(values).to(self._execution_device)
        if steps:
            told = self._told(Words(prompt), Words(negative_prompt), guidance_scale, width / height)
            noise = self.prepare_latents(told.batch, torch.float32, self._execution_device, generator)
            skipped = num_inference_steps - steps
            self._set_timesteps(num_inference_steps, None, skipped)
            sigma = self.scheduler.sigmas[skipped]
            latents = (1.0 - sigma) * clean + sigma * noise
            latents = self._denoised(latents, told, callback_on_step_end, callback_on_step_end_tensor_inputs)
        else:
            latents = clean
        return self._output(latents, height, width, output_type, return_dict)


class PostcardInpaintPipeline(PostcardImg2ImgPipeline):
    """As its base, but what stands outside a mask is kept."""
