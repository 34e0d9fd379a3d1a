"""Text to picture by diffusion over scenes, in the manner of every other diffusers pipeline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from safelight.postcard.sampling.conditioning import Words
from safelight.postcard.sampling.scene_pipeline import ScenePipeline


class PostcardPipeline(ScenePipeline):
    """Draws illustrations of scenes from text.

    With `guidance_embeds` in the transformer's configuration, guidance is an input of the transformer and a step takes
    one pass; a negative prompt takes two, by classifier-free guidance (arXiv 2207.12598) away from it.
    """

    @torch.no_grad()
    def __call__(
        self,
        prompt: str | list[str] | None = None,
        negative_prompt: str | list[str] | None = None,
        height: int = 1024,
        width: int = 1024,
        num_inference_steps: int = 8,
        sigmas: list[float] | None = None,
        guidance_scale: float = 2.5,
        num_images_per_prompt: int = 1,
        generator: torch.Generator | list[torch.Generator] | None = None,
        latents: Tensor | None = None,
        prompt_embeds: Tensor | None = None,
        prompt_embeds_mask: Tensor | None = None,
        negative_prompt_embeds: Tensor | None = None,
        negative_prompt_embeds_mask: Tensor | None = None,
        output_type: str = "pil",
        return_dict: bool = True,
        callback_on_step_end: Callable[..., dict[str, Any]] | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
    ) -> Any:
        """Draw pictures of a prompt.

        height, width: pixels, any from 16 up. guidance_scale: 1 turns guidance off, and the negative prompt with it.
        generator: seeds the noise; the same seed gives the same picture. output_type: "pil", "np" (batch, height,
        width, 3 in [0, 1]), "pt" (batch, 3, height, width), "latent" or "svg" (texts).
        Returns a PostcardPipelineOutput, or its tuple without `return_dict`.

        callback_on_step_end may ask for "latents", "denoised" (the clean latents predicted at this step, which the
        decoder can draw as a preview) and the embeddings. Raises ValueError for arguments that do not fit.
        """
        self.check_inputs(
            prompt, height, width, prompt_embeds, prompt_embeds_mask, output_type, callback_on_step_end_tensor_inputs
        )
        conditions = self._conditioned(
            Words(prompt, prompt_embeds, prompt_embeds_mask),
            Words(negative_prompt, negative_prompt_embeds, negative_prompt_embeds_mask),
            guidance_scale,
            width / height,
            num_images_per_prompt,
        )
        latents = self.prepare_latents(conditions.batch, torch.float32, conditions.device, generator, latents)
        self._set_timesteps(num_inference_steps, sigmas, conditions.device)
        latents = self._denoised(latents, conditions, callback_on_step_end, callback_on_step_end_tensor_inputs)
        return self._output(latents, height, width, output_type, return_dict)
