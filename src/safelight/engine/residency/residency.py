"""How a device's models come and go: what an engine is told of it."""

# Tested in tests/engine/test_models.py.

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from safelight.engine.machine.stage_ages import StageAges
from safelight.engine.residency.host_memory import HostMemory, Move, move
from safelight.engine.residency.load_times import LoadTimes
from safelight.engine.residency.loader import Loader, LoadFunction, LoadOutcome, WarmUp
from safelight.engine.residency.models import Models
from safelight.protocol.messages import Event, ModelSpec


@dataclass(frozen=True)
class Residency:
    """`load` brings a model, `warm_up` measures it, `move` takes it to the host's memory and back; `weigh` says before
    that how many bytes it will take, 0 where nobody knows. `memory_bytes` bounds all models on the device together and
    `host_memory_bytes` those that rest; None is no bound. `load_times` remembers how long that took.
    """

    load: LoadFunction
    warm_up: WarmUp = lambda model, previewer: ()
    move: Move = move
    weigh: Callable[[ModelSpec], int] = lambda spec: 0
    memory_bytes: int | None = None
    host_memory_bytes: int = 0
    load_times: LoadTimes = field(default_factory=LoadTimes)

    def models(
        self, emit: Callable[[Event], None], hand_over: Callable[[LoadOutcome], None], ages: StageAges
    ) -> Models:
        """The models of a device, none yet. What is handed over must come back to `Models.take`."""
        loader = Loader(self.load, self.warm_up, self.move, emit, hand_over, ages)
        return Models(loader, emit, self.memory_bytes, HostMemory(self.host_memory_bytes), self.weigh, self.load_times)
