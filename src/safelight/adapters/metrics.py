"""Prometheus metrics behind the `Telemetry` port. Labels are ids and codes, never text that a caller wrote."""

# Tested in tests/api/test_routes.py.

from __future__ import annotations

import platform
from functools import singledispatchmethod
from pathlib import PurePath

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

from safelight import __version__
from safelight.adapters.process_memory import memory_of_all
from safelight.contract.hub import HubName
from safelight.contract.stages import STAGES
from safelight.service.ports.telemetry import (
    Answered,
    DiskFree,
    Drawn,
    Estimated,
    Fact,
    LedgerLost,
    LogDropped,
    ModelLoaded,
    Queue,
    Rejected,
    RemovedForRoom,
    Standing,
    WorkerRestarted,
)

# A series with the time of creation beside each counter: half of the page, and nobody asks for it.
disable_created_metrics()  # type: ignore[no-untyped-call]

# From a cached picture of a small model to a large one at the end of a full queue.
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0)


class PrometheusTelemetry:
    """Fills the `Telemetry` port with a registry of its own, so that several servers can live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._make_service_metrics()
        self._make_drawing_metrics()
        self._make_standing_metrics()
        info = Gauge(
            "safelight_build_info", "Always 1; the labels say what runs.", ["version", "python"], registry=self.registry
        )
        info.labels(version=__version__, python=platform.python_version()).set(1)

    def _make_service_metrics(self) -> None:
        registry = self.registry
        self._requests = Counter(
            "safelight_requests_total",
            "Answers by route, method and status.",
            ["route", "method", "status"],
            registry=registry,
        )
        self._request_seconds = Histogram(
            "safelight_request_seconds",
            "Time from a request's head to its answer.",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._rejections = Counter(
            "safelight_rejections_total", "Requests refused, by error code.", ["code"], registry=registry
        )
        self._log_dropped = Counter(
            "safelight_log_lines_dropped_total", "Log lines that nobody read in time.", registry=registry
        )
        self._ledger_lost = Counter(
            "safelight_ledger_lost_total", "Ledger entries that could not be written.", registry=registry
        )
        self._disk_free = Gauge(
            "safelight_disk_free_bytes", "What the disk of a folder still takes.", ["disk"], registry=registry
        )
        self._removed_for_room = Counter(
            "safelight_removed_for_room_total",
            "Files of the trash, and jobs, that went because a disk was nearly full.",
            registry=registry,
        )

    def _make_drawing_metrics(self) -> None:
        registry = self.registry
        self._drawings = Counter(
            "safelight_drawings_total", "Accepted requests by how they ended.", ["model", "outcome"], registry=registry
        )
        self._depth = Gauge("safelight_queue_depth", "Jobs that wait for a worker.", registry=registry)
        self._running = Gauge("safelight_jobs_running", "Jobs that are with a worker.", registry=registry)
        self._oldest = Gauge("safelight_queue_age_seconds", "Age of the oldest unfinished job.", registry=registry)
        self._work = Gauge("safelight_queue_work_seconds", "Seconds of work accepted and not done.", registry=registry)
        self._stages = Histogram(
            "safelight_stage_seconds",
            f"Time of a picture's stages: queue, wait, {', '.join(STAGES)}, image_encode.",
            ["model", "stage"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._step_seconds = Histogram(
            "safelight_step_seconds",
            "Time of one denoising step.",
            ["model"],
            buckets=(0.005, 0.01, 0.02, *_SECONDS),
            registry=registry,
        )
        self._estimates = Histogram(
            "safelight_estimate_error_ratio",
            "How far the seconds expected of a picture at its admission were from those it took, relative to these.",
            ["model"],
            buckets=(0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0),
            registry=registry,
        )
        self._load_seconds = Gauge(
            "safelight_model_load_seconds", "How long the last load took.", ["source"], registry=registry
        )
        self._restarts = Counter("safelight_worker_restarts_total", "Workers that died.", registry=registry)

    def _make_standing_metrics(self) -> None:
        """How things stand when the metrics are read."""
        registry = self.registry
        self._models = Gauge(
            "safelight_model_status",
            "1 for the status of each model: loading, ready, failed; 0 for the others.",
            ["model", "status"],
            registry=registry,
        )
        self._model_bytes = Gauge(
            "safelight_model_bytes",
            "What the weights of a model take where it is loaded.",
            ["model"],
            registry=registry,
        )
        self._workers = Gauge("safelight_workers", "Worker processes that live.", registry=registry)
        self._draining = Gauge("safelight_draining", "1 while the server drains, else 0.", registry=registry)
        self._jobs_waiting = Gauge(
            "safelight_durable_jobs_waiting", "Durable jobs that wait in the store for their turn.", registry=registry
        )
        self._jobs_drawn = Gauge(
            "safelight_durable_jobs_running", "Durable jobs that are being drawn.", registry=registry
        )
        self._files = Gauge(
            "safelight_files_bytes", "What all kept jobs weigh, by the last round of a minute.", registry=registry
        )
        self._budget = Gauge("safelight_files_budget_bytes", "How much they may (keep_gigabytes).", registry=registry)
        self._memory = Gauge(
            "safelight_memory_bytes", "Resident memory of the server's process and its workers'.", registry=registry
        )

    def note(self, fact: Fact) -> None:
        """Count something that has happened, or see how things stand."""
        self._note(fact)

    @singledispatchmethod
    def _note(self, fact: Fact) -> None:
        raise TypeError(f"{type(fact).__name__} is no fact that is counted.")

    @_note.register
    def _(self, now: Standing) -> None:
        for model, status in now.models.items():
            for each in ("loading", "ready", "failed"):
                self._models.labels(model=model, status=each).set(each == status)
        for model, size in now.model_bytes.items():
            self._model_bytes.labels(model=model).set(size)
        self._workers.set(now.workers)
        self._draining.set(now.draining)
        self._jobs_waiting.set(now.jobs_waiting)
        self._jobs_drawn.set(now.jobs_running)
        self._files.set(now.files_bytes)
        self._budget.set(now.files_budget_bytes)
        self._memory.set(memory_of_all())

    @_note.register
    def _(self, sent: Answered) -> None:
        self._requests.labels(route=sent.route, method=sent.method, status=str(sent.status)).inc()
        self._request_seconds.labels(route=sent.route).observe(sent.seconds)

    @_note.register
    def _(self, refused: Rejected) -> None:
        self._rejections.labels(code=refused.code).inc()

    @_note.register
    def _(self, drawn: Drawn) -> None:
        self._drawings.labels(model=drawn.model, outcome=drawn.outcome).inc()
        self._stages.labels(model=drawn.model, stage="queue").observe(drawn.queue_seconds)
        if drawn.timings is None:
            return
        times = {stage: drawn.timings.of(stage) for stage in STAGES}
        for stage, took in (
            {"wait": drawn.timings.wait} | times | {"image_encode": drawn.timings.image_encode}
        ).items():
            self._stages.labels(model=drawn.model, stage=stage).observe(took)
        for seconds in drawn.timings.steps:
            self._step_seconds.labels(model=drawn.model).observe(seconds)

    @_note.register
    def _(self, estimated: Estimated) -> None:
        if estimated.seconds > 0:
            error = abs(estimated.expected_seconds - estimated.seconds) / estimated.seconds
            self._estimates.labels(model=estimated.model).observe(error)

    @_note.register
    def _(self, queue: Queue) -> None:
        self._depth.set(queue.depth)
        self._running.set(queue.running)
        self._oldest.set(queue.oldest_seconds)
        self._work.set(queue.work_seconds)

    @_note.register
    def _(self, loaded: ModelLoaded) -> None:
        """Of a folder or file only its own name is told: a path is nobody's business."""
        source = loaded.source if HubName.read(loaded.source) else PurePath(loaded.source).name
        self._load_seconds.labels(source=source).set(loaded.seconds)

    @_note.register
    def _(self, restarted: WorkerRestarted) -> None:
        self._restarts.inc()

    @_note.register
    def _(self, dropped: LogDropped) -> None:
        self._log_dropped.inc(dropped.lines)

    @_note.register
    def _(self, lost: LedgerLost) -> None:
        self._ledger_lost.inc(lost.entries)

    @_note.register
    def _(self, disk: DiskFree) -> None:
        self._disk_free.labels(disk=disk.disk).set(disk.free)

    @_note.register
    def _(self, gone: RemovedForRoom) -> None:
        self._removed_for_room.inc(gone.removed)

    def render(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self.registry)
