"""Packed weights: layers compute what they computed, whoever looks at a weight finds a weight, and some stay plain."""

from __future__ import annotations

import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.models.activations import GEGLU, GELU, SwiGLU
from torch import nn

from safelight.contract.errors import ModelLoadError
from safelight.contract.models.options import ModelOptions
from safelight.engine.checkpoint.capabilities.dtypes import PACKED
from safelight.engine.checkpoint.loading import load
from safelight.engine.machine.weights.memory import memory_of
from safelight.engine.tuning import packing
from safelight.engine.tuning.packed_layers import PackedConv2d, PackedLinear, PackedWeight
from safelight.engine.tuning.packing import can_pack, lay_out
from safelight.protocol.messages import Dtype, ModelSpec
from tests.engine.drawing import Drawing, alone, job, pixels

pytestmark = pytest.mark.skipif(not can_pack(torch.float32), reason="needs a processor that oneDNN packs weights for")
# Below AVX512-BF16 there is float32 alone: what it can show is shown in it, everywhere.
in_bfloat16 = pytest.mark.skipif(not can_pack(), reason="needs a processor that oneDNN packs bfloat16 weights for")
BOTH = [torch.float32, pytest.param(torch.bfloat16, marks=in_bfloat16)]

LAYERS: list[tuple[nn.Module, tuple[int, ...]]] = [
    (nn.Linear(48, 80), (2, 5, 48)),
    (nn.Linear(48, 80, bias=False), (7, 48)),
    (nn.Linear(48, 80), (48,)),
    (nn.Linear(48, 80), (0, 48)),
    (nn.Conv2d(16, 32, 3, padding=1), (2, 16, 9, 11)),
    (nn.Conv2d(16, 32, 3, padding=1), (16, 9, 11)),
    (nn.Conv2d(16, 32, 1, bias=False), (2, 16, 9, 11)),
    (nn.Conv2d(16, 32, 4, stride=2, padding=(1, 2), dilation=2), (1, 16, 20, 20)),
    (nn.Conv2d(16, 32, 3, padding=1, groups=4), (1, 16, 8, 8)),
]


def packed(module: nn.Module, device: str = "cpu", *, packs_float32: bool = False) -> nn.Module:
    lay_out(SimpleNamespace(components={"unet": module}), device, packs_float32=packs_float32)
    return module


def half(module: nn.Module, dtype: torch.dtype = torch.bfloat16) -> Any:
    return copy.deepcopy(module).to(dtype).eval()


@in_bfloat16
@pytest.mark.parametrize(("layer", "shape"), LAYERS, ids=lambda value: str(value))
@torch.no_grad()
def test_a_packed_layer_computes_what_it_did(layer: nn.Module, shape: tuple[int, ...]) -> None:
    plain, same = half(layer), packed(half(layer))
    is_point = isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1)
    assert (type(same) in (PackedLinear, PackedConv2d)) == (not is_point or packing.packs_points())
    for layout in (torch.contiguous_format, torch.channels_last):
        if layout is torch.channels_last and len(shape) != 4:
            continue
        given = torch.randn(shape, generator=torch.Generator().manual_seed(1)).bfloat16().to(memory_format=layout)
        # Two roundings of bfloat16: sums may be in another order.
        torch.testing.assert_close(same(given), plain(given), rtol=2**-7, atol=2**-7)


FEED_FORWARDS: list[nn.Module] = [
    GELU(48, 80),
    GELU(48, 80, approximate="tanh", bias=False),
    GEGLU(48, 80),
    GEGLU(48, 80, bias=False),
    SwiGLU(48, 80),
    SwiGLU(48, 80, bias=False),
]


@in_bfloat16
@pytest.mark.parametrize("module", FEED_FORWARDS, ids=lambda value: str(value).replace("\n", ""))
@torch.no_grad()
def test_a_feed_forward_computes_what_it_did_and_rounds_less(module: nn.Module) -> None:
    plain, same = half(module), packed(half(module))
    for shape in ((2, 5, 48), (7, 48), (0, 48)):
        given = (3 * torch.randn(shape, generator=torch.Generator().manual_seed(1))).bfloat16()
        exact = half(module).float()(given.float())
        torch.testing.assert_close(same(given).float(), exact, rtol=2**-7, atol=2**-7)
        assert (same(given) - exact).abs().sum() <= (plain(given) - exact).abs().sum()
    single = torch.ones(1, 48)
    assert torch.equal(same.float()(single), half(module).float()(single))


@in_bfloat16
@pytest.mark.parametrize("module", FEED_FORWARDS, ids=lambda value: str(value).replace("\n", ""))
@torch.no_grad()
def test_a_layer_that_somebody_wants_to_see_called_is_called(module: nn.Module) -> None:
    same: Any = packed(half(module))
    given, seen = torch.ones(3, 48, dtype=torch.bfloat16), list[torch.Size]()
    handle = same.proj.register_forward_hook(lambda layer, args, output: seen.append(output.shape))
    torch.testing.assert_close(same(given), half(module)(given), rtol=2**-7, atol=2**-7)
    assert seen == [(3, same.proj.out_features)]
    handle.remove()
    same(given)
    assert len(seen) == 1
    same.proj = half(nn.Linear(48, same.proj.out_features))  # as a LoRA does
    plain = half(module)
    plain.proj = same.proj
    assert torch.equal(same(given), plain(given))


@pytest.mark.parametrize("dtype", BOTH)
@torch.no_grad()
def test_whoever_computes_with_the_weight_itself_finds_it_plain(dtype: torch.dtype) -> None:
    lone, gated = half(nn.Linear(48, 80), dtype), half(GEGLU(48, 40), dtype)
    assert_found_plain(packed(half(lone, dtype), packs_float32=True), lone)
    within: Any = packed(half(gated, dtype), packs_float32=True)
    assert_found_plain(within.proj, gated.proj)


def assert_found_plain(layer: Any, plain: nn.Linear) -> None:
    weight: Any = layer.weight
    dtype = plain.weight.dtype
    given = torch.ones(3, 48, dtype=dtype)
    assert isinstance(weight, PackedWeight)
    assert isinstance(weight, nn.Parameter)
    assert (weight.dtype, weight.shape, weight.device.type) == (dtype, (80, 48), "cpu")
    assert torch.equal(weight + 0, plain.weight)
    assert torch.equal(nn.functional.linear(given, weight, plain.bias), plain(given))
    assert torch.equal(weight.float(), plain.weight.float())
    assert torch.equal(layer.state_dict()["weight"].clone(), plain.weight)


@in_bfloat16
@torch.no_grad()
def test_a_layer_that_becomes_another_number_format_is_as_any_other() -> None:
    for layer, shape in ((nn.Linear(48, 80), (3, 48)), (nn.Conv2d(16, 32, 3), (1, 16, 8, 8))):
        single = packed(half(layer)).float()
        assert torch.equal(single(torch.ones(shape)), half(layer).float()(torch.ones(shape)))
        assert not isinstance(single.weight, PackedWeight)


@pytest.mark.parametrize(("layer", "shape"), LAYERS, ids=lambda value: str(value))
@torch.no_grad()
def test_in_float32_a_layer_is_packed_where_that_is_asked_for(layer: nn.Module, shape: tuple[int, ...]) -> None:
    same: Any = copy.deepcopy(layer).eval()
    lay_out(SimpleNamespace(components={"unet": same}), "cpu", packs_float32=True)
    is_point = isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1)
    assert (type(same) in (PackedLinear, PackedConv2d)) == (not is_point)
    given = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(same(given), layer(given), rtol=1e-4, atol=1e-5)


def test_packed_float32_has_a_fingerprint_of_its_own_and_pictures_close_to_those_of_plain(
    checkpoints: dict[str, Path],
) -> None:
    source = str(checkpoints["stable-diffusion"])
    plain, packed32 = (load(ModelSpec(source=source, dtype=dtype), "cpu") for dtype in ("float32", PACKED))
    assert plain.fingerprint != packed32.fingerprint
    for model in (plain, packed32):
        model.pipeline.set_progress_bar_config(disable=True)
    difference = alone(plain, job(plain)).astype(int) - alone(packed32, job(packed32))
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize(
    ("device", "options", "said"),
    [("cpu", ModelOptions(compile=True), "exclude each other"), ("meta", ModelOptions(), 'take "float32"')],
)
def test_packed_float32_is_refused_where_it_cannot_be_had(
    device: str, options: ModelOptions, said: str, checkpoints: dict[str, Path]
) -> None:
    with pytest.raises(ModelLoadError, match=said):
        load(ModelSpec(source=str(checkpoints["flux"]), dtype=PACKED, options=options), device)


class _Computes(nn.Linear):
    """A layer that does something else with its weight."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return input @ self.weight


@in_bfloat16
def test_some_layers_stay_as_they_are() -> None:
    tied = nn.Sequential(nn.Embedding(8, 8), nn.Linear(8, 8))
    tied[1].weight = tied[0].weight
    adapted = nn.ModuleDict({"base_layer": nn.Linear(8, 8), "lora_A": nn.ModuleDict({"one": nn.Linear(8, 2)})})
    left = [
        nn.Linear(8, 8),  # in float32
        nn.Conv2d(8, 8, 3),
        half(tied),
        half(adapted),
        half(_Computes(8, 8)),
        half(nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect")),
        half(nn.Conv2d(8, 8, 3, padding="same")),
        half(nn.Conv3d(8, 8, 3)),
    ]
    for module in left:
        packed(module)
        assert not any(isinstance(weight, PackedWeight) for weight in module.parameters()), module


@in_bfloat16
@pytest.mark.parametrize("units", [(), ("avx512_bf16",), ("avx512_bf16", "amx_bf16")])
def test_kernels_of_one_pixel_are_packed_with_amx_alone(
    units: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "cpu_bfloat16", lambda: units)
    point, wide = packed(half(nn.Conv2d(16, 32, 1))), packed(half(nn.Conv2d(16, 32, 3)))
    assert type(wide) is PackedConv2d
    assert (type(point) is PackedConv2d) == ("amx_bf16" in units)
    if type(point) is nn.Conv2d:
        assert point.weight.stride() == torch.empty(32, 16, 1, 1, memory_format=torch.channels_last).stride()


def test_what_is_to_be_compiled_is_not_packed() -> None:
    layer: Any = half(nn.Conv2d(8, 8, 3))
    lay_out(SimpleNamespace(components={"unet": layer}), "cpu", compiled=True)
    assert type(layer) is nn.Conv2d
    assert layer.weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_elsewhere_kernels_lie_channels_last(dtype: torch.dtype) -> None:
    for kernel in (1, 3):
        layer: Any = packed(nn.Conv2d(8, 8, kernel).to(dtype), device="cuda")
        wanted = torch.empty(8, 8, kernel, kernel, memory_format=torch.channels_last)
        assert type(layer) is nn.Conv2d
        assert layer.weight.stride() == wanted.stride()


@pytest.mark.parametrize("dtype", [PACKED, pytest.param("bfloat16", marks=in_bfloat16)])
def test_a_packed_model_draws_in_company_what_it_draws_alone_and_takes_no_more_memory(
    dtype: Dtype, checkpoints: dict[str, Path]
) -> None:
    for folder in checkpoints.values():
        model = load(ModelSpec(source=str(folder), dtype=dtype), "cpu")
        model.pipeline.set_progress_bar_config(disable=True)
        denoiser = getattr(model.pipeline, "transformer", None) or model.pipeline.unet
        weights = [weight for weight in denoiser.parameters() if isinstance(weight, PackedWeight)]
        assert len(weights) > 10
        parts = [part for part in model.pipeline.components.values() if isinstance(part, nn.Module)]
        plain = sum(tensor.nbytes for part in parts for tensor in (*part.parameters(), *part.buffers()))
        assert plain <= memory_of(model.pipeline) < 1.1 * plain
        one, other = job(model, "one"), job(model, "other", seed=8)
        with Drawing(model) as drawing:
            ends = drawing.draw(one, other)
        assert np.array_equal(pixels(ends[0]), alone(model, one))
        assert np.array_equal(pixels(ends[1]), alone(model, other))
