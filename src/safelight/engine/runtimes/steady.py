"""What a denoiser computes of the prompt alone, computed once for all steps of a picture.

A pipeline gives the same prompt to each step, and of it alone every step would work out the same keys and values of
its cross-attention: an eighth of Stable Diffusion XL's weights is for that. A graph is split in two: what depends on
nothing that changes with the steps, and the rest, whose arguments are results of the first. Whether an argument did
stay the same is seen in each call, to the last byte.
"""

# Tested in tests/engine/test_openvino_steady.py.

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray

from safelight.engine.pipeline.stand_ins.call_values import same_bytes, tensors_of

_PRODUCTS = frozenset({"MatMul", "Convolution", "GroupConvolution"})
_SHAPE_ONLY = frozenset({"Reshape", "Transpose", "Unsqueeze", "Squeeze", "Convert"})
"""Left to the rest, since OpenVINO has attention read numbers as they lie."""
_CHANGING = ("timestep", "sigma")
_MOST_BYTES = 256 * 1024 * 1024
"""Of what is kept for pictures that take turns: two prompts' with Stable Diffusion XL, 17 with Stable Diffusion 1.5."""

Numbers = NDArray[Any]


def steady_tensors(signature: inspect.Signature, args: Any, kwargs: Any) -> tuple[int, ...]:
    """Which of a call's tensors may stay the same from step to step, by their place: neither those of the first
    argument, which is what is drawn, nor what tells the time."""
    names = list(signature.parameters)
    found: list[int] = []
    at = 0
    for name, value in (*zip(names, args, strict=False), *kwargs.items()):
        count = sum(1 for _ in tensors_of(value))
        if name != names[0] and not any(each in name for each in _CHANGING):
            found += range(at, at + count)
        at += count
    return tuple(found)


def split(model: Any, steady: Sequence[int]) -> Any:
    """Take out of a graph what depends on those arguments alone and multiplies weights. Returns the graph of that; what
    is left takes its results after the arguments of the whole. None where there is no such part.
    """
    from openvino import Model, op

    cuts = _cuts(model, steady)
    if not cuts:
        return None
    whole = model.clone()
    copies = {node.get_friendly_name(): node for node in whole.get_ordered_ops()}
    results = [op.Result(copies[_name(output)].output(output.get_index())) for output in cuts]
    first = Model(results, [whole.get_parameters()[at] for at in steady], "steady")
    places = []
    for output in cuts:
        place = op.Parameter(output.get_element_type(), output.get_partial_shape())
        for user in output.get_target_inputs():
            user.replace_source_output(place.output(0))
        places.append(place)
    model.add_parameters(places)
    model.validate_nodes_and_infer_types()
    return first


def _cuts(model: Any, steady: Sequence[int]) -> list[Any]:
    """What is worked out of those arguments alone, by products, for all that is not; in the graph's order."""
    parameters = model.get_parameters()
    alone = {parameters[at].get_friendly_name() for at in steady}
    constant: set[str] = set()
    multiplied: set[str] = set()
    cuts: dict[tuple[str, int], Any] = {}
    for node in model.get_ordered_ops():
        name, values = node.get_friendly_name(), node.input_values()
        sources = {_name(value) for value in values}
        if node.get_type_name() == "Constant" or (sources and sources <= constant):
            constant.add(name)
        elif sources and sources <= alone | constant:
            alone.add(name)
            if node.get_type_name() in _PRODUCTS or sources & multiplied:
                multiplied.add(name)
        else:
            for value in map(_before_its_shape, values):
                if _name(value) in multiplied:
                    cuts[_name(value), value.get_index()] = value
    return [*cuts.values()]


def _name(value: Any) -> str:
    name: str = value.get_node().get_friendly_name()
    return name


def _before_its_shape(value: Any) -> Any:
    while value.get_node().get_type_name() in _SHAPE_ONLY:
        value = value.get_node().input_value(0)
    return value


@dataclass(frozen=True, eq=False)
class _Kept:
    given: tuple[Numbers, ...]
    made: tuple[Numbers, ...]

    @property
    def bytes(self) -> int:
        return sum(each.nbytes for each in (*self.given, *self.made))

    def is_of(self, given: Sequence[Numbers]) -> bool:
        return same_bytes([*map(torch.from_numpy, self.given)], [*map(torch.from_numpy, given)])


class Remembered:
    """The results of what depends on the prompt alone, for the prompts that were used last."""

    def __init__(self, compute: Callable[[list[Numbers]], list[Numbers]]) -> None:
        self._compute = compute
        self._kept: list[_Kept] = []

    def __call__(self, given: list[Numbers]) -> tuple[Numbers, ...]:
        found = next((each for each in self._kept if each.is_of(given)), None)
        if found is None:
            # What is given may be written to once the call is over.
            found = _Kept(tuple(each.copy() for each in given), tuple(self._compute(given)))
        else:
            self._kept.remove(found)
        self._kept.append(found)
        while len(self._kept) > 1 and sum(each.bytes for each in self._kept) > _MOST_BYTES:
            del self._kept[0]
        return found.made
