"""Guidance folded in: one pass a step instead of two.

After stage one of Meng et al., "On distillation of guided diffusion models" (arXiv 2210.03142): a student, started from
the teacher, is told the guidance scale and learns to predict in one pass what the teacher predicts with classifier-free
guidance.
"""

from __future__ import annotations

import torch
from torch import Tensor
from training.postcard.data import Batch
from training.postcard.loss import NUMBER_WEIGHT, field_weight
from training.postcard.train import Objective, noised

from safelight.postcard.codec import SceneCodec
from safelight.postcard.layout import PRESENCE
from safelight.postcard.transformer import PostcardTransformer

SCALES = (1.0, 5.0)
"""Guidance scales that the student learns, uniformly."""
UNGUIDED = 0.2
"""Share of samples at scale 1, from which the two-pass way of negative prompts starts."""


def student_of(teacher: PostcardTransformer) -> PostcardTransformer:
    """A copy of the teacher with an input for guidance, which at first changes nothing."""
    # Private entries go: diffusers would take a value listed among the defaults for the default again.
    config = {name: value for name, value in teacher.config.items() if not name.startswith("_")}
    config["guidance_embeds"] = True
    student: PostcardTransformer = PostcardTransformer.from_config(config)
    missing, unexpected = student.load_state_dict(teacher.state_dict(), strict=False)
    assert not unexpected
    assert set(missing) == {"guidance_in.weight", "guidance_in.bias"}
    return student


def guidance_distillation(codec: SceneCodec, teacher: PostcardTransformer, empty: Tensor) -> Objective:
    """Predict what the teacher predicts under guidance. `empty`: token states (tokens, width) of the empty prompt."""
    teacher.eval().requires_grad_(False)

    def objective(
        model: PostcardTransformer, batch: Batch, step: int, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        size = len(batch.aspects)
        noisy, t = noised(codec.to_latents(batch.values), generator)
        low, high = SCALES
        chance = torch.rand(size, generator=generator)
        scale = low + (high - low) * ((chance - UNGUIDED) / (1.0 - UNGUIDED)).clamp_min(0.0).to(t.device)
        with torch.no_grad():
            nothing = empty.to(batch.states)[None].expand(size, -1, -1)
            toward = teacher.heads(noisy, t, batch.states, batch.mask, batch.aspects)
            away = teacher.heads(noisy, t, nothing, None, batch.aspects)
            # Guidance on what the sampler adds up, the expected latents, as the two-pass way has it.
            target = torch.lerp(teacher.expectation(away), teacher.expectation(toward), scale[:, None, None])
            weight = _weights(codec, teacher, target)
        heads = model.heads(noisy, t, batch.states, batch.mask, batch.aspects, scale)
        error = (model.expectation(heads) - target) ** 2 * weight
        loss = error.sum((1, 2)).mean()
        return loss, {"error": loss.detach()}

    return objective


def _weights(codec: SceneCodec, teacher: PostcardTransformer, like: Tensor) -> Tensor:
    """A weight for each number of the latent (slots, width): a field's own, and nothing for padding."""
    weights = torch.zeros(like.shape[1:], device=like.device)
    for kind in codec.layout.kinds:
        for f in kind.fields:
            base = 1.0 if f.is_category and f.name != PRESENCE else NUMBER_WEIGHT
            slots, numbers = slice(kind.first, kind.first + kind.count), slice(f.offset, f.offset + f.width)
            weights[slots, numbers] = base * field_weight(kind, f)
    return weights
