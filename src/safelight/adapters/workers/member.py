"""A place in the pool: the worker that fills it now, what that one can draw and is drawing."""

# Tested in tests/adapters/workers/test_pool.py.

from __future__ import annotations

from time import monotonic

from safelight.adapters.processes.process_memory import memory_of
from safelight.adapters.throughput import Throughput
from safelight.adapters.workers.patience import Trouble, overdue
from safelight.adapters.workers.pending import PendingOrder
from safelight.adapters.workers.processes.process import WorkerProcess
from safelight.contract.models.traits import Traits
from safelight.protocol.messages import EncoderFailed, EncoderReady, ModelFailed, ModelReady, Pong
from safelight.scheduling.line import Verdict
from safelight.scheduling.places import Places
from safelight.service.ports.engine import Where, WorkerState

# A worker whose reader thread does not answer for this long is stuck in the kernel or stopped.
_PING_PATIENCE_SECONDS = 60.0


class Member:
    """`fruitless_starts` counts deaths since an order last ended, `failed_starts` those since it last named a model."""

    def __init__(self, number: int, most_in_hand: int) -> None:
        self.number = number
        self.worker: WorkerProcess | None = None
        self.models: dict[str, ModelReady | ModelFailed] = {}
        self.encoders: dict[str, EncoderReady | EncoderFailed] = {}
        self.resting: dict[str, Where] = {}
        self.loading: str | None = None  # the model that its worker brings just now
        self.ready_at: dict[str, float] = {}  # when a model that is loaded is expected, on the monotonic clock
        self.traits: dict[str, Traits] = {}
        self.pending: dict[str, PendingOrder] = {}
        self.places = Places(lambda: most_in_hand, lambda source: self.where(source) == "device")
        self.fruitless_starts = 0
        self.failed_starts = 0
        self.last_heard = 0.0
        self.stuck: Trouble | None = None  # why its worker is being ended
        self.sharers = 1  # among how many the cores are shared, as its worker was told
        self.device_bytes = 0
        self.device_percent: int | None = None
        self.throughput = Throughput()

    def can_draw(self, source: str) -> bool:
        """Whether it has that model or sentence encoder, be it put away."""
        said = self.models.get(source) or self.encoders.get(source)
        return self.worker is not None and isinstance(said, ModelReady | EncoderReady)

    def where(self, source: str) -> Where:
        """Where the weights of a model are that it can draw."""
        return self.resting.get(source, "device") if self.can_draw(source) else "none"

    def state(self) -> WorkerState | None:
        """How its worker stands; None while it has none."""
        if self.worker is None:
            return None
        ready = [event for event in self.models.values() if isinstance(event, ModelReady)]
        return WorkerState(
            number=self.number,
            device=ready[0].device if ready else None,
            host_bytes=memory_of(self.worker.pid),
            device_bytes=self.device_bytes,
            device_percent=self.device_percent,
            where={event.source: self.where(event.source) for event in ready},
            per_minute=self.throughput.per_minute(),
        )

    def judge(self, entry: PendingOrder) -> Verdict:
        """Whether it takes that order now. Beside a suspect it takes nothing."""
        if not self.can_draw(entry.order.source):
            return "not yet"
        if any(other.suspect for other in self.pending.values()):
            return "full"
        return self.places.judge(entry.order.share.group, entry.order.share.weight, entry.order.source)

    def take(self, entry: PendingOrder) -> None:
        """That order is in its hands now."""
        self.pending[entry.order.id] = entry
        self.places.take(entry.order.id, entry.order.share.group, entry.order.share.weight, entry.order.source)

    def release(self, job_id: str) -> PendingOrder | None:
        """That order has ended there; None if it was not there."""
        self.places.leave(job_id)
        return self.pending.pop(job_id, None)

    def reported(self, event: ModelReady | ModelFailed) -> None:
        """Its worker has that model, or never will."""
        self.models[event.source] = event
        self.resting.pop(event.source, None)
        self.ready_at.pop(event.source, None)
        self.loading = None if self.loading == event.source else self.loading
        self.failed_starts = 0

    def on_worker_exit(self) -> list[PendingOrder]:
        """Its worker is gone, and nothing is known any more. Returns what that one had in its hands."""
        if not self.models:
            self.failed_starts += 1
        self.sharers, self.device_bytes, self.device_percent, self.loading = 1, 0, None, None
        self.models.clear()
        self.encoders.clear()
        self.resting.clear()
        self.ready_at.clear()
        return [entry for job_id in list(self.pending) if (entry := self.release(job_id)) is not None]

    def trouble(self, pong: Pong | None = None) -> Trouble | None:
        """Why its worker is of no use any more, by what it said last and when; None while it is."""
        silent = monotonic() - self.last_heard
        if silent >= _PING_PATIENCE_SECONDS:
            return Trouble(f"it has not answered for {silent:.0f} s")
        return overdue(pong.stages) if pong is not None else None
