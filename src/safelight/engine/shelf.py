"""The models of one device, within a budget of memory: loaded beside the drawing, put away when others need the room.

Least recently used goes first; what is being drawn with, and what the operator pinned, stays. A model that is put away
keeps what was learned about it and is loaded again when the next job wants it.
"""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import torch

from safelight.contract.costs import CostPoint, Costs
from safelight.contract.errors import ModelLoadError
from safelight.contract.messages import (
    Event,
    ModelDescribed,
    ModelFailed,
    ModelLoading,
    ModelReady,
    ModelResting,
    ModelSpec,
)
from safelight.contract.traits import Traits
from safelight.engine.load_times import LoadTimes
from safelight.engine.loading import LoadedModel
from safelight.engine.previews import Previewer

log = logging.getLogger(__name__)

Load = Callable[[ModelSpec, Callable[[Traits], None]], LoadedModel]
WarmUp = Callable[[LoadedModel, Previewer], tuple[CostPoint, ...]]


@dataclass(frozen=True)
class Loaded:
    """What the loader hands to the engine's thread: a model or why there is none, and how long it took.

    `seconds` is for the weights, `ready_seconds` for all that comes before the first picture.
    """

    source: str
    result: LoadedModel | ModelLoadError
    previewer: Previewer | None = None
    costs: tuple[CostPoint, ...] = ()
    seconds: float = 0.0
    ready_seconds: float = 0.0


@dataclass
class Shelved:
    """A model on offer. `model` is None while it is not loaded, `error` why it cannot be; `bytes` as measured or
    weighed, 0 while unknown."""

    spec: ModelSpec
    model: LoadedModel | None = None
    error: ModelLoadError | None = None
    previewer: Previewer | None = None
    costs: Costs = field(default_factory=Costs)
    bytes: int = 0
    last_used: int = 0
    in_use: int = 0


class Shelf:
    """Only the engine's thread calls. `hand_over` is called in the loader's thread, and brings `Loaded` back here."""

    def __init__(
        self,
        load: Load,
        warm_up: WarmUp,
        emit: Callable[[Event], None],
        hand_over: Callable[[Loaded], None],
        budget_bytes: int | None = None,
        weigh: Callable[[ModelSpec], int] = lambda spec: 0,
        times: LoadTimes | None = None,
    ) -> None:
        self._load, self._warm_up, self._emit, self._hand_over = load, warm_up, emit, hand_over
        self._budget, self._weigh = budget_bytes, weigh
        self._times = times or LoadTimes()
        self._places: dict[str, Shelved] = {}
        self._wanted: list[str] = []
        self._loading: str | None = None
        self._uses = count(1)
        self._loader: threading.Thread | None = None

    def add(self, spec: ModelSpec) -> None:
        """Offer a model, and load it as soon as there is room."""
        self._places[spec.source] = Shelved(spec)
        self.want(spec.source)

    def place(self, source: str) -> Shelved | None:
        """Where that model stands; None for one that was never offered."""
        return self._places.get(source)

    def want(self, source: str) -> None:
        """A job waits for that model."""
        if source not in self._wanted:
            self._wanted.append(source)
            ahead = [self._loading] if self._loading is not None else []
            self._emit(ModelLoading(source=source, seconds=sum(map(self._expected, [*ahead, *self._wanted]))))
        self.settle()

    def _expected(self, source: str) -> float:
        place = self._places[source]
        return self._times.expect(source, self._size(place))

    def _size(self, place: Shelved) -> int:
        """Bytes of a model: as measured when it was here, or else as its files tell."""
        if not place.bytes:
            place.bytes = self._weigh(place.spec)
        return place.bytes

    def use(self, source: str) -> None:
        """A run of that model begins, or is promised to: the model stays until its `release`."""
        place = self._places[source]
        place.in_use += 1
        place.last_used = next(self._uses)

    def release(self, source: str) -> None:
        """A run of that model ended; whoever waits for its room may come in."""
        self._places[source].in_use -= 1
        self.settle()

    @property
    def waits_for_room(self) -> str | None:
        """The model that others have to make room for: no new run of these should begin."""
        return self._wanted[0] if self._wanted and self._loading is None else None

    def settle(self) -> None:
        """Begin to load what is wanted next, if there is room or room can be made.

        The size of a model is known once it is here; what is too much together goes as soon as it is idle.
        """
        self._put_away_down_to(0, keep=1)
        while self._wanted and self._loading is None:
            place = self._places[self._wanted[0]]
            if place.model is not None or place.error is not None:
                self._wanted.pop(0)
                continue
            if not self._make_room(place):
                return
            self._loading = self._wanted.pop(0)
            self._emit(ModelLoading(source=self._loading, seconds=self._expected(self._loading)))
            # A thread for each load, not one that stays: a thread's OpenMP team lives as long as the thread, and once
            # all teams have more threads than there are cores they sleep instead of spin: steps took twice as long.
            wanted = place.spec, place.costs.points, place.previewer
            self._loader = threading.Thread(target=self._fetch, args=wanted, name="load", daemon=True)
            self._loader.start()

    def take(self, loaded: Loaded) -> None:
        """What the loader brought. The caller lets in who waited for it, and then has the shelf `settle`."""
        place = self._places[loaded.source]
        self._loading = None
        if isinstance(loaded.result, ModelLoadError):
            place.error = loaded.result
            self._emit(ModelFailed(source=loaded.source, reason=str(loaded.result)))
        else:
            place.model, place.previewer = loaded.result, loaded.previewer
            place.costs = Costs(loaded.costs)
            place.bytes = memory_of(loaded.result.pipeline)
            place.last_used = next(self._uses)
            self._times.note(loaded.source, loaded.ready_seconds, place.bytes)
            if not self._fits(0):
                log.warning("the models in memory take %d bytes, the budget is %d", self._used, self._budget)
            self._emit(
                ModelReady(
                    source=loaded.source,
                    fingerprint=loaded.result.fingerprint,
                    device=loaded.result.device,
                    steps=loaded.result.steps,
                    seconds=loaded.seconds,
                    costs=loaded.costs,
                    bytes=place.bytes,
                )
            )

    def close(self) -> None:
        """Wait for the loader."""
        if self._loader is not None:
            self._loader.join()

    def _make_room(self, wanted: Shelved) -> bool:
        """Put others away until `wanted` fits as far as its size is known. False: what is in the way is in use."""
        self._put_away_down_to(self._size(wanted), keep=0)
        in_the_way = any(place.in_use and not place.spec.pinned for place in self._here)
        # If nothing can go, loading says whether it fits all the same.
        return self._fits(wanted.bytes) or not in_the_way

    def _fits(self, more: int) -> bool:
        return self._budget is None or self._used + more <= self._budget

    def _put_away_down_to(self, more: int, *, keep: int) -> None:
        """Put the least recently used away until there is room for `more` bytes, or `keep` are left, or all in use."""
        while not self._fits(more) and len(self._here) > keep:
            idle = [place for place in self._here if place.in_use == 0 and not place.spec.pinned]
            if not idle:
                return
            self._put_away(min(idle, key=lambda place: place.last_used))

    @property
    def _here(self) -> list[Shelved]:
        return [place for place in self._places.values() if place.model is not None]

    @property
    def _used(self) -> int:
        return sum(place.bytes for place in self._here)

    def _put_away(self, place: Shelved) -> None:
        place.model = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self._emit(ModelResting(source=place.spec.source))

    def _fetch(self, spec: ModelSpec, costs: tuple[CostPoint, ...], previewer: Previewer | None) -> None:
        """In the loader's thread. What was measured and learned before is not measured again."""

        def described(traits: Traits) -> None:
            self._emit(ModelDescribed(source=spec.source, traits=traits))

        begun = time.perf_counter()
        try:
            model = self._load(spec, described)
            seconds = time.perf_counter() - begun
            if previewer is None:
                previewer = Previewer(model.pipeline)
                costs = self._warm_up(model, previewer)
            else:
                previewer.move_to(model.pipeline)
        except ModelLoadError as error:
            self._hand_over(Loaded(spec.source, error))
        except Exception as error:  # whatever it is, those who wait for the model must be told
            log.exception("a model could not be made ready")
            reason = f"The model could not be made ready ({type(error).__name__}); the worker's log says more."
            self._hand_over(Loaded(spec.source, ModelLoadError(reason)))
        else:
            self._hand_over(Loaded(spec.source, model, previewer, costs, seconds, time.perf_counter() - begun))


def memory_of(pipeline: Any) -> int:
    """Bytes of a pipeline's weights and buffers; what two components share counts once."""
    seen: dict[int, int] = {}
    for component in getattr(pipeline, "components", {}).values():
        if isinstance(component, torch.nn.Module):
            for tensor in (*component.parameters(), *component.buffers()):
                seen[tensor.data_ptr()] = tensor.nbytes
    return sum(seen.values())
