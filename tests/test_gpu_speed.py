"""What the GPU check's speed does on a GPU alone, as far as a processor can do it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from benchmarks.checkpoints import tiny
from benchmarks.gpu.speed import compile_blocks
from diffusers.models import embeddings
from diffusers.models.transformers import transformer_flux

from safelight.engine.tuning.fused.modulation import modulate_in_place
from safelight.engine.tuning.fused.rotary import turn_faster


@pytest.mark.parametrize("make", [tiny.flux, tiny.stable_diffusion_3])
def test_what_is_compiled_there_draws_the_same(make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """With what the engine computes in fewer passes, and all of a block in one graph."""
    monkeypatch.setattr(transformer_flux, "apply_rotary_emb", embeddings.apply_rotary_emb)  # and whatever it was after
    pipeline = make()
    pipeline.set_progress_bar_config(disable=True)

    def draw() -> torch.Tensor:
        generator = torch.Generator().manual_seed(1)
        options = {"num_inference_steps": 2, "output_type": "latent", "generator": generator}
        latents: torch.Tensor = pipeline("a", height=32, width=32, **options).images
        return latents

    before = draw()
    turn_faster(pipeline)
    modulate_in_place(pipeline)
    compile_blocks(pipeline.transformer, fullgraph=True, backend="eager")
    assert torch.equal(before, draw())
