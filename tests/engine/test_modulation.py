"""Facts about adaptive norms that modulate in place: the same bytes, found in any model that has them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from benchmarks.checkpoints import tiny
from diffusers.models.normalization import (
    AdaLayerNormContinuous,
    AdaLayerNormZero,
    AdaLayerNormZeroSingle,
    SD35AdaLayerNormZeroX,
)

from safelight.engine.tuning.fused import modulation
from safelight.engine.tuning.fused.modulation import in_place, modulate_in_place
from safelight.engine.tuning.fused.proven import Proven


class _Holder:
    """A pipeline of one component."""

    def __init__(self, module: torch.nn.Module) -> None:
        self.components = {"transformer": torch.nn.ModuleList([module])}


KINDS = (AdaLayerNormZero, AdaLayerNormZeroSingle, AdaLayerNormContinuous, SD35AdaLayerNormZeroX)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", KINDS)
def test_a_norm_gives_the_bytes_it_gave(kind: Any, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[int] = []

    def faster(*values: torch.Tensor) -> torch.Tensor:
        used.append(1)
        return in_place(*values)

    def stopwatch(device: str, call: Any) -> tuple[Any, float]:
        """Finds the way in place faster: what is compared here are bytes."""
        before = len(used)
        result = call()
        return result, 1.0 if len(used) > before else 9.0

    with_norm = modulation._with_norm(faster)
    functions = {
        "modulated": Proven(modulation._chain, faster, stopwatch=stopwatch),
        "normed_and_modulated": Proven(modulation._chain_with_norm, with_norm, stopwatch=stopwatch),
    }
    for name, function in functions.items():
        monkeypatch.setattr(modulation, name, function)
    with torch.no_grad():
        norm = (kind(32, 32) if kind is AdaLayerNormContinuous else kind(32)).to(dtype)
        x, condition = torch.randn(2, 9, 32).to(dtype), torch.randn(2, 32).to(dtype)
        given = (x, condition) if kind is AdaLayerNormContinuous else (x,)
        named = {} if kind is AdaLayerNormContinuous else {"emb": condition}
        before, kept = norm(*given, **named), x.clone()
        modulate_in_place(_Holder(norm))
        assert type(norm) is not kind
        for _ in range(6):
            after = norm(*given, **named)
            pairs = zip(before, after, strict=True) if isinstance(before, tuple) else [(before, after)]
            assert all(torch.equal(a, b) for a, b in pairs)
        assert torch.equal(x, kept)
        assert len(used) == 6


def test_a_norm_with_hooks_is_called_as_a_module() -> None:
    """Whoever watches it, as offloading and a step cache do, sees each call."""
    norm, seen = AdaLayerNormZeroSingle(32), list[int]()
    modulate_in_place(_Holder(norm))
    norm.norm.register_forward_hook(lambda *_: seen.append(1))
    with torch.no_grad():
        norm(torch.randn(1, 4, 32), emb=torch.randn(1, 32))
    assert seen == [1]


def test_models_draw_the_same_with_it() -> None:
    for make in (tiny.flux, tiny.stable_diffusion_3):
        pipeline = make()
        pipeline.set_progress_bar_config(disable=True)

        def draw(pipeline: Any = pipeline) -> Any:
            generator = torch.Generator().manual_seed(1)
            steps = {"num_inference_steps": 4, "output_type": "latent", "generator": generator}
            return pipeline("a", height=32, width=32, **steps).images

        before = draw()
        modulate_in_place(pipeline)
        assert any(type(module) in modulation._KINDS.values() for module in pipeline.transformer.modules())
        assert torch.equal(draw(), before)
