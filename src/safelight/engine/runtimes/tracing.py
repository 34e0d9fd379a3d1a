"""A module's call as OpenVINO's frontend for PyTorch reads it, which has it traced."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.modules.module import register_module_forward_hook

from safelight.engine.machine.cpu.allocator import give_back
from safelight.engine.pipeline.stand_ins.call_values import tensors_of, with_tensors

_OFTEN_BYTES = 256 * 1024 * 1024
"""Of what modules returned."""


class Flat(torch.nn.Module):
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
        return tuple(plain(made) for made in tensors_of(result))


def converted(call: Flat, given: list[torch.Tensor]) -> tuple[Any, Any]:
    """OpenVINO's model of the call, and what holds its constants meanwhile."""
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of a tracer that says what it cannot know, and that it is old
        trace: Any = torch.jit.trace  # it has no types
        with _given_back_often():
            traced = trace(call, tuple(given), check_trace=False, strict=False)
        decoder = TorchScriptPythonDecoder(traced, shared_memory=True)
        frontend = FrontEndManager().load_by_framework("pytorch")
        read = frontend.load(decoder)
        return frontend.convert(read), (frontend, decoder, read)


@contextmanager
def _given_back_often() -> Iterator[None]:
    """Within it what modules took and freed goes back to the system all the while.

    Kept, as it is elsewhere, it is of no use to the next module: a tracer puts small blocks of its own into it, and
    what is left is too short. So the sum of all was taken, 18 GB for a call of Stable Diffusion XL at 1024x1024.
    """
    returned = 0

    def count(_module: torch.nn.Module, _given: Any, result: Any) -> None:
        nonlocal returned
        # Of a tensor's own size the tracer would take a note.
        returned += sum(tensor.untyped_storage().nbytes() for tensor in tensors_of(result))
        if returned >= _OFTEN_BYTES:
            returned = 0
            give_back()

    hook = register_module_forward_hook(count)
    try:
        yield
    finally:
        hook.remove()


def plain(tensor: torch.Tensor) -> torch.Tensor:
    """As NumPy has it; half precision in float32 is the same numbers."""
    half = tensor.dtype in (torch.bfloat16, torch.float16)
    return tensor.float().contiguous() if half else tensor.contiguous()
