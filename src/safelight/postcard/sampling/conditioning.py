"""What the denoiser is told at every step: prompts as token states, guidance, the picture's shape."""

# Tested in tests/postcard/test_pipeline.py.

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from safelight.postcard import text


@dataclass(frozen=True)
class Words:
    """One or several prompts, or their token states and mask."""

    prompt: str | list[str] | None = None
    embeds: Tensor | None = None
    mask: Tensor | None = None

    @property
    def is_said(self) -> bool:
        return bool(self.prompt) or self.embeds is not None

    def encoded(self, encode: Callable[[str | list[str]], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        """Token states and their mask; `encode` makes them of prompts."""
        if self.embeds is None:
            assert self.prompt is not None
            return encode(self.prompt)
        assert self.mask is not None
        return self.embeds, self.mask


@dataclass(frozen=True)
class Guidance:
    """How strongly the prompt draws. `embedded`: the transformer takes the scale as an input of its own."""

    scale: float
    embedded: bool


@dataclass(frozen=True)
class Conditioning:
    """What every step is given besides latents and time. `states` and `mask` hold the negative prompts first, where
    there are any: then a step takes two passes. They are as long as the denoiser makes them anyway, so that prompts of
    about the same length have steps of the same shape."""

    prompt_embeds: Tensor
    negative_prompt_embeds: Tensor | None
    states: Tensor
    mask: Tensor
    aspect_ratio: Tensor
    guidance: Tensor | None

    @property
    def device(self) -> torch.device:
        """Where the steps are computed. diffusers walks all modules, twice for each component, to say it: 0.4 ms."""
        return self.aspect_ratio.device

    @property
    def embeddings(self) -> dict[str, Tensor | None]:
        """As callbacks may ask for them."""
        return {"prompt_embeds": self.prompt_embeds, "negative_prompt_embeds": self.negative_prompt_embeds}

    @property
    def batch(self) -> int:
        return self.prompt_embeds.shape[0]


def conditioning(
    words: Words,
    away_from: Words,
    guidance: Guidance,
    aspect_ratio: float,
    *,
    encode: Callable[[str | list[str]], tuple[Tensor, Tensor]],
    pictures_per_prompt: int,
    device: torch.device,
) -> Conditioning:
    """Of prompts and what to draw away from; `encode` gives `pictures_per_prompt` rows of states for each prompt."""
    states, mask = words.encoded(encode)
    in_one_pass = guidance.embedded and not away_from.is_said
    negative = None
    if guidance.scale != 1.0 and not in_one_pass:
        prompt = away_from.prompt or ""
        prompts = [prompt] * (states.shape[0] // pictures_per_prompt) if isinstance(prompt, str) else prompt
        negative = Words(prompts, away_from.embeds, away_from.mask).encoded(encode)
    said = text.whole(*(text.stack([negative, (states, mask)]) if negative is not None else (states, mask)))
    rows = said[0].shape[0]
    scale = guidance.scale if in_one_pass else 1.0
    return Conditioning(
        prompt_embeds=states,
        negative_prompt_embeds=None if negative is None else negative[0],
        states=said[0],
        mask=said[1],
        aspect_ratio=torch.full((rows,), aspect_ratio, device=device),
        guidance=torch.full((rows,), scale, device=device) if guidance.embedded else None,
    )
