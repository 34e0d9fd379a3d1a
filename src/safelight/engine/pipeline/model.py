"""A model that stands on a device, ready to draw."""

# Tested in tests/engine/test_offloading.py.

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from safelight.contract.traits import Traits
from safelight.engine.machine.memory import largest_part, memory_of


@dataclass(frozen=True)
class LoadedModel:
    """A model that can draw. `name` is for people, `traits` say what it takes when a job does not say.

    `parameters` are the keyword arguments that its pipeline takes, with their defaults; `arguments` are the operator's
    additions to every call. `compiled`: its denoiser is compiled for a size when it first draws it. `offloaded`: of its
    weights no more than the largest part is on the device at any time.
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

    @property
    def steps(self) -> int:
        return self.traits.steps

    @property
    def bytes(self) -> int:
        """Of its device's memory that its weights take."""
        return largest_part(self.pipeline) if self.offloaded else memory_of(self.pipeline)
