"""Weights that cross in pieces keep their bytes, strides and ties. Buffers are plain ones here: there is no GPU."""

from __future__ import annotations

import pytest
import torch

from safelight.engine.machine.weights.transfers import Ferry, PlainBuffer, ferry_for, move_modules

TENSORS = {
    "whole pieces": torch.arange(64, dtype=torch.float32),
    "a rest": torch.arange(77, dtype=torch.int16),
    "bfloat16": torch.randn(9, 5).to(torch.bfloat16),
    "transposed": torch.randn(6, 7).t(),
    "channels last": torch.randn(2, 3, 5, 4).to(memory_format=torch.channels_last),
    "a part of another": torch.randn(20)[3:11],
    "one number": torch.tensor(3.5),
    "of one byte": torch.arange(100, dtype=torch.uint8),
}


class Late(PlainBuffer):
    """Says in which order it was filled and waited for: a device reads a buffer later than its copy was queued."""

    def __init__(self, size: int, told: list[str], name: str) -> None:
        super().__init__(size)
        self._told, self._name = told, name

    def sent(self) -> None:
        self._told.append(f"{self._name} sent")

    def wait(self) -> None:
        self._told.append(f"{self._name} waited for")


@pytest.mark.parametrize("name", TENSORS)
@pytest.mark.parametrize("way", ["to_device", "to_host"])
def test_a_tensor_has_its_bytes_and_strides_on_the_other_side(name: str, way: str) -> None:
    tensor = TENSORS[name]
    ferry = Ferry((PlainBuffer(32), PlainBuffer(32)))
    there = ferry.to_device(tensor, "cpu") if way == "to_device" else ferry.to_host(tensor)
    assert there.data_ptr() != tensor.data_ptr()
    assert (there.dtype, there.shape, there.stride()) == (tensor.dtype, tensor.shape, tensor.stride())
    assert torch.equal(there, tensor)


@pytest.mark.parametrize("way", ["to_device", "to_host"])
def test_no_buffer_is_filled_again_before_the_device_is_done_with_it(way: str) -> None:
    told: list[str] = []
    ferry = Ferry((Late(16, told, "first"), Late(16, told, "second")))
    tensor = torch.arange(80, dtype=torch.uint8)
    ferry.to_device(tensor, "cpu") if way == "to_device" else ferry.to_host(tensor)
    sent = [at for at, what in enumerate(told) if what.endswith("sent")]
    assert len(sent) == 5
    for before, after in zip(sent, sent[2:], strict=False):
        name = told[before].split()[0]
        assert told[after] == f"{name} sent"
        assert f"{name} waited for" in told[before:after]


class Counting(Ferry):
    """Remembers what went where."""

    def __init__(self) -> None:
        super().__init__((PlainBuffer(8), PlainBuffer(8)))
        self.went: list[tuple[torch.Size, str]] = []

    def to_device(self, tensor: torch.Tensor, device: str) -> torch.Tensor:
        self.went.append((tensor.shape, device))
        return super().to_device(tensor, device)


def test_every_tensor_of_a_component_crosses_and_nothing_else_is_touched() -> None:
    ferry, layer = Counting(), torch.nn.BatchNorm1d(3)
    move_modules({"layer": layer, "tokenizer": object()}, "meta", ferry)
    assert {tensor.device.type for tensor in (*layer.parameters(), *layer.buffers())} == {"meta"}
    assert len(ferry.went) == 5
    move_modules({"layer": layer}, "meta", ferry)
    assert len(ferry.went) == 5, "what is there does not move"


def test_a_tensor_with_gaps_takes_pytorchs_own_way() -> None:
    ferry, layer = Counting(), torch.nn.Linear(4, 4, bias=False)
    layer.weight = torch.nn.Parameter(torch.randn(4, 8)[:, :4])
    move_modules({"layer": layer}, "meta", ferry)
    assert ferry.went == []
    assert layer.weight.device.type == "meta"


def test_only_a_device_with_memory_of_its_own_has_a_ferry() -> None:
    assert ferry_for("cpu") is None
    assert ferry_for("mps") is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
@pytest.mark.parametrize("name", TENSORS)
def test_a_tensor_crosses_to_a_gpu_and_back(name: str) -> None:
    ferry = ferry_for("cuda:0")
    assert ferry is not None
    there = ferry.to_device(TENSORS[name], "cuda:0")
    assert torch.equal(there.cpu(), TENSORS[name])
    assert torch.equal(ferry.to_host(there), TENSORS[name])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_a_parameter_that_two_share_is_still_one_on_a_gpu() -> None:
    ferry, one, other = ferry_for("cuda:0"), torch.nn.Linear(3, 3), torch.nn.Linear(3, 3)
    assert ferry is not None
    other.weight = one.weight
    move_modules({"one": one, "other": other}, "cuda:0", ferry)
    assert one.weight is other.weight
    assert one.weight.device.type == "cuda"
