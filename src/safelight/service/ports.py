"""What the use cases need from outside, as protocols of a handful of methods; `adapters` holds what fills them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from safelight.contract.costs import CostPoint
from safelight.contract.messages import Job, JobEvent, Timings
from safelight.contract.traits import Traits

Where = Literal["device", "host", "none"]
NEAREST_FIRST: tuple[Where, ...] = ("device", "host", "none")
"""Where a model's weights are: on the device that draws, in the host's memory beside it, or in its files alone."""


class ModelState(msgspec.Struct, frozen=True, kw_only=True):
    """How a model stands in the engine. `reason` says why it failed, fit for callers; `traits` come before
    `ready`, `costs` and the `bytes` of its weights with it. A model that is ready and not on the device (`where`)
    was put away for others, and is brought back by the next request for it. `ready_in_seconds` says of one that is
    loaded when it is expected, as far as that is known."""

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

    @property
    def resident(self) -> bool:
        """Its weights are on a device."""
        return self.where == "device"


class EngineState(msgspec.Struct, frozen=True, kw_only=True):
    """`workers` counts the live processes; `queued` jobs wait for their first turn, `running` have had it."""

    models: tuple[ModelState, ...]
    workers: int
    queued: int
    running: int
    restarts: int

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

    def submit(self, job: Job) -> AsyncIterator[JobEvent]:
        """Draw a job. The events end with exactly one of `Finished`, `Failed`, `Cancelled`.

        A job may be submitted while the model still loads: it waits. Leaving the iterator early does not cancel.
        """

    def cancel(self, job_id: str) -> None:
        """Stop that job at its next step; it then ends as `Cancelled`. Unknown ids are ignored."""

    def watch(self, job_id: str, longest: int) -> None:
        """From now on tell previews of that job too, at most `longest` pixels a side; 0: no more."""

    def state(self) -> EngineState:
        """How things stand now."""

    def changed(self) -> Awaitable[object]:
        """Done when a model's status changes after this call, however long one takes to begin to wait for it."""


class KeyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is kept: never the key itself. Times are Unix seconds; `models` None allows every model.

    `weight` is how much of a device it has beside other keys that want it at the same time.
    """

    id: str
    name: str
    hint: str
    created: int
    revoked: int | None = None
    models: tuple[str, ...] | None = None
    weight: float = 1.0


class KeyStore(Protocol):
    """Where keys live. Every change is on disk when the call returns (power may fail right after)."""

    async def add(self, record: KeyRecord, digest: bytes) -> None:
        """Keep a key under the SHA-256 of its text.

        Raises:
            ConfigurationError: there is one with that id or that text, or it cannot be kept.
        """

    async def by_digest(self, digest: bytes) -> KeyRecord | None:
        """The key with that SHA-256, revoked ones included."""

    async def by_id(self, key_id: str) -> KeyRecord | None:
        """The key with that id, revoked ones included."""

    async def all(self) -> Sequence[KeyRecord]:
        """Every key, oldest first."""

    async def revoke(self, key_id: str, when: int) -> KeyRecord | None:
        """Mark as revoked; None if there is no such key. Revoking twice keeps the first time."""


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One request as the ledger keeps it: no prompt text. `time` is Unix seconds; durations are seconds."""

    request_id: str
    time: float
    key_id: str
    model: str
    drawn_by: str
    outcome: str
    seed: int | None
    width: int
    height: int
    output_format: str
    image_bytes: int
    total_seconds: float
    queue_seconds: float
    timings: Timings | None = None


class Ledger(Protocol):
    """The book of requests. Writing never delays or fails a request."""

    def write(self, entry: LedgerEntry) -> None:
        """Note an entry; it reaches the disk soon, and at the latest on `close`. After that none is kept."""

    async def close(self) -> None:
        """Write out what is pending. Again does nothing."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How the server stands. `models` are statuses and `model_bytes` the weights of those that are loaded, by id."""

    models: Mapping[str, str]
    model_bytes: Mapping[str, int]
    workers: int
    draining: bool
    jobs_waiting: int
    jobs_running: int
    files_bytes: int
    files_budget_bytes: int


class Telemetry(Protocol):
    """Counts and durations. Labels are ids and codes, never text that a caller wrote."""

    def request(self, *, route: str, method: str, status: int, seconds: float) -> None: ...

    def rejected(self, *, code: str) -> None: ...

    def drawn(self, *, model: str, outcome: str, queue_seconds: float, timings: Timings | None) -> None: ...

    def estimated(self, *, model: str, expected_seconds: float, seconds: float) -> None: ...

    def queue(self, *, depth: int, running: int, oldest_seconds: float, work_seconds: float) -> None: ...

    def standing(self, now: Standing) -> None: ...

    def model_loaded(self, *, source: str, seconds: float) -> None: ...

    def worker_restarted(self) -> None: ...

    def ledger_lost(self, *, entries: int) -> None: ...

    def disk_free(self, *, disk: str, free: int) -> None: ...
