"""A denoiser's calls computed by OpenVINO where that gives what PyTorch gives, and by PyTorch where it does not.

A traced graph holds whatever Python computed on the way: a table of positions, a branch taken by a size. So nothing is
assumed of any family. Each new form of call (shapes, kinds of numbers, plain values) is computed by PyTorch first, seen
to look at no tensor's numbers, and compared with what a graph makes of it.
"""

# Tested in tests/engine/test_openvino.py.

from __future__ import annotations

import inspect
import logging
import weakref
from collections.abc import Hashable
from typing import Any

import torch

from safelight.contract.models.stages import STEPS
from safelight.engine.machine.stages import stage_of
from safelight.engine.pipeline.stand_ins.call_values import NoForm, form_of, tensors_of
from safelight.engine.runtimes.openvino import CannotConvert, Graph
from safelight.engine.runtimes.values_read import ValuesRead

log = logging.getLogger(__name__)

_MOST_GRAPHS = 3
"""Of one denoiser: each has laid all weights out once more."""
_REMEMBERED = 1024
_TOLERANCE = {torch.float32: 3e-5, torch.bfloat16: 0.1}
"""Of the root mean square. Another order of sums differs by 1e-6 and 0.01, another table of positions by far more."""


def denoisers_of(pipeline: Any) -> dict[str, torch.nn.Module]:
    """The components that compute steps."""
    return {name: part for name, part in pipeline.components.items() if stage_of(name, part) == STEPS}


def run_by_openvino(pipeline: Any, dtype: torch.dtype) -> None:
    """Have the pipeline's denoisers computed by OpenVINO from now on, their weights being in that number format."""
    for name, module in denoisers_of(pipeline).items():
        module.__dict__["forward"] = _Forward(name, module, dtype)


class _Forward:
    """In place of a module's `forward`. Only the thread that draws calls it."""

    def __init__(self, name: str, module: torch.nn.Module, dtype: torch.dtype) -> None:
        self._name = name
        self._module = weakref.ref(module)  # no cycle: its weights go when it does
        self._plain = type(module).forward
        self._dtype = dtype
        self._graphs: list[Graph] = []
        self._chosen: dict[Hashable, Graph | None] = {}
        self._reads = False
        # Pipelines ask what it takes.
        self.__signature__ = inspect.signature(module.forward)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            form = None if self._reads else form_of((args, kwargs), "cpu")
        except NoForm:
            form = None
        if form is None:
            return self._by_pytorch(*args, **kwargs)
        if form not in self._chosen:
            return self._choose(form, args, kwargs)
        graph = self._chosen[form]
        return self._by_pytorch(*args, **kwargs) if graph is None else graph(args, kwargs)

    def _by_pytorch(self, *args: Any, **kwargs: Any) -> Any:
        return self._plain(self._module(), *args, **kwargs)

    def _choose(self, form: Hashable, args: Any, kwargs: Any) -> Any:
        """Which graph computes calls of this form, if any; and this call's result by it."""
        with ValuesRead() as read:
            expected = self._by_pytorch(*args, **kwargs)
        if read.names:
            self._reads = True
            self._graphs.clear()
            self._stay(f"it looks at the numbers that it is given ({', '.join(sorted(read.names))})")
            return expected
        if len(self._chosen) >= _REMEMBERED:
            self._chosen.clear()
        for graph in self._graphs:
            if (result := self._tried(graph, args, kwargs, expected)) is not None:
                self._chosen[form] = graph
                return result
        graph_and_result = self._made(args, kwargs, expected)
        self._chosen[form], result = graph_and_result or (None, expected)
        return result

    def _made(self, args: Any, kwargs: Any, expected: Any) -> tuple[Graph, Any] | None:
        """A new graph and what it makes of this call; None, said in the log, where it is not what PyTorch makes."""
        if len(self._graphs) >= _MOST_GRAPHS:
            self._stay(f"{_MOST_GRAPHS} graphs of it are there already, and none is right for these shapes")
            return None
        module = self._module()
        assert module is not None
        try:
            # The first is for any shape. One for a single shape lacks nothing that Python computed of it.
            graph = Graph(module, self._by_pytorch, args, kwargs, self._dtype, fixed=bool(self._graphs))
        except CannotConvert as error:
            self._stay(str(error))
            return None
        result = self._tried(graph, args, kwargs, expected)
        if result is None:
            self._stay("its result is another")
            return None
        self._graphs.append(graph)
        return graph, result

    def _tried(self, graph: Graph, args: Any, kwargs: Any, expected: Any) -> Any:
        """What the graph makes of a call; None where it cannot, or where that is not what is expected."""
        try:
            result = graph(args, kwargs)
            if _alike(result, expected, _TOLERANCE[self._dtype]):
                return result
        except (RuntimeError, ValueError, TypeError, StopIteration) as error:
            log.info("a graph of %s does not take these shapes: %s", self._name, type(error).__name__)
        graph.renew()
        return None

    def _stay(self, why: str) -> None:
        log.warning("%s is computed by PyTorch, not by OpenVINO: %s", self._name, why)


def _alike(result: Any, expected: Any, tolerance: float) -> bool:
    made, meant = list(tensors_of(result)), list(tensors_of(expected))
    return len(made) == len(meant) and all(map(lambda a, b: _close(a, b, tolerance), made, meant))


def _close(a: torch.Tensor, b: torch.Tensor, tolerance: float) -> bool:
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    a, b = a.double(), b.double()
    return bool((a - b).norm() <= tolerance * b.norm().clamp_min(1e-6))
