"""What Postcard's pipelines have in common: their parts, the prompts, the steps, and what is made of the last."""

# Tested in tests/postcard/test_pipeline.py.

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from diffusers import DiffusionPipeline, FlowMatchEulerDiscreteScheduler
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor
from transformers import BertModel, PreTrainedTokenizerFast

from safelight.contract.checkpoints.split_weights import whole_folder
from safelight.postcard import text
from safelight.postcard.decoder import SceneDecoder
from safelight.postcard.sampling.conditioning import Conditioning, Guidance, Words, conditioning
from safelight.postcard.sampling.output import OUTPUT_TYPES, PostcardPipelineOutput, pictures
from safelight.postcard.scenes import scene_file
from safelight.postcard.transformer import PostcardTransformer


class ScenePipeline(DiffusionPipeline):  # type: ignore[misc]
    """A pipeline of diffusers over scenes; what it draws of is said by the class below it."""

    model_cpu_offload_seq = "text_encoder->transformer->decoder"
    output_types = OUTPUT_TYPES
    _callback_tensor_inputs = ("latents", "denoised", "prompt_embeds", "negative_prompt_embeds")

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerFast,
        text_encoder: BertModel,
        transformer: PostcardTransformer,
        scheduler: FlowMatchEulerDiscreteScheduler,
        decoder: SceneDecoder,
    ) -> None:
        super().__init__()
        self.register_modules(
            tokenizer=tokenizer,
            text_encoder=text_encoder,
            transformer=transformer,
            scheduler=scheduler,
            decoder=decoder,
        )

    @classmethod
    def from_pretrained(cls, folder: str | Path, **parts: Any) -> Self:
        """As diffusers'; also of weights whose bytes lie apart, as an installed wheel has them."""
        with whole_folder(Path(folder), but=parts) as whole:
            pipeline: Self = super().from_pretrained(whole, **parts)
        return pipeline

    @property
    def guidance_scale(self) -> float:
        return self._guidance_scale

    @property
    def num_timesteps(self) -> int:
        return self._num_timesteps

    @property
    def interrupt(self) -> bool:
        return self._interrupt

    def encode_prompt(
        self, prompt: str | Sequence[str], device: torch.device | None = None, num_images_per_prompt: int = 1
    ) -> tuple[Tensor, Tensor]:
        """Token states (batch, tokens, width) and their mask (batch, tokens) of one or several prompts.

        Of a long prompt, the first 504 word pieces count (`safelight.postcard.text`).
        """
        device = device or self._execution_device
        prompts = [prompt] if isinstance(prompt, str) else list(prompt)
        states, mask = text.stack([text.encode(self.tokenizer, self.text_encoder, p, device) for p in prompts])
        states, mask = states.to(self.transformer.dtype), mask.to(device)
        return states.repeat_interleave(num_images_per_prompt, 0), mask.repeat_interleave(num_images_per_prompt, 0)

    def check_inputs(
        self,
        prompt: str | Sequence[str] | None,
        height: int,
        width: int,
        prompt_embeds: Tensor | None,
        prompt_embeds_mask: Tensor | None,
        output_type: str,
        callback_on_step_end_tensor_inputs: Sequence[str],
    ) -> None:
        """Raises ValueError with what is wrong and what is allowed."""
        if (prompt is None) == (prompt_embeds is None):
            raise ValueError("give exactly one of `prompt` and `prompt_embeds`")
        if prompt_embeds is not None and prompt_embeds_mask is None:
            raise ValueError("`prompt_embeds` needs `prompt_embeds_mask`; both come from `encode_prompt`")
        if height < 16 or width < 16:
            raise ValueError(f"`height` and `width` must be at least 16 pixels, not {height} and {width}")
        if output_type not in self.output_types:
            raise ValueError(f"`output_type` must be one of {', '.join(self.output_types)}, not {output_type!r}")
        unknown = [name for name in callback_on_step_end_tensor_inputs if name not in self._callback_tensor_inputs]
        if unknown:
            raise ValueError(
                f"callbacks may ask for {', '.join(self._callback_tensor_inputs)}, not {', '.join(unknown)}"
            )

    def prepare_latents(
        self,
        batch_size: int,
        dtype: torch.dtype,
        device: torch.device,
        generator: torch.Generator | list[torch.Generator] | None,
        latents: Tensor | None = None,
    ) -> Tensor:
        """Noise (batch, slots, width) from the generator, or the given latents."""
        if latents is not None:
            return latents.to(device=device, dtype=dtype)
        layout = self.decoder.layout
        shape = (batch_size, layout.slots, layout.width)
        noise: Tensor = randn_tensor(shape, generator=generator, device=device, dtype=dtype)
        return noise

    def _conditioned(
        self, words: Words, away_from: Words, guidance_scale: float, aspect_ratio: float, num_images_per_prompt: int = 1
    ) -> Conditioning:
        """What every step is given besides latents and time."""
        self._guidance_scale = guidance_scale
        device = self._execution_device
        return conditioning(
            words,
            away_from,
            Guidance(guidance_scale, embedded=bool(self.transformer.config.guidance_embeds)),
            aspect_ratio,
            encode=partial(self.encode_prompt, device=device, num_images_per_prompt=num_images_per_prompt),
            pictures_per_prompt=num_images_per_prompt,
            device=device,
        )

    def _set_timesteps(self, steps: int, sigmas: list[float] | None, device: torch.device, skipped: int = 0) -> None:
        """Prepare the scheduler for the schedule without the first `skipped` of its steps."""
        if sigmas is None:
            sigmas = np.linspace(1.0, 1.0 / steps, steps).tolist()
        self.scheduler.set_timesteps(sigmas=sigmas, device=device)
        self.scheduler.set_begin_index(skipped)
        self._num_timesteps = len(self.scheduler.timesteps) - skipped

    def _denoised(
        self,
        latents: Tensor,
        conditions: Conditioning,
        callback_on_step_end: Callable[..., dict[str, Any]] | None = None,
        callback_inputs: Sequence[str] = ("latents",),
        keep: Callable[[Tensor], Tensor] | None = None,
    ) -> Tensor:
        """The latents after the scheduler's steps. `keep` puts into the clean latents that a step predicts what must be
        there in the end: the step then goes towards that."""
        self._interrupt = False
        first = self.scheduler.begin_index
        timesteps = self.scheduler.timesteps[first:]
        dtype = self.transformer.dtype  # diffusers walks all modules for it: at every step that takes 0.6 ms
        with self.progress_bar(total=len(timesteps)) as progress_bar:
            for i, t in enumerate(timesteps):
                if self.interrupt:
                    continue
                denoised = self._predicted(latents, t, conditions, dtype)
                if keep is not None:
                    denoised = keep(denoised)
                velocity = (latents - denoised) / self.scheduler.sigmas[first + i]
                latents = self.scheduler.step(velocity, t, latents, return_dict=False)[0]
                if callback_on_step_end is not None:
                    known = {"latents": latents, "denoised": denoised, **conditions.embeddings}
                    wanted = {name: known[name] for name in callback_inputs}
                    latents = callback_on_step_end(self, i, t, wanted).pop("latents", latents)
                progress_bar.update()
        return latents

    def _predicted(self, latents: Tensor, t: Tensor, conditions: Conditioning, dtype: torch.dtype) -> Tensor:
        """The clean latents that the transformer expects, guided."""
        noisy = torch.cat([latents, latents]) if conditions.negative_prompt_embeds is not None else latents
        denoised: Tensor = self.transformer(
            hidden_states=noisy.to(dtype),
            timestep=(t / self.scheduler.config.num_train_timesteps).expand(noisy.shape[0]),
            encoder_hidden_states=conditions.states,
            encoder_attention_mask=conditions.mask,
            aspect_ratio=conditions.aspect_ratio,
            guidance=conditions.guidance,
            return_dict=False,
        )[0].float()
        if conditions.negative_prompt_embeds is None:
            return denoised
        away, toward = denoised.chunk(2)
        return away + self._guidance_scale * (toward - away)

    def _output(self, latents: Tensor, height: int, width: int, output_type: str, return_dict: bool) -> Any:
        images = pictures(self.decoder, latents, height, width, output_type)
        self.maybe_free_model_hooks()
        if not return_dict:
            return (images,)
        scenes = None if output_type == "latent" else [scene_file.written(x) for x in self.decoder.scenes(latents)]
        return PostcardPipelineOutput(images=images, scenes=scenes)
