"""Editing by diffusion over scenes: a scene is noised and drawn anew under another prompt (SDEdit, arXiv 2108.01073).

What is to stay is put into every step's prediction, as inpainting does. An instruction ("make it night", "add a boat")
is read by rules (`safelight.postcard.instructions`): what it names is put into the scene, and of the rest only what the
named things leave open is drawn, by the denoiser.
"""

# Tested in tests/postcard/test_editing.py.

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from PIL import Image

from safelight.postcard.instructions.draft import Plan
from safelight.postcard.instructions.plan import plan
from safelight.postcard.instructions.reading import changes_in, is_beyond, is_instruction
from safelight.postcard.instructions.telling import told as in_words
from safelight.postcard.instructions.verbs import Change
from safelight.postcard.sampling.conditioning import Words
from safelight.postcard.sampling.keeping import Kept, all_anew, by_mask, by_plan, things_inside
from safelight.postcard.sampling.scene_pipeline import ScenePipeline
from safelight.postcard.scenes import scene_file
from safelight.postcard.scenes.scene import MAX_THINGS, Scene

DESCRIBED_STRENGTH = 0.5
"""How much of a scene a description draws anew where nobody says: docs/postcard.md has what others come to."""


@dataclass(frozen=True)
class Asked:
    """What a call asks for, beside how its result is delivered."""

    prompt: str
    scene: str | bytes | Scene
    mask: Image.Image | None
    strength: float | None
    negative_prompt: str | None
    guidance_scale: float
    steps: int


@dataclass(frozen=True)
class _Begin:
    """What the denoiser is told, what is kept, and how much is drawn anew where nobody says."""

    prompt: str
    kept: Kept
    strength: float


class PostcardImg2ImgPipeline(ScenePipeline):
    """Draws a scene of Postcard's anew under a prompt, or as an instruction says."""

    @torch.no_grad()
    def __call__(
        self,
        prompt: str,
        scene: str | bytes | Scene,
        strength: float | None = None,
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
        """Draw a picture of a prompt from a scene.

        scene: as `PostcardPipelineOutput.scenes` holds it. strength: 0 gives the scene back, 1 takes nothing of what is
        drawn anew; None leaves it to the prompt. All else is as `PostcardPipeline` has it, for one picture.
        Raises ValueError for arguments that do not fit.
        """
        return self._edit(
            Asked(prompt, scene, None, strength, negative_prompt, guidance_scale, num_inference_steps),
            (width, height),
            output_type,
            return_dict,
            generator,
            callback_on_step_end,
            callback_on_step_end_tensor_inputs,
        )

    def _is_word(self, word: str) -> bool:
        return word in self.tokenizer.vocab

    def _begin(self, scene: Scene, prompt: str, mask: Image.Image | None) -> _Begin:
        codec, changes = self.decoder.codec, changes_in(prompt, self._is_word)
        if changes:
            wanted = plan(scene, changes) if mask is None else _plan_inside(scene, mask, changes)
            unknown = next((change.text for change in changes if not change.about), "")
            kept = by_plan(codec, wanted) if mask is None else by_mask(codec, wanted.scene, mask, wanted)
            return _Begin(in_words(wanted.scene, unknown), kept, 1.0)
        # An instruction that names nothing we know is told beside what there is, else everything would change.
        if is_beyond(prompt):
            return _Begin(in_words(scene), by_plan(codec, plan(scene, ())), 0.0)
        said = f"{in_words(scene)}, {prompt}" if is_instruction(prompt, self._is_word) else prompt
        kept = all_anew(codec, scene) if mask is None else by_mask(codec, scene, mask)
        return _Begin(said, kept, DESCRIBED_STRENGTH if mask is None else 1.0)

    def _edit(
        self,
        asked: Asked,
        size: tuple[int, int],
        output_type: str,
        return_dict: bool,
        generator: torch.Generator | None,
        callback: Callable[..., dict[str, Any]] | None,
        callback_inputs: Sequence[str],
    ) -> Any:
        width, height = size
        self.check_inputs(asked.prompt, height, width, None, None, output_type, callback_inputs)
        before = asked.scene if isinstance(asked.scene, Scene) else scene_file.read(asked.scene)
        begin, steps = self._begin(before, asked.prompt, asked.mask), asked.steps
        strength = begin.strength if asked.strength is None else asked.strength
        skipped = max(0, steps - math.ceil(steps * strength))
        if skipped == steps:  # things as they stand: of two at one depth the order is seen
            codec = self.decoder.codec
            latents = codec.to_latents(torch.from_numpy(codec.to_values(before, in_order=False))[None])
            return self._output(latents, height, width, output_type, return_dict)
        words, away_from = Words(begin.prompt), Words(asked.negative_prompt)
        conditions = self._conditioned(words, away_from, asked.guidance_scale, width / height)
        kept = begin.kept.to(conditions.device)
        noise = self.prepare_latents(conditions.batch, torch.float32, conditions.device, generator)
        self._set_timesteps(steps, None, conditions.device, skipped)
        sigma = self.scheduler.sigmas[skipped]
        latents = (1.0 - sigma) * kept.clean + sigma * noise
        latents = self._denoised(latents, conditions, callback, callback_inputs, kept)
        return self._output(latents, height, width, output_type, return_dict)


class PostcardInpaintPipeline(PostcardImg2ImgPipeline):
    """As its base, but what stands outside a mask is kept."""

    @torch.no_grad()
    def __call__(  # type: ignore[override]
        self,
        prompt: str,
        scene: str | bytes | Scene,
        mask_image: Image.Image,
        strength: float | None = None,
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
        """As the base's. mask_image: grey, of the drawing's shape, white where it is drawn anew."""
        return self._edit(
            Asked(prompt, scene, mask_image, strength, negative_prompt, guidance_scale, num_inference_steps),
            (width, height),
            output_type,
            return_dict,
            generator,
            callback_on_step_end,
            callback_on_step_end_tensor_inputs,
        )


def _plan_inside(scene: Scene, mask: Image.Image, changes: Sequence[Change]) -> Plan:
    """The changes made to what stands inside the mask: things outside are set aside meanwhile."""
    inside = things_inside(scene, mask)
    near = tuple(thing for thing, here in zip(scene.things, inside, strict=True) if here)
    away = tuple(thing for thing, here in zip(scene.things, inside, strict=True) if not here)
    made = plan(replace(scene, things=near), changes, apart=False)
    count = len(made.scene.things[: MAX_THINGS - len(away)])
    things = (*made.scene.things[:count], *away)
    held: tuple[frozenset[str], ...] = (frozenset(),) * len(away)
    return replace(made, scene=replace(made.scene, things=things), things=(*made.things[:count], *held))
