"""Where a model stands: a state machine, with what is known of the model whatever its state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from safelight.contract.errors import ModelLoadError
from safelight.contract.models.costs import CostPoint, Costs
from safelight.engine.output.previews import Previewer
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.residency.handle import Handle
from safelight.protocol.messages import ModelSpec


class State(Enum):
    """Of a model on offer. `LOADING` may be from the host's memory, `LEAVING` is going there or for good."""

    ABSENT = "absent"
    LOADING = "loading"
    HERE = "here"
    LEAVING = "leaving"
    RESTING = "resting"
    FAILED = "failed"


_NEXT = {
    State.ABSENT: {State.LOADING},
    State.LOADING: {State.HERE, State.FAILED},
    State.HERE: {State.LEAVING, State.FAILED},  # loaded, and it turned out that it cannot draw
    State.LEAVING: {State.RESTING, State.ABSENT},
    State.RESTING: {State.LOADING, State.LEAVING},
    State.FAILED: set[State](),
}


@dataclass
class Known:
    """What was learned of a model; it stays when the model is put away.

    `bytes` as measured or weighed, 0 while unknown. `by_threads` is what was measured with so many threads. `ability`:
    whether it has drawn a picture, or is being seen whether it can, or was found unable to.
    """

    bytes: int = 0
    costs: Costs = field(default_factory=Costs)
    by_threads: tuple[CostPoint, ...] = ()
    previewer: Previewer | None = None
    ability: Literal["unknown", "on trial", "drew"] = "unknown"

    def measured(self, points: Iterable[CostPoint]) -> None:
        """A warm-up's measurements in place of what was known."""
        points = tuple(points)
        self.costs = Costs(point for point in points if not point.threads)
        self.by_threads = tuple(point for point in points if point.threads)


@dataclass
class ModelSlot:
    """A model on offer. It owns the model's memory by its `handle`, which there is in every state but absent, failed
    and a first loading. `error` says why it failed; `in_use` counts the runs that it must stay for.
    """

    spec: ModelSpec
    known: Known = field(default_factory=Known)
    state: State = State.ABSENT
    handle: Handle | None = None
    error: ModelLoadError | None = None
    in_use: int = 0
    last_used: int = 0

    @property
    def source(self) -> str:
        return self.spec.source

    @property
    def model(self) -> LoadedModel | None:
        """The model while it can draw, else None."""
        return self.handle.model if self.state is State.HERE and self.handle is not None else None

    @property
    def has_come(self) -> bool:
        """Nobody has to wait any longer: the model is here, or will never be."""
        return self.state in (State.HERE, State.FAILED)

    @property
    def is_moving(self) -> bool:
        """The loader has it."""
        return self.state in (State.LOADING, State.LEAVING)

    @property
    def may_go(self) -> bool:
        """It is here, idle, and the operator did not pin it."""
        return self.state is State.HERE and not self.in_use and not self.spec.pinned

    def arrive(self, handle: Handle) -> None:
        """Its model can draw from now on."""
        self.go_to(State.HERE)
        self.handle = handle

    def fail(self, error: ModelLoadError) -> None:
        """It cannot draw, and will not be tried again. Its memory is given back."""
        self.go_to(State.FAILED)
        self.error, self.known.previewer = error, None
        self.drop()

    def drop(self) -> None:
        """Give back whatever memory it has."""
        handle, self.handle = self.handle, None
        if handle is not None:
            handle.release()

    def go_to(self, state: State) -> None:
        """Take a step of the state machine; any other is a fault of the caller."""
        if state not in _NEXT[self.state]:
            raise RuntimeError(f"A model that is {self.state.value} cannot become {state.value}.")
        self.state = state
