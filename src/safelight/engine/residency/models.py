"""The models of one device, within a budget of memory: brought beside the drawing, put away when others need the room.

Least recently used goes first, to the host's memory as long as that has room; what is being drawn with, and what the
operator pinned, stays. A model that is put away keeps what was learned about it and comes back when the next job wants
it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from safelight.contract.costs import CostPoint, Costs
from safelight.contract.errors import ModelLoadError
from safelight.contract.messages import Event, ModelFailed, ModelLoading, ModelReady, ModelSpec
from safelight.engine.machine.team_size import workers_that_serve_best
from safelight.engine.output.previews import Previewer
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.residency.host_memory import HostMemory
from safelight.engine.residency.load_times import LoadTimes
from safelight.engine.residency.loader import Load, Loaded, Loader, LoadOutcome, LoadPlan, Unload

log = logging.getLogger(__name__)


@dataclass
class ModelSlot:
    """A model on offer. `model` is None while it cannot draw, `resting` not None while it is in the host's memory,
    `error` why it cannot be loaded; `by_threads` is what was measured with so many threads, `bytes` as measured or
    weighed, 0 while unknown. `drew`: it has drawn a picture; `on_trial`: it is being seen whether it can, or was."""

    spec: ModelSpec
    model: LoadedModel | None = None
    resting: LoadedModel | None = None
    error: ModelLoadError | None = None
    previewer: Previewer | None = None
    costs: Costs = field(default_factory=Costs)
    by_threads: tuple[CostPoint, ...] = ()
    bytes: int = 0
    last_used: int = 0
    in_use: int = 0
    drew: bool = False
    on_trial: bool = False


class Models:
    """Only the engine's thread calls. What the `loader` hands over must come back to `take`."""

    def __init__(
        self,
        loader: Loader,
        emit: Callable[[Event], None],
        budget_bytes: int | None = None,
        host: HostMemory | None = None,
        weigh: Callable[[ModelSpec], int] = lambda spec: 0,
        times: LoadTimes | None = None,
    ) -> None:
        self._loader, self._emit = loader, emit
        self._budget, self._weigh = budget_bytes, weigh
        self._host = host or HostMemory()
        self._times = times or LoadTimes()
        self._slots: dict[str, ModelSlot] = {}
        self._wanted: list[str] = []
        self._out = False
        self._loading: str | None = None
        self._returning: str | None = None
        self._uses = count(1)

    def add(self, spec: ModelSpec) -> None:
        """Offer a model, and load it as soon as there is room."""
        self._slots[spec.source] = ModelSlot(spec)
        self.want(spec.source)

    def slot(self, source: str) -> ModelSlot | None:
        """Where that model stands; None for one that was never offered."""
        return self._slots.get(source)

    def want(self, source: str) -> None:
        """A job waits for that model."""
        if source not in self._wanted:
            self._wanted.append(source)
            ahead = [self._loading] if self._loading is not None else []
            self._emit(ModelLoading(source=source, seconds=sum(map(self._expected, [*ahead, *self._wanted]))))
        self.settle()

    def _expected(self, source: str) -> float:
        slot = self._slots[source]
        moved = source in self._host or self._returning == source
        return self._times.expect(source, self._size(slot), moved=moved)

    def _size(self, slot: ModelSlot) -> int:
        """Bytes of a model: as measured when it was here, or else as its files tell."""
        if not slot.bytes:
            slot.bytes = self._weigh(slot.spec)
        return slot.bytes

    def use(self, source: str) -> None:
        """A run of that model begins, or is promised to: the model stays until its `release`."""
        slot = self._slots[source]
        slot.in_use += 1
        slot.last_used = next(self._uses)

    def release(self, source: str) -> None:
        """A run of that model ended; whoever waits for its room may come in."""
        self._slots[source].in_use -= 1
        self.settle()

    @property
    def waits_for_room(self) -> str | None:
        """The model that others have to make room for: no new run of these should begin."""
        return self._wanted[0] if self._wanted and not self._out else None

    def settle(self) -> None:
        """Begin to bring what is wanted next, if there is room or room can be made.

        The size of a model is known once it is here; what is too much together goes as soon as it is idle. While the
        loader is out nothing is begun: what it brings changes everything.
        """
        if self._out:
            return
        going = self._put_away_down_to(0, keep=1)
        while self._wanted and self._has_come(self._slots[self._wanted[0]]):
            self._wanted.pop(0)
        wanted = self._slots[self._wanted[0]] if self._wanted else None
        if wanted is not None:
            going += self._put_away_down_to(self._size(wanted), keep=0)
            wanted = wanted if self._may_come(wanted) else None
        if going or wanted is not None:
            self._send_loader(going, wanted)

    @staticmethod
    def _has_come(slot: ModelSlot) -> bool:
        return slot.model is not None or slot.error is not None

    def _may_come(self, wanted: ModelSlot) -> bool:
        """Whether it fits as far as its size is known; if nothing can go, loading says whether it fits all the same."""
        in_the_way = any(slot.in_use and not slot.spec.pinned for slot in self._here)
        return self._fits(wanted.bytes) or not in_the_way

    def _send_loader(self, going: list[Unload], wanted: ModelSlot | None) -> None:
        self._out = True
        arrival = self._expect_arrival(wanted) if wanted is not None else None
        # The same list: the loader empties it, and nothing here holds on to what it drops.
        going[:0] = self._find_room(going)
        self._loader.start(LoadPlan(going, arrival))

    def _expect_arrival(self, wanted: ModelSlot) -> Load:
        source = self._loading = self._wanted.pop(0)
        self._emit(ModelLoading(source=source, seconds=self._expected(source)))
        # Its room in the host's memory is free from now on, so that two can change places where there is room for one.
        self._host.leave(source)
        resting, wanted.resting = wanted.resting, None
        self._returning = source if resting is not None else None
        return Load(wanted.spec, resting, wanted.previewer, wanted.costs.points)

    def _find_room(self, going: list[Unload]) -> list[Unload]:
        """Decide which of those that go may rest in the host's memory; returns those that have to leave it for them."""
        evicted: list[str] = []
        for departure in going:
            slot = self._slots[departure.source]
            evicted += self._host.admit(slot.spec, slot.bytes, slot.last_used)
        for departure in going:
            departure.to_host = departure.source in self._host
        gone = [self._slots[source] for source in evicted]
        leaving = [Unload(slot.spec.source, slot.resting) for slot in gone if slot.resting is not None]
        for slot in gone:
            slot.resting = None
        return leaving

    def take(self, done: LoadOutcome) -> str | None:
        """What the loader brought, if anything. The caller lets in who waited for it, and then has the models `settle`.
        Nothing must hold on to `done` by then."""
        self._out, self._loading, self._returning = False, None, None
        for source, model in done.resting.items():
            self._slots[source].resting = model
            if model is None:
                self._host.leave(source)
        if done.loaded is None:
            return None
        self._set_down(done.loaded)
        return done.loaded.source

    def _set_down(self, loaded: Loaded) -> None:
        slot = self._slots[loaded.source]
        if isinstance(loaded.result, ModelLoadError):
            slot.error = loaded.result
            self._emit(ModelFailed(source=loaded.source, reason=str(loaded.result)))
            return
        slot.model, slot.previewer = loaded.result, loaded.previewer
        slot.drew = slot.drew or bool(loaded.costs)
        if not loaded.moved:
            slot.costs = Costs(point for point in loaded.costs if not point.threads)
            slot.by_threads = tuple(point for point in loaded.costs if point.threads)
        slot.bytes = loaded.result.bytes
        slot.last_used = next(self._uses)
        self._times.note(loaded.source, loaded.ready_seconds, slot.bytes, moved=loaded.moved)
        if not self._fits(0):
            log.warning("the models in memory take %d bytes, the budget is %d", self._used, self._budget)
        self._emit(
            ModelReady(
                source=loaded.source,
                fingerprint=loaded.result.fingerprint,
                device=loaded.result.device,
                steps=loaded.result.steps,
                seconds=loaded.seconds,
                costs=slot.costs.points,
                workers=workers_that_serve_best(slot.by_threads, slot.bytes),
                bytes=slot.bytes,
                moved=loaded.moved,
            )
        )

    def fail(self, source: str, error: ModelLoadError) -> None:
        """A model is here and cannot draw. Nothing draws with it any more."""
        slot = self._slots[source]
        slot.model = slot.previewer = None
        slot.error = error
        self._emit(ModelFailed(source=source, reason=str(error)))
        self.settle()

    def close(self) -> None:
        """Wait for the loader."""
        self._loader.close()

    def _fits(self, more: int) -> bool:
        return self._budget is None or self._used + more <= self._budget

    def _put_away_down_to(self, more: int, *, keep: int) -> list[Unload]:
        """Put the least recently used away until there is room for `more` bytes, or `keep` are left, or all in use."""
        going = []
        while not self._fits(more) and len(self._here) > keep:
            idle = [slot for slot in self._here if slot.in_use == 0 and not slot.spec.pinned]
            if not idle:
                break
            going.append(self._put_away(min(idle, key=lambda slot: slot.last_used)))
        return going

    @staticmethod
    def _put_away(slot: ModelSlot) -> Unload:
        assert slot.model is not None  # it is here
        departure, slot.model = Unload(slot.spec.source, slot.model), None
        return departure

    @property
    def _here(self) -> list[ModelSlot]:
        return [slot for slot in self._slots.values() if slot.model is not None]

    @property
    def _used(self) -> int:
        return sum(slot.bytes for slot in self._here)
