"""What draws, as the use cases see it."""

# Tested in tests/contracts/test_engine_port.py.

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Mapping
from typing import Literal, Protocol

import msgspec

from safelight.contract.models.costs import CostPoint
from safelight.contract.models.traits import Traits
from safelight.contract.requests.order import Order
from safelight.contract.requests.sentences import EmbedOrder
from safelight.protocol.messages import JobEvent

Where = Literal["device", "host", "none"]
NEAREST_FIRST: tuple[Where, ...] = ("device", "host", "none")
"""Where a model's weights are: on the device that draws, in the host's memory beside it, or in its files alone."""


class ModelState(msgspec.Struct, frozen=True, kw_only=True):
    """How a model stands in the engine. `reason` says why it failed, fit for callers; `traits` come before
    `ready`, `costs` and the `bytes` of its weights with it. A model that is ready and not on the device (`where`)
    was put away for others, and is brought back by the next request for it. `ready_in_seconds` says of one that is
    loaded when it is expected, as far as that is known. `dimensions` is how many numbers a sentence encoder gives, once
    it is ready. `fingerprints` are all that it has on several machines; `fingerprint` is one of them."""

    source: str
    status: Literal["loading", "ready", "failed"]
    reason: str | None = None
    fingerprint: str | None = None
    device: str | None = None
    steps: int | None = None
    load_seconds: float | None = None
    ready_in_seconds: float | None = None
    traits: Traits | None = None
    costs: tuple[CostPoint, ...] = ()
    bytes: int | None = None
    where: Where = "none"
    dimensions: int | None = None
    fingerprints: tuple[str, ...] = ()

    @property
    def all_fingerprints(self) -> tuple[str, ...]:
        """Those of all machines that have it, in order; of one that stands alone, its own, once it is ready."""
        alone = (self.fingerprint,) if self.fingerprint is not None and self.status == "ready" else ()
        return self.fingerprints or alone

    @property
    def resident(self) -> bool:
        """Its weights are on a device."""
        return self.where == "device"


class WorkerState(msgspec.Struct, frozen=True, kw_only=True):
    """How one worker stands. `device` is None until a model is ready there. `host_bytes` is the resident memory of its
    process, `device_bytes` what it holds of an accelerator's memory, `device_percent` how much that computes, None
    where nobody says. `where` says of each source that it can draw where the weights are, `per_minute`
    how many pictures of it come a minute, over the last minutes."""

    number: int
    device: str | None
    host_bytes: int
    device_bytes: int
    device_percent: int | None = None
    where: Mapping[str, Where]
    per_minute: Mapping[str, float]


class EngineState(msgspec.Struct, frozen=True, kw_only=True):
    """`workers` counts the live processes; `queued` jobs wait for their first turn, `running` have had it. `away` says,
    fit for callers, why nothing that draws can be reached just now; empty: it can."""

    models: tuple[ModelState, ...]
    workers: int
    queued: int
    running: int
    restarts: int
    away: str = ""

    def model(self, source: str) -> ModelState:
        """How that model stands; one nobody reported on is loading."""
        for state in self.models:
            if state.source == source:
                return state
        return ModelState(source=source, status="loading")


class Engine(Protocol):
    """Whatever draws: local worker processes, the shipped fake, later a cluster."""

    async def start(self) -> None:
        """Begin to load; returns at once."""

    async def stop(self) -> None:
        """End every process; jobs that are still there, or come later, end as `Cancelled`."""

    def submit(self, order: Order) -> AsyncIterator[JobEvent]:
        """Draw a job. The events end with exactly one of `Finished`, `Failed`, `Cancelled`.

        A job may be submitted while the model still loads: it waits. Leaving the iterator early does not cancel.
        Whoever draws one that is to be alone is given nothing else meanwhile. One that was begun before, with a certain
        fingerprint, waits for that where machines have several, as long as it would for a model, and is then drawn by
        any. `Started` names the fingerprint each time that it is begun.

        Raises:
            Unavailable: nothing that draws could be reached for long; while events are read.
        """

    def embed(self, order: EmbedOrder) -> AsyncIterator[JobEvent]:
        """Turn texts into vectors, in the same line as pictures. The events end with exactly one of `Embedded`,
        `Failed`, `Cancelled`. A text has the same vector whatever others come with it.
        """

    def cancel(self, job_id: str) -> None:
        """Stop that job at its next step; it then ends as `Cancelled`. Unknown ids are ignored."""

    def watch(self, job_id: str, longest: int) -> None:
        """From now on tell previews of that job too, at most `longest` pixels a side; 0: no more."""

    def state(self) -> EngineState:
        """How things stand now."""

    def worker_states(self) -> tuple[WorkerState, ...]:
        """How each live worker stands now. It asks the system, so it is for people who ask."""

    def changed(self) -> Awaitable[object]:
        """Done when a model's status changes after this call, however long one takes to begin to wait for it."""
