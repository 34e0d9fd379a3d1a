"""Graphs as OpenVINO is given them: one format between weights and results, and what is known worked out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch

from safelight.engine.machine.cpu.allocator import give_back
from safelight.engine.runtimes.openvino import Graph
from safelight.engine.runtimes.writing import read, write


class Block(torch.nn.Module):
    """Weights, tables of whole numbers and conversions, as denoisers have them."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = torch.nn.GroupNorm(4, 32)
        self.linear = torch.nn.Linear(32, 48)

    def forward(self, x: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
        table = torch.arange(32, dtype=x.dtype) * step.to(x.dtype)
        wide = self.norm(x.float().to(x.dtype)).softmax(-1, dtype=torch.float32).to(x.dtype)
        result: torch.Tensor = self.linear(wide.transpose(1, 2) + torch.sin(table)) * (x.shape[2] / 3)
        return result


def _written(dtype: torch.dtype) -> tuple[Block, Any, tuple[torch.Tensor, torch.Tensor], Any]:
    torch.manual_seed(0)
    block = Block().to(dtype)
    given = (torch.randn(2, 32, 7).to(dtype), torch.tensor(3))
    with torch.no_grad():
        written, like = write(block, block.forward, given, {})
    return block, written, given, like


def test_half_precision_is_named_by_weights_alone() -> None:
    block, written, _, _ = _written(torch.bfloat16)
    for node in read(written, block).get_ordered_ops():
        halves = [made for made in node.outputs() if made.get_element_type().get_type_name() == "bf16"]
        assert not halves or node.get_type_name() == "Constant", node


def test_what_is_known_is_worked_out() -> None:
    block, written, _, _ = _written(torch.float32)
    for node in read(written, block).get_ordered_ops():
        sources = {value.get_node().get_type_name() for value in node.input_values()}
        assert sources != {"Constant"}, node


def test_the_result_is_that_of_pytorch() -> None:
    for dtype, tolerance in ((torch.float32, 1e-6), (torch.bfloat16, 0.02)):
        block, written, given, like = _written(dtype)
        with torch.no_grad():
            meant = block(*given)
            made = Graph(written, like, block, dtype)(given, {})
        assert made.dtype is dtype
        away = (made.double() - meant.double()).norm() / meant.double().norm()
        assert float(away) <= tolerance


def test_weights_are_held_once_as_they_are_multiplied() -> None:
    """Where OpenVINO does not know why they become single precision, it keeps that as well: three times their bytes."""
    net = torch.nn.Sequential(*(torch.nn.Linear(2048, 2048) for _ in range(6))).to(torch.bfloat16)
    weights = sum(weight.nbytes for weight in net.parameters())
    given = (torch.randn(1, 4, 2048).bfloat16(),)
    with torch.no_grad():
        written, like = write(net, net.forward, given, {})
    graph = Graph(written, like, net, torch.bfloat16)
    before = _anonymous_bytes()
    graph(given, {})
    assert 0.5 * weights < _anonymous_bytes() - before < 2 * weights


def _anonymous_bytes() -> int:
    give_back()
    found = re.search(r"^Anonymous:\s+(\d+) kB$", Path("/proc/self/smaps_rollup").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024
