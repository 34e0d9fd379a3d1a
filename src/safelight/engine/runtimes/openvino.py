"""A module's calls computed by OpenVINO on the processor."""

# Tested in tests/engine/test_openvino.py.

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from safelight.engine.machine.device import reference_threads
from safelight.engine.pipeline.stand_ins.call_values import tensors_of, with_tensors
from safelight.engine.runtimes.steady import Numbers, Remembered, split
from safelight.engine.runtimes.tracing import plain
from safelight.engine.runtimes.writing import Written, in_its_words, read

_HINTS = {torch.float32: "f32", torch.bfloat16: "bf16"}


def openvino_version() -> str | None:
    """Of the installed library, None without one. It is not imported, which takes a while."""
    try:
        return version("openvino")
    except PackageNotFoundError:
        return None


class Graph:
    """A written graph, compiled when it is first asked. Its weights are the module's, which must outlive it, and lie
    once more as they are multiplied while it is compiled."""

    def __init__(
        self, written: Written, like: Any, module: torch.nn.Module, dtype: torch.dtype, steady: tuple[int, ...] = ()
    ) -> None:
        """`like`: what the call returns, its tensors being empty ones. `steady`: places of the tensors that may be the
        same in the next call: what depends on them alone is kept for it."""
        self._written, self._like, self._module, self._dtype = written, like, module, dtype
        self._steady = steady
        self._request: Any = None
        self._remembered: Remembered | None = None

    @property
    def key(self) -> Hashable:
        """Of two graphs over the same module the same if they compute and return the same."""
        return self._written.digest, repr(self._like), self._steady

    def compile(self) -> None:
        """Make it ready, if it is not.

        Raises:
            CannotConvert: OpenVINO cannot.
        """
        if self._request is None:
            with in_its_words():
                model = read(self._written, self._module)
                first = split(model, self._steady)
                if first is not None:
                    self._remembered = Remembered(_results_of(_compile(first, self._dtype).create_infer_request()))
                self._request = _compile(model, self._dtype).create_infer_request()

    def release(self) -> None:
        """Let go of what compiling laid out, and of what it worked out of shapes that it failed at: that stays with it
        and makes it wrong for others. Qwen-Image's pictures after a shorter prompt were."""
        self._request = self._remembered = None

    def __call__(self, args: Any, kwargs: Any) -> Any:
        """What the module returns for arguments of that form."""
        self.compile()
        given = [plain(tensor).numpy() for tensor in tensors_of((args, kwargs))]
        if self._remembered is not None:
            given += self._remembered([given[at] for at in self._steady])
        made = self._request.infer(given, share_inputs=True, share_outputs=True)
        results = iter([torch.from_numpy(made[at].copy()) for at in range(len(made))])
        return with_tensors(self._like, lambda like: next(results).to(like.dtype))


def _results_of(request: Any) -> Callable[[list[Numbers]], list[Numbers]]:
    """A compiled graph as a function. Its results are its caller's."""

    def compute(given: list[Numbers]) -> list[Numbers]:
        made = request.infer(given, share_inputs=True, share_outputs=True)
        return [made[at].copy() for at in range(len(made))]

    return compute


def _compile(model: Any, dtype: torch.dtype) -> Any:
    from openvino import Core

    return Core().compile_model(model, "CPU", dict(_properties(dtype)))


def _properties(dtype: torch.dtype) -> Iterator[tuple[str, Any]]:
    """One stream of as many threads as the bytes of this process are made by, wherever the system puts them: pinned,
    those of several workers would share cores. What is multiplied is rounded where the graph says so, and nowhere
    else."""
    yield "INFERENCE_PRECISION_HINT", _HINTS[dtype]
    yield "DYNAMIC_QUANTIZATION_GROUP_SIZE", 0
    yield "INFERENCE_NUM_THREADS", reference_threads()
    yield "NUM_STREAMS", 1
    yield "ENABLE_CPU_PINNING", False
    yield "CPU_DENORMALS_OPTIMIZATION", True
