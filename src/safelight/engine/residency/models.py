"""The models of one device, within a budget of memory: brought beside the drawing, put away when others need the room.

Least recently used goes first, to the host's memory as long as that has room; what is being drawn with, and what the
operator pinned, stays. A model that is put away keeps what was learned about it and comes back when the next job wants
it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import count

from safelight.contract.errors import ModelLoadError
from safelight.engine.machine.cpu.team_size import workers_that_serve_best
from safelight.engine.residency.host_memory import HostMemory
from safelight.engine.residency.load_times import LoadTimes
from safelight.engine.residency.loader import Load, Loaded, Loader, LoadOutcome, LoadPlan, Unload
from safelight.engine.residency.room import Room
from safelight.engine.residency.slot import ModelSlot, State
from safelight.protocol.messages import Event, ModelFailed, ModelLoading, ModelReady, ModelSpec

log = logging.getLogger(__name__)


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
        self._weigh = weigh
        self._host = host or HostMemory()
        self._times = times or LoadTimes()
        self._slots: dict[str, ModelSlot] = {}
        self._room = Room(self._slots, budget_bytes)
        self._wanted: list[str] = []
        self._uses = count(1)

    def add(self, spec: ModelSpec) -> None:
        """Offer a model, and load it as soon as there is room."""
        self._slots[spec.source] = ModelSlot(spec)
        self.want(spec.source)

    def slot(self, source: str) -> ModelSlot | None:
        """Where that model stands; None for one that was never offered."""
        return self._slots.get(source)

    def want(self, source: str) -> bool:
        """A job waits for that model. False: that changes nothing, since it is wanted, comes, is here or failed."""
        slot = self._slots[source]
        if source in self._wanted or slot.has_come or slot.state is State.LOADING:
            return False
        self._wanted.append(source)
        ahead = [slot.source for slot in self._slots.values() if slot.state is State.LOADING]
        self._emit(ModelLoading(source=source, seconds=sum(map(self._expected, [*ahead, *self._wanted]))))
        self.settle()
        return True

    def _expected(self, source: str) -> float:
        slot = self._slots[source]
        moved = source in self._host or (slot.state is State.LOADING and slot.handle is not None)
        return self._times.expect(source, self._size(slot), moved=moved)

    def _size(self, slot: ModelSlot) -> int:
        """Bytes of a model: as measured when it was here, or else as its files tell."""
        if not slot.known.bytes:
            slot.known.bytes = self._weigh(slot.spec)
        return slot.known.bytes

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
        return self._wanted[0] if self._wanted and not self._is_loader_out else None

    @property
    def _is_loader_out(self) -> bool:
        return any(slot.is_moving for slot in self._slots.values())

    def settle(self) -> None:
        """Begin to bring what is wanted next, if there is room or room can be made.

        The size of a model is known once it is here; what is too much together goes as soon as it is idle. While the
        loader is out nothing is begun: what it brings changes everything.
        """
        if self._is_loader_out:
            return
        going = self._room.make(0, keep=1)
        while self._wanted and self._slots[self._wanted[0]].has_come:
            self._wanted.pop(0)
        wanted = self._slots[self._wanted[0]] if self._wanted else None
        if wanted is not None:
            going += self._room.make(self._size(wanted), keep=0)
            wanted = wanted if self._room.may_take(wanted) else None
        if going or wanted is not None:
            self._send_loader(going, wanted)

    def _send_loader(self, going: list[ModelSlot], wanted: ModelSlot | None) -> None:
        arrival = self._expect_arrival(wanted) if wanted is not None else None
        self._loader.start(LoadPlan(self._departures(going), arrival))

    def _expect_arrival(self, wanted: ModelSlot) -> Load:
        self._wanted.remove(wanted.source)
        self._emit(ModelLoading(source=wanted.source, seconds=self._expected(wanted.source), begun=True))
        wanted.go_to(State.LOADING)
        # Its room in the host's memory is free from now on, so that two can change places where there is room for one.
        self._host.leave(wanted.source)
        seconds = self._times.expect(wanted.source, self._size(wanted))  # should it not come back whole, it is loaded
        return Load(wanted.spec, seconds, wanted.handle, wanted.known.previewer, wanted.known.costs.points)

    def _departures(self, going: list[ModelSlot]) -> tuple[Unload, ...]:
        """Those that go, to the host's memory if it has room for them; first those that have to leave it for them."""
        evicted: list[ModelSlot] = []
        for slot in going:
            sources = self._host.admit(slot.spec, slot.known.bytes, slot.last_used)
            evicted += [self._slots[source] for source in sources]
        resting = [slot for slot in evicted if slot.state is State.RESTING]
        for slot in resting:
            slot.go_to(State.LEAVING)
        return tuple(self._departure(slot) for slot in (*resting, *going))

    def _departure(self, slot: ModelSlot) -> Unload:
        assert slot.handle is not None  # it is here, or in the host's memory
        return Unload(slot.source, slot.handle, to_host=slot.source in self._host)

    def take(self, done: LoadOutcome) -> str | None:
        """What the loader brought, if anything. The caller tells who waited for it, then has the models `settle`."""
        for slot in self._slots.values():
            if slot.state is State.LEAVING:
                self._see_gone(slot, rests=slot.source in done.resting)
        if done.loaded is None:
            return None
        self._set_down(self._slots[done.loaded.source], done.loaded)
        return done.loaded.source

    def _see_gone(self, slot: ModelSlot, *, rests: bool) -> None:
        slot.go_to(State.RESTING if rests else State.ABSENT)
        if not rests:
            slot.handle = None  # released by the loader
            self._host.leave(slot.source)

    def _set_down(self, slot: ModelSlot, loaded: Loaded) -> None:
        if isinstance(loaded.result, ModelLoadError):
            self._fail(slot, loaded.result)
            return
        slot.arrive(loaded.result)
        model, known = loaded.result.model, slot.known
        known.previewer, known.bytes = loaded.previewer, model.bytes
        if loaded.costs:
            known.ability = "drew"
        if not loaded.moved:
            known.measured(loaded.costs)
        slot.last_used = next(self._uses)
        self._times.note(slot.source, loaded.ready_seconds, known.bytes, moved=loaded.moved)
        if not self._room.fits(0):
            log.warning("the models in memory take %d bytes, the budget is %d", self._room.used, self._room.budget)
        self._emit(
            ModelReady(
                source=slot.source,
                fingerprint=model.fingerprint,
                device=model.device,
                steps=model.steps,
                seconds=loaded.seconds,
                costs=known.costs.points,
                workers=workers_that_serve_best(known.by_threads, known.bytes),
                bytes=known.bytes,
                moved=loaded.moved,
            )
        )

    def fail(self, source: str, error: ModelLoadError) -> None:
        """A model is here and cannot draw. Nothing draws with it any more."""
        self._fail(self._slots[source], error)
        self.settle()

    def _fail(self, slot: ModelSlot, error: ModelLoadError) -> None:
        slot.fail(error)
        self._emit(ModelFailed(source=slot.source, reason=str(error)))

    def close(self) -> None:
        """Wait for the loader."""
        self._loader.close()
