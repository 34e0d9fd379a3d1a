"""Who brings models and takes them away, beside the drawing: first away, so that there is room, then in."""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from safelight.contract.costs import CostPoint
from safelight.contract.errors import ModelLoadError
from safelight.contract.messages import Event, ModelDescribed, ModelResting, ModelSpec
from safelight.contract.traits import Traits
from safelight.engine.machine.allocator import give_back
from safelight.engine.machine.device import reference_threads
from safelight.engine.output.previews import Previewer
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.residency.host_memory import HOST, Move

log = logging.getLogger(__name__)

LoadFunction = Callable[[ModelSpec, Callable[[Traits], None]], LoadedModel]
WarmUp = Callable[[LoadedModel, Previewer], tuple[CostPoint, ...]]


@dataclass
class Unload:
    """A model that has to go: to the host's memory, or for good."""

    source: str
    model: LoadedModel
    to_host: bool = False


@dataclass
class Load:
    """A model to bring: `resting` if it is in the host's memory. What was learned and measured before is kept."""

    spec: ModelSpec
    resting: LoadedModel | None = None
    previewer: Previewer | None = None
    costs: tuple[CostPoint, ...] = ()


@dataclass
class LoadPlan:
    """What to do in one go. Emptied while it is done: whatever holds on to a model holds its memory."""

    departures: list[Unload]
    arrival: Load | None


@dataclass(frozen=True)
class Loaded:
    """A model or why there is none, and how long it took. `moved`: it was in the host's memory, and came whole.

    `seconds` is for the weights, `ready_seconds` for all that comes before the first picture, others' leaving too.
    """

    source: str
    result: LoadedModel | ModelLoadError
    previewer: Previewer | None = None
    costs: tuple[CostPoint, ...] = ()
    seconds: float = 0.0
    ready_seconds: float = 0.0
    moved: bool = False


@dataclass(frozen=True)
class LoadOutcome:
    """What came of an errand: of those that were to rest in the host's memory the model, or None for one that could
    not be moved and is gone; and what was brought."""

    resting: dict[str, LoadedModel | None] = field(default_factory=dict)
    loaded: Loaded | None = None


class Loader:
    """Does one errand at a time. `emit` and `hand_over` are called in a thread of its own."""

    def __init__(
        self,
        load: LoadFunction,
        warm_up: WarmUp,
        move: Move,
        emit: Callable[[Event], None],
        hand_over: Callable[[LoadOutcome], None],
    ) -> None:
        self._load, self._warm_up, self._move, self._emit, self._hand_over = load, warm_up, move, emit, hand_over
        self._thread: threading.Thread | None = None

    def start(self, errand: LoadPlan) -> None:
        """Begin; the errand before has been handed over."""
        self.close()
        # A thread for each errand, not one that stays: a thread's OpenMP team lives as long as the thread, and once
        # all teams have more threads than there are cores they sleep instead of spin: steps took twice as long.
        self._thread = threading.Thread(target=self._do, args=(errand,), name="load", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wait for what is under way."""
        if self._thread is not None:
            self._thread.join()

    def _do(self, errand: LoadPlan) -> None:
        begun = time.perf_counter()
        torch.set_num_threads(reference_threads())  # what this thread would have otherwise is what the last call took
        resting: dict[str, LoadedModel | None] = {}
        while errand.departures:
            self._see_off(errand.departures.pop(0), resting)
            _free()
        loaded = self._bring(errand.arrival, begun) if errand.arrival is not None else None
        self._hand_over(LoadOutcome(resting, loaded))

    def _see_off(self, departure: Unload, resting: dict[str, LoadedModel | None]) -> None:
        kept = departure.to_host and self._moved(departure.model, HOST)
        if departure.to_host:
            resting[departure.source] = departure.model if kept else None
        self._emit(ModelResting(source=departure.source, where="host" if kept else "none"))

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

    def _bring(self, arrival: Load, begun: float) -> Loaded:
        source = arrival.spec.source
        try:
            weights_begun = time.perf_counter()
            moved = arrival.resting is not None and self._moved(arrival.resting, arrival.resting.device)
            model = self._model(arrival, moved=moved)
            seconds = time.perf_counter() - weights_begun
            previewer, costs = self._known(arrival, model)
        except ModelLoadError as error:
            # A new one: the traceback's frames hold on to what was loaded so far.
            return Loaded(source, ModelLoadError(str(error)))
        except Exception as error:  # whatever it is, those who wait for the model must be told
            log.exception("a model could not be made ready")
            reason = f"The model could not be made ready ({type(error).__name__}); the worker's log says more."
            return Loaded(source, ModelLoadError(reason))
        return Loaded(source, model, previewer, costs, seconds, time.perf_counter() - begun, moved)

    def _model(self, arrival: Load, *, moved: bool) -> LoadedModel:
        """The one that came back, or a new one; half of one that did not come whole must be gone before that."""
        back, arrival.resting = arrival.resting, None
        if back is not None and moved:
            return back
        if back is not None:
            del back
            _free()

        def described(traits: Traits) -> None:
            self._emit(ModelDescribed(source=arrival.spec.source, traits=traits))

        return self._load(arrival.spec, described)

    def _known(self, arrival: Load, model: LoadedModel) -> tuple[Previewer, tuple[CostPoint, ...]]:
        """What was measured and learned before is not measured again."""
        if arrival.previewer is None:
            previewer = Previewer(model.pipeline)
            return previewer, self._warm_up(model, previewer)
        arrival.previewer.move_to(model.pipeline)
        return arrival.previewer, arrival.costs


def _free() -> None:
    """Give back what is left of models that went: pipelines are cycles, and PyTorch keeps a device's memory."""
    gc.collect()
    give_back()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
