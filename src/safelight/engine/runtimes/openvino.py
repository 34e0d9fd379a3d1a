"""A module's call as a graph that OpenVINO computes on the processor."""

# Tested in tests/engine/test_openvino.py.

from __future__ import annotations

import warnings
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from safelight.engine.machine.device import reference_threads
from safelight.engine.pipeline.stand_ins.call_values import tensors_of, with_tensors

_HINTS = {torch.float32: "f32", torch.bfloat16: "bf16"}


class CannotConvert(Exception):
    """OpenVINO has no graph for this call; the text says why, in its words."""


def openvino_version() -> str | None:
    """Of the installed library, None without one. It is not imported, which takes a while."""
    try:
        return version("openvino")
    except PackageNotFoundError:
        return None


class Graph:
    """A module's call, traced once with example arguments and compiled for any shapes of the same ranks.

    OpenVINO's own `convert_model` reports its use to its maker's servers unless a file in the home folder says no, so
    its frontend for PyTorch is asked directly. Weights are not copied into the graph: the module must outlive it.
    """

    def __init__(
        self, module: torch.nn.Module, forward: Any, args: Any, kwargs: Any, dtype: torch.dtype, *, fixed: bool = False
    ) -> None:
        """`fixed`: for those shapes alone, with all that Python computed of them.

        Raises:
            CannotConvert: it cannot be traced, or has an operation that OpenVINO has not.
        """
        for weights in (*module.parameters(), *module.buffers()):
            weights.data = weights.data.contiguous()  # a copy made on the way would be freed under the graph
        call = _Flat(module, forward, (args, kwargs))
        given = [_plain(tensor) for tensor in tensors_of((args, kwargs))]
        try:
            self._decoder, model = _converted(call, given)
            if len(model.inputs) != len(given):
                raise CannotConvert("the traced graph leaves arguments out")
            _shape(model, given, fixed=fixed)
            self._model, self._dtype = model, dtype
            self.renew()
        except CannotConvert:
            raise
        except MemoryError:
            raise
        except Exception as error:
            if "alloc" in str(error):
                raise MemoryError(str(error)) from error
            raise CannotConvert(_first_line(error)) from error
        self._result = call.result

    def renew(self) -> None:
        """Compile it anew. What it worked out of shapes that it is not right for stays with it, whether it failed at
        them or not, and makes it wrong for others: Qwen-Image's pictures after a shorter prompt were."""
        self._compiled = _compile(self._model, self._dtype)
        self._request = self._compiled.create_infer_request()

    def __call__(self, args: Any, kwargs: Any) -> Any:
        """What the module returns for arguments of that form."""
        given = [_plain(tensor).numpy() for tensor in tensors_of((args, kwargs))]
        made = self._request.infer(given, share_inputs=True, share_outputs=True)
        results = iter([torch.from_numpy(made[at].copy()) for at in range(len(self._compiled.outputs))])
        return with_tensors(self._result, lambda like: next(results).to(like.dtype))


class _Flat(torch.nn.Module):
    """The module with its tensors alone as arguments and results, all of kinds that NumPy has."""

    def __init__(self, module: torch.nn.Module, forward: Any, arguments: Any) -> None:
        super().__init__()
        self.module = module
        self._forward = forward
        self._arguments = arguments
        self.result: Any = None

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        left = iter(tensors)
        args, kwargs = with_tensors(self._arguments, lambda like: next(left).to(like.dtype))
        result = self._forward(*args, **kwargs)
        self.result = with_tensors(result, lambda made: torch.empty(0, dtype=made.dtype, device="meta"))
        return tuple(_plain(made) for made in tensors_of(result))


def _plain(tensor: torch.Tensor) -> torch.Tensor:
    """As NumPy has it; half precision in float32 is the same numbers."""
    half = tensor.dtype in (torch.bfloat16, torch.float16)
    return tensor.float().contiguous() if half else tensor.contiguous()


def _converted(call: _Flat, given: list[torch.Tensor]) -> tuple[Any, Any]:
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of a tracer that says what it cannot know, and that it is old
        trace: Any = torch.jit.trace  # it has no types
        traced = trace(call, tuple(given), check_trace=False, strict=False)
        decoder = TorchScriptPythonDecoder(traced, shared_memory=False)
        frontend = FrontEndManager().load_by_framework("pytorch")
        read = frontend.load(decoder)
        return (frontend, decoder, read), frontend.convert(read)


def _shape(model: Any, given: list[torch.Tensor], *, fixed: bool) -> None:
    from openvino import PartialShape

    for place, tensor in zip(model.inputs, given, strict=True):
        shape = list(tensor.shape) if fixed else [-1] * tensor.ndim
        place.get_node().set_partial_shape(PartialShape(shape))
    model.validate_nodes_and_infer_types()


def _compile(model: Any, dtype: torch.dtype) -> Any:
    from openvino import Core

    return Core().compile_model(model, "CPU", dict(_properties(dtype)))


def _properties(dtype: torch.dtype) -> Iterator[tuple[str, Any]]:
    """One stream of as many threads as the bytes of this process are made by, wherever the system puts them: pinned,
    those of several workers would share cores."""
    yield "INFERENCE_PRECISION_HINT", _HINTS[dtype]
    yield "INFERENCE_NUM_THREADS", reference_threads()
    yield "NUM_STREAMS", 1
    yield "ENABLE_CPU_PINNING", False
    yield "CPU_DENORMALS_OPTIMIZATION", True


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = next((line for line in lines if not line.startswith(("Check ", "Exception from"))), type(error).__name__)
    return f"{type(error).__name__}: {said[:200]}"
