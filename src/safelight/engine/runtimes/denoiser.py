"""A denoiser's calls computed by OpenVINO where that gives what PyTorch gives, and by PyTorch where it does not.

A traced graph holds whatever Python computed on the way: a table of positions, a branch taken by a size. So nothing is
assumed of any family. Each new form of call (shapes, kinds of numbers, plain values) is computed by PyTorch first, seen
to look at no tensor's numbers, traced by itself, and what its graph makes of it is compared. Forms whose graphs are the
same to the last byte share one. So which graph computes a picture depends on its form alone, whatever was drawn before.
"""

# Tested in tests/engine/test_openvino.py.

from __future__ import annotations

import inspect
import logging
import weakref
from collections import OrderedDict
from collections.abc import Hashable, Iterable
from itertools import product
from typing import Any

import torch

from safelight.contract.models.stages import STEPS
from safelight.contract.values.sizes import Size
from safelight.engine.machine.stages import stage_of
from safelight.engine.pipeline.drawn_size import drawn_size
from safelight.engine.pipeline.stand_ins.call_values import NoForm, form_of, tensors_of
from safelight.engine.runtimes.eight_bits import in_eight_bits, whole_products
from safelight.engine.runtimes.kept import NOT_KEPT, KeptGraphs
from safelight.engine.runtimes.openvino import Graph
from safelight.engine.runtimes.paging import lay_in_file, put_away
from safelight.engine.runtimes.steady import steady_tensors
from safelight.engine.runtimes.values_read import ValuesRead
from safelight.engine.runtimes.writing import CannotConvert, Written, write

log = logging.getLogger(__name__)

_MOST_COMPILED = 3
"""Of one denoiser: each has laid all weights out once more."""
_REMEMBERED = 256
_TOLERANCE = {torch.float32: 3e-5, torch.bfloat16: 0.1}
"""Of the root mean square. Another order of sums differs by 1e-6 and 0.01, another table of positions by far more."""


def denoisers_of(pipeline: Any) -> dict[str, torch.nn.Module]:
    """The components that compute steps."""
    return {name: part for name, part in pipeline.components.items() if stage_of(name, part) == STEPS}


def run_by_openvino(
    pipeline: Any,
    dtype: torch.dtype,
    kept: KeptGraphs = NOT_KEPT,
    *,
    eight_bits: bool = False,
    fixed_sizes: Iterable[Size] = (),
) -> None:
    """Have the pipeline's denoisers computed by OpenVINO from now on, their weights being in that number format, or
    those of linear layers in `eight_bits`; those of pictures of `fixed_sizes` by graphs for one shape each."""
    sizes = frozenset(fixed_sizes)
    for name, module in denoisers_of(pipeline).items():
        if eight_bits:
            in_eight_bits(module)
        lay_in_file(module, kept.folder)
        whole = eight_bits and dtype is torch.bfloat16
        module.__dict__["forward"] = _Forward(name, module, dtype, kept, whole=whole, sizes=sizes)


class _Forward:
    """In place of a module's `forward`. Only the thread that draws calls it."""

    def __init__(
        self,
        name: str,
        module: torch.nn.Module,
        dtype: torch.dtype,
        kept: KeptGraphs,
        *,
        whole: bool = False,
        sizes: frozenset[Size] = frozenset(),
    ) -> None:
        """`whole`: products of whole numbers are good enough, where they are within what the format allows. `sizes` are
        those whose graphs are for one shape each."""
        self._name = name
        self._products = (True, False)[not whole :]
        self._sizes = sizes
        self._module = weakref.ref(module)  # no cycle: its weights go when it does
        self._plain = type(module).forward
        self._dtype = dtype
        self._kept = kept
        self._graphs: dict[Hashable, Graph] = {}
        self._compiled: OrderedDict[Hashable, Graph] = OrderedDict()
        self._chosen: dict[Hashable, Graph | None] = {}
        # Pipelines ask what it takes.
        self.__signature__ = inspect.signature(module.forward)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            form = form_of((args, kwargs), "cpu"), drawn_size() in self._sizes
        except NoForm:
            return self._by_pytorch(*args, **kwargs)
        if form not in self._chosen:
            result = self._choose(form, args, kwargs)
            if self._chosen[form] is not None and (module := self._module()) is not None:
                put_away(module)
            return result
        graph = self._chosen[form]
        return self._by_pytorch(*args, **kwargs) if graph is None else self._by(graph, args, kwargs)

    def _by_pytorch(self, *args: Any, **kwargs: Any) -> Any:
        return self._plain(self._module(), *args, **kwargs)

    def _by(self, graph: Graph, args: Any, kwargs: Any) -> Any:
        """What a graph makes of a call. Of those that are compiled the one that was used longest ago makes room."""
        self._compiled[graph.key] = graph
        self._compiled.move_to_end(graph.key)
        if len(self._compiled) > _MOST_COMPILED + len(self._sizes):
            self._compiled.popitem(last=False)[1].release()
        return graph(args, kwargs)

    def _choose(self, form: tuple[Hashable, bool], args: Any, kwargs: Any) -> Any:
        """Which graph computes calls of this form, if any; and this call's result by it."""
        if len(self._chosen) >= _REMEMBERED:
            self._chosen.clear()
            self._graphs = dict(self._compiled)
        found = self._kept.read(self._name, form)
        if found is not None:
            graph = self._graph(*found, args, kwargs)
            try:
                result = self._by(graph, args, kwargs)
            except (CannotConvert, RuntimeError, ValueError, TypeError, StopIteration, KeyError):
                self._forget(graph)
            else:
                self._chosen[form] = graph
                return result
        with ValuesRead() as read:
            expected = self._by_pytorch(*args, **kwargs)
        if read.names:
            self._stay(f"it looks at the numbers that it is given ({', '.join(sorted(read.names))})")
            self._chosen[form] = None
            return expected
        self._chosen[form], result = self._made(form, args, kwargs, expected)
        return result

    def _made(self, form: tuple[Hashable, bool], args: Any, kwargs: Any, expected: Any) -> tuple[Graph | None, Any]:
        """A graph of this call and what it makes of it; none, said in the log, where that is not what PyTorch makes.

        The first is for any shape, so that other forms may share it, unless the picture's size is to have its own. One
        for these shapes alone lacks nothing that Python computed of them. Those that multiply whole numbers come before
        those that do not.
        """
        module, why = self._module(), "its result is another"
        assert module is not None
        shapes = (False, True) if not form[1] else (True, False)
        for whole, fixed in product(self._products, shapes):
            try:
                with whole_products(whole):
                    written, like = write(module, self._by_pytorch, args, kwargs, fixed=fixed)
                graph = self._graph(written, like, args, kwargs)
                result = self._tried(graph, args, kwargs, expected)
            except CannotConvert as error:
                why = str(error)
                continue
            if result is not None:
                self._kept.keep(self._name, form, written, like)
                return graph, result
        self._stay(why)
        return None, expected

    def _graph(self, written: Written, like: Any, args: Any, kwargs: Any) -> Graph:
        """The one that these files are of, for calls with such arguments."""
        module = self._module()
        assert module is not None
        graph = Graph(written, like, module, self._dtype, steady_tensors(self.__signature__, args, kwargs))
        return self._graphs.setdefault(graph.key, graph)

    def _tried(self, graph: Graph, args: Any, kwargs: Any, expected: Any) -> Any:
        """What the graph makes of a call; None where it cannot, or where that is not what is expected."""
        try:
            result = self._by(graph, args, kwargs)
            if _alike(result, expected, _TOLERANCE[self._dtype]):
                return result
        except (RuntimeError, ValueError, TypeError, StopIteration) as error:
            log.info("a graph of %s does not take these shapes: %s", self._name, type(error).__name__)
        graph.release()
        self._compiled.pop(graph.key, None)
        return None

    def _forget(self, graph: Graph) -> None:
        graph.release()
        self._graphs.pop(graph.key, None)
        self._compiled.pop(graph.key, None)

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
