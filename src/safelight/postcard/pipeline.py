"""Text to picture by diffusion over scenes, in the manner of every other diffusers pipeline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers import DiffusionPipeline, FlowMatchEulerDiscreteScheduler
from diffusers.utils import BaseOutput
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image
from torch import Tensor
from transformers import BertModel, PreTrainedTokenizerFast

from safelight.postcard import scene_file, text
from safelight.postcard.decoder import SceneDecoder
from safelight.postcard.transformer import PostcardTransformer

OUTPUT_TYPES = ("pil", "np", "pt", "latent", "svg")


@dataclass
class PostcardPipelineOutput(BaseOutput):  # type: ignore[misc]
    """`images`: PIL images, an array (batch, height, width, 3), a tensor (batch, 3, height, width), or SVG texts.

    `scenes`: what each of them shows, as `safelight.postcard.scene_file` writes it; None beside latents.
    """

    images: Any
    scenes: list[str] | None = None


@dataclass(frozen=True)
class Words:
    """One or several prompts, or their token states and mask."""

    prompt: str | list[str] | None = None
    embeds: Tensor | None = None
    mask: Tensor | None = None

    @property
    def is_said(self) -> bool:
        return bool(self.prompt) or self.embeds is not None


@dataclass(frozen=True)
class Told:
    """What every step is given besides latents and time. `states` and `mask` hold the negative prompts first, where
    there are any: then a step takes two passes."""

    prompt_embeds: Tensor
    negative_prompt_embeds: Tensor | None
    states: Tensor
    mask: Tensor
    aspect_ratio: Tensor
    guidance: Tensor | None

    @property
    def batch(self) -> int:
        return self.prompt_embeds.shape[0]


class PostcardPipeline(DiffusionPipeline):  # type: ignore[misc]
    """Draws illustrations of scenes from text.

    With `guidance_embeds` in the transformer's configuration, guidance is an input of the transformer and a step takes
    one pass; a negative prompt takes two, by classifier-free guidance (arXiv 2207.12598) away from it.
    """

    model_cpu_offload_seq = "text_encoder->transformer->decoder"
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
        if output_type not in OUTPUT_TYPES:
            raise ValueError(f"`output_type` must be one of {', '.join(OUTPUT_TYPES)}, not {output_type!r}")
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
        told = self._told(
            Words(prompt, prompt_embeds, prompt_embeds_mask),
            Words(negative_prompt, negative_prompt_embeds, negative_prompt_embeds_mask),
            guidance_scale,
            width / height,
            num_images_per_prompt,
        )
        latents = self.prepare_latents(told.batch, torch.float32, self._execution_device, generator, latents)
        self._set_timesteps(num_inference_steps, sigmas)
        latents = self._denoised(latents, told, callback_on_step_end, callback_on_step_end_tensor_inputs)
        return self._output(latents, height, width, output_type, return_dict)

    def _told(
        self,
        words: Words,
        away_from: Words,
        guidance_scale: float,
        aspect_ratio: float,
        num_images_per_prompt: int = 1,
    ) -> Told:
        """What every step is given besides latents and time."""
        self._guidance_scale = guidance_scale
        device = self._execution_device
        states, mask = self._encoded(words, num_images_per_prompt)
        guided = bool(self.transformer.config.guidance_embeds)
        in_one_pass = guided and not away_from.is_said
        two_passes = guidance_scale != 1.0 and not in_one_pass
        negative = None
        if two_passes:
            prompt = away_from.prompt or ""
            count = states.shape[0] // num_images_per_prompt
            prompts = [prompt] * count if isinstance(prompt, str) else prompt
            negative = self._encoded(Words(prompts, away_from.embeds, away_from.mask), num_images_per_prompt)
        said = text.stack([negative, (states, mask)]) if negative is not None else (states, mask)
        rows = said[0].shape[0]
        scale = guidance_scale if in_one_pass else 1.0
        return Told(
            prompt_embeds=states,
            negative_prompt_embeds=None if negative is None else negative[0],
            states=said[0],
            mask=said[1],
            aspect_ratio=torch.full((rows,), aspect_ratio, device=device),
            guidance=torch.full((rows,), scale, device=device) if guided else None,
        )

    def _encoded(self, words: Words, num_images_per_prompt: int) -> tuple[Tensor, Tensor]:
        if words.embeds is None:
            assert words.prompt is not None
            return self.encode_prompt(words.prompt, self._execution_device, num_images_per_prompt)
        assert words.mask is not None
        return words.embeds, words.mask

    def _set_timesteps(self, steps: int, sigmas: list[float] | None, skipped: int = 0) -> None:
        """Prepare the scheduler for the schedule without the first `skipped` of its steps."""
        if sigmas is None:
            sigmas = np.linspace(1.0, 1.0 / steps, steps).tolist()
        self.scheduler.set_timesteps(sigmas=sigmas, device=self._execution_device)
        self.scheduler.set_begin_index(skipped)
        self._num_timesteps = len(self.scheduler.timesteps) - skipped

    def _denoised(
        self,
        latents: Tensor,
        told: Told,
        callback_on_step_end: Callable[..., dict[str, Any]] | None = None,
        callback_inputs: Sequence[str] = ("latents",),
        keep: Callable[[Tensor], Tensor] | None = None,
    ) -> Tensor:
        """The latents after the scheduler's steps. `keep` puts into the clean latents that a step predicts what must be
        there in the end: the step then goes towards that."""
        self._interrupt = False
        first = self.scheduler.begin_index
        timesteps = self.scheduler.timesteps[first:]
        with self.progress_bar(total=len(timesteps)) as progress_bar:
            for i, t in enumerate(timesteps):
                if self.interrupt:
                    continue
                denoised = self._predicted(latents, t, told)
                if keep is not None:
                    denoised = keep(denoised)
                velocity = (latents - denoised) / self.scheduler.sigmas[first + i]
                latents = self.scheduler.step(velocity, t, latents, return_dict=False)[0]
                if callback_on_step_end is not None:
                    known = {
                        "latents": latents,
                        "denoised": denoised,
                        "prompt_embeds": told.prompt_embeds,
                        "negative_prompt_embeds": told.negative_prompt_embeds,
                    }
                    wanted = {name: known[name] for name in callback_inputs}
                    latents = callback_on_step_end(self, i, t, wanted).pop("latents", latents)
                progress_bar.update()
        return latents

    def _predicted(self, latents: Tensor, t: Tensor, told: Told) -> Tensor:
        """The clean latents that the transformer expects, guided."""
        noisy = torch.cat([latents, latents]) if told.negative_prompt_embeds is not None else latents
        denoised: Tensor = self.transformer(
            hidden_states=noisy.to(self.transformer.dtype),
            timestep=(t / self.scheduler.config.num_train_timesteps).expand(noisy.shape[0]),
            encoder_hidden_states=told.states,
            encoder_attention_mask=told.mask,
            aspect_ratio=told.aspect_ratio,
            guidance=told.guidance,
            return_dict=False,
        )[0].float()
        if told.negative_prompt_embeds is None:
            return denoised
        away, toward = denoised.chunk(2)
        return away + self._guidance_scale * (toward - away)

    def _output(self, latents: Tensor, height: int, width: int, output_type: str, return_dict: bool) -> Any:
        images = self._decode(latents, height, width, output_type)
        self.maybe_free_model_hooks()
        if not return_dict:
            return (images,)
        scenes = None if output_type == "latent" else [scene_file.written(x) for x in self.decoder.scenes(latents)]
        return PostcardPipelineOutput(images=images, scenes=scenes)

    def _decode(self, latents: Tensor, height: int, width: int, output_type: str) -> Any:
        if output_type == "latent":
            return latents
        if output_type == "svg":
            return self.decoder.decode(latents, height, width, vector=True)
        pixels = self.decoder.decode(latents, height, width)
        if output_type == "pil":
            return [Image.fromarray(picture) for picture in pixels]
        scaled = pixels.astype(np.float32) / np.float32(255.0)
        return torch.from_numpy(scaled).permute(0, 3, 1, 2) if output_type == "pt" else scaled
