"""Weights of eight bits by OpenVINO: rounded once, computed with as closely as plain ones, and said to be so."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from safelight.engine.checkpoint.loading import weight_of
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.runtimes.denoiser import run_by_openvino
from safelight.engine.runtimes.eight_bits import INT8, EightBitLinear, in_eight_bits, whole_products
from safelight.engine.runtimes.openvino import Graph
from safelight.engine.runtimes.writing import read, write
from safelight.protocol.messages import ModelSpec
from safelight.settings.tables.options import OptionSettings
from tests.engine.by_openvino import Part, Pipeline, by_openvino, drawn
from tests.engine.drawing import Drawing, job, pixels


def rounded(width: int, rows: int) -> EightBitLinear:
    layers = torch.nn.Sequential(torch.nn.Linear(width, rows))
    in_eight_bits(layers)
    layer = layers[0]
    assert isinstance(layer, EightBitLinear)
    return layer


def test_the_name_is_that_of_the_other_runtime() -> None:
    (table,) = OptionSettings.model_validate({"quantization": "int8"}).quantization
    assert (table.backend, table.options, table.components) == (INT8.backend, INT8.options, INT8.components)


def test_a_row_loses_at_most_half_a_unit_of_its_largest_number() -> None:
    layers = torch.nn.Sequential(torch.nn.Linear(300, 20))
    meant = torch.randn(20, 300, generator=torch.Generator().manual_seed(0))
    meant[3] = 0
    layers[0].weight = torch.nn.Parameter(meant)
    in_eight_bits(layers)
    layer = layers[0]
    assert isinstance(layer, EightBitLinear)
    assert layer.numbers.dtype is torch.int8
    lost = (layer.weight - meant).abs()
    assert bool((lost <= meant.abs().amax(1, keepdim=True) / 254 * 1.001).all())
    assert lost.max() > 0


def test_shared_weights_and_subclasses_stay_plain() -> None:
    class Own(torch.nn.Linear):
        pass

    module = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Linear(8, 8), Own(8, 8), torch.nn.Linear(8, 8))
    one, other = module[0], module[1]
    assert isinstance(one, torch.nn.Linear)
    other.weight = one.weight
    in_eight_bits(module)
    assert [type(layer).__name__ for layer in module] == ["Linear", "Linear", "Own", "EightBitLinear"]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_pictures_are_nearly_those_of_plain_weights_and_the_same_for_a_seed(
    dtype: str, checkpoints: dict[str, Path], models: dict[str, LoadedModel], caplog: pytest.LogCaptureFixture
) -> None:
    folder = checkpoints["stable-diffusion"]
    plain = by_openvino(folder, dtype)
    with caplog.at_level(logging.WARNING, "safelight.engine.runtimes.denoiser"):
        model = by_openvino(folder, dtype, quantization=(INT8,))
        first = drawn(model, height=64)
    assert not caplog.records
    away = np.abs(first.astype(int) - drawn(plain, height=64).astype(int)).mean()
    assert 0 < away < 8
    drawn(model, width=96, height=64)
    with Drawing(model) as drawing:
        pictures = drawing.draw(job(model, "a", height=64), job(model, "b", height=64))
    assert all(np.array_equal(pixels(picture), first) for picture in pictures)
    assert np.array_equal(drawn(by_openvino(folder, dtype, quantization=(INT8,)), height=64), first)


def test_the_graph_holds_numbers_of_eight_bits_and_shares_them() -> None:
    linear = rounded(512, 64)
    with torch.no_grad():
        written, _ = write(linear, linear.forward, (torch.rand(3, 512),), {})
    assert len(written.layers) + len(written.constants) < linear.numbers.nbytes
    model = read(written, linear)
    constants = (node for node in model.get_ordered_ops() if node.get_type_name() == "Constant")
    (constant,) = [node for node in constants if list(node.shape) == [64, 512]]
    assert constant.get_element_type().get_type_name() == "i8"
    assert constant.data.ctypes.data == linear.numbers.data_ptr()


def test_they_have_a_fingerprint_of_their_own_and_take_less_memory(checkpoints: dict[str, Path]) -> None:
    folder = checkpoints["flux"]
    plain, model = by_openvino(folder), by_openvino(folder, quantization=(INT8,))
    assert plain.fingerprint != model.fingerprint
    assert model.bytes < plain.bytes
    spec = ModelSpec(source=str(folder), dtype="float32")
    assert weight_of(spec, "cpu") < plain.bytes


def test_the_comparison_is_as_close_as_with_plain_weights(caplog: pytest.LogCaptureFixture) -> None:
    """What PyTorch computes is of the rounded weights too: a graph of other numbers would be found out."""
    linear = torch.nn.Linear(512, 64)
    plain = linear.weight.detach().clone()
    part = Part(linear)
    run_by_openvino(Pipeline(part), torch.float32, eight_bits=True)
    x = torch.rand(5, 512)
    with torch.no_grad(), caplog.at_level(logging.WARNING):
        result = part(x)[0]
        torch.testing.assert_close(result, torch.nn.functional.linear(x, linear.weight, linear.bias))
        away = result - torch.nn.functional.linear(x, plain, linear.bias)
    assert 1e-4 < away.norm() / result.norm() < 0.02
    assert not caplog.records


def test_a_tracer_works_weights_out_only_where_they_are_multiplied(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of a large model's at once, as it looks its layers over, were more memory than the model takes."""
    linear, times = rounded(64, 8), []
    working_out = EightBitLinear.__dict__["weight"].fget

    def counted(layer: EightBitLinear) -> torch.Tensor:
        times.append(layer)
        weight: torch.Tensor = working_out(layer)
        return weight

    monkeypatch.setattr(EightBitLinear, "weight", property(counted))
    with torch.no_grad():
        write(linear, linear.forward, (torch.rand(2, 3, 64),), {})
    assert times == [linear]


def _by_whole_numbers(linear: EightBitLinear, x: torch.Tensor) -> tuple[torch.Tensor, Graph]:
    with torch.no_grad(), whole_products(True):
        written, like = write(linear, linear.forward, (x,), {})
    graph = Graph(written, like, linear, torch.bfloat16)
    result: torch.Tensor = graph((x,), {})
    return result, graph


def _halved() -> EightBitLinear:
    layers = torch.nn.Sequential(torch.nn.Linear(512, 64)).to(torch.bfloat16)
    in_eight_bits(layers)
    layer = layers[0]
    assert isinstance(layer, EightBitLinear)
    return layer


def test_products_of_whole_numbers_are_computed_as_such_and_are_close() -> None:
    linear, x = _halved(), torch.randn(2, 40, 512, generator=torch.Generator().manual_seed(0)).bfloat16()
    result, graph = _by_whole_numbers(linear, x)
    with torch.no_grad():
        meant = linear(x)
    assert result.dtype is torch.bfloat16
    assert 1e-4 < float((result.float() - meant.float()).norm() / meant.float().norm()) < 0.02
    executed = graph._request.get_compiled_model().get_runtime_model().get_ordered_ops()
    said = [{name: kind.value for name, kind in node.get_rt_info().items()} for node in executed]
    (product,) = [each["primitiveType"] for each in said if each["layerType"].startswith("FullyConnected")]
    assert product.endswith(("i8", "I8", "u8")), product


def test_a_token_does_not_depend_on_those_beside_it() -> None:
    linear, x = _halved(), torch.randn(2, 40, 512, generator=torch.Generator().manual_seed(1)).bfloat16()
    other = x.clone()
    other[1] *= 50
    other[0, 1:] = 0
    result, graph = _by_whole_numbers(linear, x)
    assert torch.equal(graph((other,), {})[0, 0], result[0, 0])
    assert not bool(graph((torch.zeros_like(x),), {}).isnan().any())


def test_where_whole_numbers_are_too_coarse_weights_alone_are_rounded(caplog: pytest.LogCaptureFixture) -> None:
    """One number of each token is so large that the others would be rounded away, and its weight is nothing."""
    linear = torch.nn.Linear(512, 64)
    linear.weight.data[:, 0] = 0
    part = Part(linear).to(torch.bfloat16)
    run_by_openvino(Pipeline(part), torch.bfloat16, eight_bits=True)
    x = torch.rand(2, 5, 512)
    x[..., 0] = 1000
    x = x.bfloat16()
    with torch.no_grad(), caplog.at_level(logging.WARNING):
        result, meant = part(x)[0].float(), linear(x).float()
    assert float((result - meant).norm() / meant.norm()) < 0.02
    forward: Any = part.forward
    (graph,) = forward._chosen.values()
    assert b"FakeQuantize" not in graph._written.layers
    assert not [record for record in caplog.records if record.name.startswith("safelight")]
