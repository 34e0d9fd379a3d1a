"""A model that stands on a device, ready to draw."""

# Tested in tests/engine/test_offloading.py.

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

from safelight.contract.models.traits import Traits
from safelight.engine.machine.weights.memory import largest_part, memory_of
from safelight.engine.machine.weights.parts import Parts
from safelight.engine.pipeline.edits.controls import NO_CONTROLS, Controls
from safelight.engine.pipeline.edits.ways import WORDS_ALONE, Ways
from safelight.engine.tuning.loras import NO_ADAPTERS, Adapters

_NOTHING = Parts()


class Called(Protocol):
    """A pipeline, or its class, and its keyword arguments with their defaults."""

    @property
    def pipeline(self) -> Any: ...

    @property
    def parameters(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class LoadedModel:
    """A model that can draw. `name` is for people, `traits` say what it takes when a job does not say.

    `parameters` are the keyword arguments that its pipeline takes, with their defaults; `arguments` are the operator's
    additions to every call. `compiled`: its denoiser is compiled for a size when it first draws it. `offloaded`: of its
    weights no more than the largest part is on the device at any time. `ways`: how it draws from pictures;
    `adapters`: its LoRAs, `controls` its ControlNets. `laid_out`: parts whose weights another library has
    `layouts` times more.
    """

    source: str
    name: str
    pipeline: Any
    parameters: dict[str, Any]
    arguments: dict[str, Any]
    traits: Traits
    device: str
    fingerprint: str
    compiled: bool = False
    offloaded: bool = False
    ways: Ways = WORDS_ALONE
    adapters: Adapters = NO_ADAPTERS
    controls: Controls = NO_CONTROLS
    laid_out: Parts = _NOTHING
    layouts: int = 1

    def drawing_by(self, way: Called) -> LoadedModel:
        """The same model as it draws by another pipeline. Of what the operator adds to calls a pipeline beside its own
        is given what it takes."""
        said = {name: value for name, value in self.arguments.items() if name in way.parameters}
        return replace(self, pipeline=way.pipeline, parameters=way.parameters, arguments=said)

    @property
    def parts(self) -> Parts:
        """All that has weights: its pipeline's components and its ControlNets."""
        return self.controls.parts.with_those_of(self.pipeline)

    def without_weights(self) -> LoadedModel:
        """What is known of it, for work that needs no weights: they may have to go before that is over."""
        return replace(self, pipeline=None, ways=WORDS_ALONE, controls=NO_CONTROLS, laid_out=_NOTHING)

    @property
    def steps(self) -> int:
        return self.traits.steps

    @property
    def bytes(self) -> int:
        """Of its device's memory that its weights take."""
        if self.offloaded:
            return largest_part(self.parts)
        return memory_of(self.parts) + self.layouts * memory_of(self.laid_out)
