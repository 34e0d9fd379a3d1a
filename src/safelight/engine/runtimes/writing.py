"""A module's call written down as OpenVINO's graph, without its weights: those are named, and stay the module's.

Written so, a graph is a few megabytes, it can be kept, and two of them are the same computation exactly when their
bytes are the same.
"""

# Tested in tests/engine/test_openvino.py.

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import torch

from safelight.engine.pipeline.stand_ins.call_values import tensors_of
from safelight.engine.runtimes.simplifying import simplify
from safelight.engine.runtimes.tracing import Flat, converted, plain

_WEIGHT = "weight:"
_STORED = "stored"
_CONVERSION = re.compile(rb'(<layer id="\d+" name="%s\d+" type="Convert" [^>]*>\s*<data [^>]*/>)' % _STORED.encode())
_MARKED = rb'\1<rt_info><attribute name="decompression" version="0" /></rt_info>'
"""OpenVINO's own mark, which its Python classes have no call for: without it, it works such weights out once in single
precision and holds these as well, which took twice the weights' memory."""
_NAMED_BYTES = 1024
"""Smaller tensors are written with the graph: a name takes as much."""


class CannotConvert(Exception):
    """OpenVINO has no graph for this call; the text says why, in its words."""


class Written(msgspec.Struct, frozen=True, dict=True):
    """OpenVINO's two files of a graph, without the weights that the module has."""

    layers: bytes
    constants: bytes

    @cached_property
    def digest(self) -> bytes:
        """Of two graphs the same if they compute the same, given the same module."""
        return hashlib.sha256(b"%d:" % len(self.layers) + self.layers + self.constants).digest()


def write(module: torch.nn.Module, forward: Any, args: Any, kwargs: Any, *, fixed: bool = False) -> tuple[Written, Any]:
    """The graph of a call, for any shapes of the same ranks or, if `fixed`, for those alone; and what the call returns,
    its tensors being empty ones.

    OpenVINO's own `convert_model` reports its use to its maker's servers unless a file in the home folder says no, so
    its frontend for PyTorch is asked directly.

    Raises:
        CannotConvert: it cannot be traced, or has an operation that OpenVINO has not.
    """
    _straighten(module)
    call = Flat(module, forward, (args, kwargs))
    given = [plain(tensor) for tensor in tensors_of((args, kwargs))]
    with in_its_words():
        model, _traced = converted(call, given)
        if len(model.inputs) != len(given):
            raise CannotConvert("the traced graph leaves arguments out")
        _shape(model, given, fixed=fixed)
        _take_weights_out(model, module)
        simplify(model)
        return _written(model), call.result


def read(written: Written, module: torch.nn.Module) -> Any:
    """OpenVINO's model again, which computes with the module's own weights: that must outlive it."""
    from openvino import Core, Tensor, op

    _straighten(module)
    model = Core().read_model(BytesIO(written.layers), BytesIO(written.constants))
    weights = {_WEIGHT + name: tensor for name, tensor in _named(module).items()}
    for place in model.get_parameters():
        name = place.get_friendly_name()
        if not name.startswith(_WEIGHT):
            continue
        tensor, kind = weights[name], place.get_element_type()
        numbers = tensor.view(torch.float16) if tensor.dtype is torch.bfloat16 else tensor
        constant = op.Constant(Tensor(numbers.numpy(), list(tensor.shape), kind), shared_memory=True)
        place.output(0).replace(constant.output(0))
        model.remove_parameter(place)
    model.validate_nodes_and_infer_types()
    return model


@contextmanager
def in_its_words() -> Iterator[None]:
    """Within it what OpenVINO raises is `CannotConvert`, or `MemoryError` where memory was lacking."""
    try:
        yield
    except (CannotConvert, MemoryError):
        raise
    except Exception as error:
        if "alloc" in str(error):
            raise MemoryError(str(error)) from error
        raise CannotConvert(_first_line(error)) from error


def _shape(model: Any, given: list[torch.Tensor], *, fixed: bool) -> None:
    from openvino import PartialShape

    for place, tensor in zip(model.inputs, given, strict=True):
        shape = list(tensor.shape) if fixed else [-1] * tensor.ndim
        place.get_node().set_partial_shape(PartialShape(shape))
    model.validate_nodes_and_infer_types()


def _take_weights_out(model: Any, module: torch.nn.Module) -> None:
    """Put an input of the weight's name in the place of each constant that is the module's own tensor."""
    from openvino import PartialShape, op

    names = {tensor.data_ptr(): (name, tensor.nbytes) for name, tensor in _named(module).items()}
    places = []
    for node in model.get_ordered_ops():
        if node.get_type_name() != "Constant" or node.get_byte_size() < _NAMED_BYTES:
            continue
        name, size = names.get(node.data.ctypes.data, ("", 0))
        if size == node.get_byte_size():
            place = op.Parameter(node.get_output_element_type(0), PartialShape(list(node.get_output_shape(0))))
            place.set_friendly_name(_WEIGHT + name)
            node.output(0).replace(place.output(0))
            places.append(place)
    model.add_parameters(places)
    model.validate_nodes_and_infer_types()


def _named(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.detach() for name, tensor in (*module.named_parameters(), *module.named_buffers())}


def _straighten(module: torch.nn.Module) -> None:
    """Lay its weights as OpenVINO reads them: a copy made on the way would be freed under the graph."""
    for weights in (*module.parameters(), *module.buffers()):
        weights.data = weights.data.contiguous()


def _written(model: Any) -> Written:
    """As files, with names that tell nothing of what was converted before."""
    from openvino import serialize

    model.set_friendly_name("graph")
    for number, node in enumerate(model.get_ordered_ops()):
        if not node.get_friendly_name().startswith(_WEIGHT):
            node.set_friendly_name(f"{_STORED if _reads_half_precision(node) else 'n'}{number}")
        for output in node.outputs():
            output.set_names(set())
    with TemporaryDirectory(prefix="safelight-graph-") as folder:
        layers, constants = Path(folder, "graph.xml"), Path(folder, "graph.bin")
        serialize(model, str(layers), str(constants))
        return Written(_CONVERSION.sub(_MARKED, layers.read_bytes()), constants.read_bytes())


def _reads_half_precision(node: Any) -> bool:
    """Whether it is what makes single precision of a weight."""
    from openvino import Type

    if node.get_type_name() != "Convert" or node.get_input_element_type(0) not in (Type.bf16, Type.f16):
        return False
    return bool(node.input_value(0).get_node().get_friendly_name().startswith(_WEIGHT))


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = next((line for line in lines if not line.startswith(("Check ", "Exception from"))), type(error).__name__)
    return f"{type(error).__name__}: {said[:200]}"
