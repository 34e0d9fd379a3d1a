"""Who brings models and takes them away, beside the drawing: first away, so that there is room, then in."""

# Tested in tests/engine/test_models.py.

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch

from safelight.contract.errors import ModelLoadError
from safelight.contract.models.costs import CostPoint
from safelight.contract.models.traits import Traits
from safelight.contract.values.sizes import SIZES
from safelight.engine.machine.device import reference_threads
from safelight.engine.machine.stage_ages import StageAges
from safelight.engine.output.previews import Previewer
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.residency.handle import Handle, give_room
from safelight.engine.residency.host_memory import HOST, Move
from safelight.engine.residency.load_times import FIRST_MOVE_BYTES_PER_SECOND
from safelight.protocol.messages import Event, ModelDescribed, ModelResting, ModelSpec

log = logging.getLogger(__name__)

# For each size of a model that is compiled.
_COMPILE_SECONDS = 60.0

LoadFunction = Callable[[ModelSpec, Callable[[Traits], None]], LoadedModel]
WarmUp = Callable[[LoadedModel, Previewer], tuple[CostPoint, ...]]


@dataclass(frozen=True)
class Unload:
    """A model that has to go: to the host's memory, or for good."""

    source: str
    handle: Handle
    to_host: bool = False


@dataclass(frozen=True)
class Load:
    """A model to bring: `resting` if it is in the host's memory. What was learned and measured before is kept.

    `expected_seconds` is how long loading it should take.
    """

    spec: ModelSpec
    expected_seconds: float
    resting: Handle | None = None
    previewer: Previewer | None = None
    costs: tuple[CostPoint, ...] = ()


@dataclass(frozen=True)
class LoadPlan:
    """What to do in one go, in that order."""

    departures: tuple[Unload, ...]
    arrival: Load | None


@dataclass(frozen=True)
class Loaded:
    """A model or why there is none, and how long it took. `moved`: it was in the host's memory, and came whole.

    `seconds` is for the weights, `ready_seconds` for all that comes before the first picture, others' leaving too.
    """

    source: str
    result: Handle | ModelLoadError
    previewer: Previewer | None = None
    costs: tuple[CostPoint, ...] = ()
    seconds: float = 0.0
    ready_seconds: float = 0.0
    moved: bool = False


@dataclass(frozen=True)
class LoadOutcome:
    """What came of a plan: who of those that left is in the host's memory, the others being gone; what was brought."""

    resting: frozenset[str] = frozenset()
    loaded: Loaded | None = None


class Loader:
    """Does one plan at a time. `emit` and `hand_over` are called in a thread of its own."""

    def __init__(
        self,
        load: LoadFunction,
        warm_up: WarmUp,
        move: Move,
        emit: Callable[[Event], None],
        hand_over: Callable[[LoadOutcome], None],
        ages: StageAges,
    ) -> None:
        self._ages = ages
        self._load, self._warm_up, self._move, self._emit, self._hand_over = load, warm_up, move, emit, hand_over
        self._thread: threading.Thread | None = None

    def start(self, plan: LoadPlan) -> None:
        """Begin; the plan before has been handed over."""
        self.close()
        # A thread for each plan, not one that stays: a thread's OpenMP team lives as long as the thread, and once
        # all teams have more threads than there are cores they sleep instead of spin: steps took twice as long.
        self._thread = threading.Thread(target=self._do, args=(plan,), name="load", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wait for what is under way."""
        if self._thread is not None:
            self._thread.join()

    def _do(self, plan: LoadPlan) -> None:
        begun = time.perf_counter()
        torch.set_num_threads(reference_threads())  # what this thread would have otherwise is what the last call took
        resting = frozenset(unload.source for unload in plan.departures if self._unload(unload))
        loaded = self._bring(plan.arrival, begun) if plan.arrival is not None else None
        self._hand_over(LoadOutcome(resting, loaded))

    def _unload(self, unload: Unload) -> bool:
        """Whether it rests in the host's memory now; if not, it is gone."""
        with self._ages.within("move", unload.handle.model.bytes / FIRST_MOVE_BYTES_PER_SECOND):
            rests = unload.to_host and self._moved(unload.handle.model, HOST)
            if rests:
                give_room()
            else:
                unload.handle.release()
        self._emit(ModelResting(source=unload.source, where="host" if rests else "none"))
        return rests

    def _moved(self, model: LoadedModel, device: str) -> bool:
        """False: it is not whole any more."""
        try:
            self._move(model, device)
        except Exception as error:  # noqa: BLE001 - whatever it is, the model can be loaded again
            # In words alone: its traceback's frames hold on to the weights for as long as a log keeps it.
            why = f"{type(error).__name__}: {error}"
            log.warning("a model could not be moved to %s and is dropped: %s", device, why)
            return False
        return True

    def _bring(self, load: Load, begun: float) -> Loaded:
        source = load.spec.source
        try:
            weights_begun = time.perf_counter()
            with self._ages.within("load", load.expected_seconds):
                moved = self._move_back(load.resting) if load.resting is not None else None
                handle = moved or Handle(self._load(load.spec, partial(self._describe, source)))
            seconds = time.perf_counter() - weights_begun
            with self._ages.within("warm_up", _COMPILE_SECONDS * len(SIZES) if handle.model.compiled else 0.0):
                previewer, costs = self._known(load, handle.model)
        except ModelLoadError as error:
            # A new one: the traceback's frames hold on to what was loaded so far.
            return Loaded(source, ModelLoadError(str(error)))
        except Exception as error:  # whatever it is, those who wait for the model must be told
            log.exception("a model could not be made ready")
            reason = f"The model could not be made ready ({type(error).__name__}); the worker's log says more."
            return Loaded(source, ModelLoadError(reason))
        ready_seconds = time.perf_counter() - begun
        return Loaded(source, handle, previewer, costs, seconds, ready_seconds, moved is not None)

    def _move_back(self, handle: Handle) -> Handle | None:
        """The model that rested; None for one that did not come whole: half of it must be gone before it is loaded."""
        if self._moved(handle.model, handle.model.device):
            return handle
        handle.release()
        return None

    def _describe(self, source: str, traits: Traits) -> None:
        self._emit(ModelDescribed(source=source, traits=traits))

    def _known(self, load: Load, model: LoadedModel) -> tuple[Previewer, tuple[CostPoint, ...]]:
        """What was measured and learned before is not measured again."""
        if load.previewer is None:
            previewer = Previewer(model.pipeline)
            return previewer, self._warm_up(model, previewer)
        load.previewer.move_to(model.pipeline)
        return load.previewer, load.costs
