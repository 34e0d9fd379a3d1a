"""Facts about faster forms of functions: used where they are the same and faster, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from benchmarks.checkpoints import tiny
from diffusers.models import embeddings
from diffusers.models.transformers import transformer_flux

from safelight.engine.tuning.proven import Proven
from safelight.engine.tuning.rotary import turn_faster, turned


@pytest.fixture(autouse=True)
def without_gradients() -> Any:
    with torch.no_grad():
        yield


def counted(faster: Callable[[torch.Tensor], Any], seconds: float) -> tuple[Proven, list[int]]:
    """A doubling that takes a second, and its faster form that takes so many, with the calls of the latter."""
    at, calls = [0.0], list[int]()

    def plain(x: torch.Tensor) -> torch.Tensor:
        at[0] += 1.0
        return x * 2

    def other(x: torch.Tensor) -> Any:
        calls.append(1)
        at[0] += seconds
        return faster(x)

    return Proven(plain, other, lambda _: at[0]), calls


def test_what_is_the_same_and_faster_is_used_from_then_on() -> None:
    function, calls = counted(lambda x: x + x, 0.5)
    x = torch.randn(4, 5)
    for _ in range(6):
        assert torch.equal(function(x), x * 2)
    assert len(calls) == 6
    function(torch.randn(5, 4).to(torch.bfloat16))
    assert len(calls) == 7


@pytest.mark.parametrize(
    ("faster", "seconds"),
    [(lambda x: x * 2.0000002, 0.5), (lambda x: x + x, 1.5), (lambda x: (x + x).double(), 0.5), (lambda x: 1 / 0, 0.1)],
)
def test_what_differs_or_is_slower_or_fails_is_not(faster: Callable[[torch.Tensor], Any], seconds: float) -> None:
    function, calls = counted(faster, seconds)
    x = torch.randn(64)
    for _ in range(9):
        assert torch.equal(function(x), x * 2)
    assert len(calls) <= 3


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("sequence", [1, 2])
@pytest.mark.parametrize("unbind", [-1, -2])
def test_queries_are_turned_to_the_same_bytes(dtype: torch.dtype, sequence: int, unbind: int) -> None:
    shape = (2, 3, 40, 16) if sequence == 2 else (2, 40, 3, 16)
    x, tables = torch.randn(shape).to(dtype), (torch.randn(40, 16), torch.randn(40, 16))
    plain = embeddings.apply_rotary_emb(x, tables, True, unbind, sequence)
    assert torch.equal(turned(x, tables, True, unbind, sequence), plain)


def test_a_model_is_found_by_what_it_calls_and_draws_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transformer_flux, "apply_rotary_emb", embeddings.apply_rotary_emb)
    pipeline = tiny.flux()
    pipeline.set_progress_bar_config(disable=True)

    def draw() -> Any:
        generator = torch.Generator().manual_seed(1)
        return pipeline("a", height=32, width=32, num_inference_steps=4, generator=generator, output_type="latent")

    before = draw().images
    turn_faster(pipeline)
    assert isinstance(transformer_flux.apply_rotary_emb, Proven)
    assert torch.equal(draw().images, before)
