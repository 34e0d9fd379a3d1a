"""What is spared changes no number: divisions by one, and pictures laid out with channels last in one go."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from diffusers.models.attention_processor import Attention
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.upsampling import Upsample2D
from torch.utils._python_dispatch import TorchDispatchMode

from safelight.engine.tuning.no_ops import ChannelsLastUpsample2D, NoOpDivisor, channels_last, spare_divisions
from safelight.engine.tuning.packing import can_pack, lay_out


class Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes what PyTorch is asked for."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.append(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


def residual(factor: float) -> tuple[Any, ...]:
    block = ResnetBlock2D(in_channels=8, groups=2, temb_channels=None, output_scale_factor=factor)
    return block.eval(), torch.randn(1, 8, 6, 6), None


def attention(factor: float) -> tuple[Any, ...]:
    return Attention(query_dim=8, heads=2, dim_head=4, rescale_output_factor=factor).eval(), torch.randn(1, 5, 8)


@pytest.mark.parametrize("make", [residual, attention])
@pytest.mark.parametrize(("factor", "divides"), [(1.0, False), (1, False), (2.0**0.5, True)])
@torch.no_grad()
def test_only_a_division_by_one_is_spared(make: Any, factor: float, divides: bool) -> None:
    block, *given = make(factor)
    spared = copy.deepcopy(block)
    spare_divisions(spared)
    with Operations() as done:
        found = spared(*given)
    assert ("div" in done.names) == divides
    assert torch.equal(found, block(*given))


def test_a_factor_of_one_is_a_number_wherever_else_it_is_used() -> None:
    one: Any = NoOpDivisor()
    tensor = torch.tensor([1.5, float("nan"), -0.0])
    for found in (tensor / one, torch.div(tensor, one), tensor.div(one)):
        assert found is tensor
    assert torch.equal(torch.mul(torch.ones(3), one), torch.ones(3))
    assert torch.equal(torch.div(one, torch.full((3,), 4.0)), torch.full((3,), 0.25))
    rounded = torch.div(tensor, one, rounding_mode="floor")
    assert torch.equal(rounded.nan_to_num(9.0), torch.tensor([1.0, 9.0, -0.0]))
    assert float(one) == 1.0


def test_what_is_to_be_compiled_divides_as_it_did() -> None:
    block, *_ = residual(1.0)
    lay_out(SimpleNamespace(components={"vae": block}), "cpu", compiled=True)
    assert block.output_scale_factor == 1.0


@pytest.mark.parametrize("shape", [(2, 70, 32, 33), (1, 4, 64, 64), (2, 64, 8, 8), (2, 3, 40, 1), (0, 40, 32, 32)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_channels_come_last_and_nothing_else_changes(shape: tuple[int, ...], layout: torch.memory_format) -> None:
    given = torch.randn(shape).contiguous(memory_format=layout)
    found = channels_last(given)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(found, given)
    sliced = torch.randn(2, 80, 40, 40)[:, ::2, 4:36, 3:]
    assert torch.equal(channels_last(sliced), sliced)


@pytest.mark.skipif(not can_pack(), reason="needs a processor that oneDNN packs bfloat16 weights for")
@torch.no_grad()
def test_pictures_are_enlarged_as_they_were_without_being_copied_back() -> None:
    plain = Upsample2D(160, use_conv=True).to(torch.bfloat16).eval()
    single, bare = Upsample2D(160, use_conv=True).eval(), Upsample2D(160).eval()
    laid_out = copy.deepcopy(plain)
    for block in (laid_out, single, bare):
        lay_out(SimpleNamespace(components={"unet": block}), "cpu")
    assert type(laid_out) is ChannelsLastUpsample2D
    assert type(single) is type(bare) is Upsample2D  # in float32, or nothing says in what
    given = torch.randn(1, 160, 32, 32).bfloat16()
    torch.testing.assert_close(laid_out(given), plain(given), rtol=2**-7, atol=2**-7)
    assert laid_out(given, output_size=(48, 48)).shape == (1, 160, 48, 48)
