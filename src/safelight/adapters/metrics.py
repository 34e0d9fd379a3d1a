"""Prometheus metrics behind the `Telemetry` port. Labels are ids and codes, never text that a caller wrote."""

# Tested in tests/api/test_routes.py.

from __future__ import annotations

import platform
from pathlib import PurePath

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

from safelight import __version__
from safelight.adapters.process_memory import memory_of_all
from safelight.contract.hub import HubName
from safelight.contract.messages import Timings
from safelight.service.ports.telemetry import Standing

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
            "Time of a picture's stages: queue, wait, encode_prompt, denoise, decode, image_encode.",
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

    def standing(self, now: Standing) -> None:
        """How things stand; called when the metrics are read."""
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

    def request(self, *, route: str, method: str, status: int, seconds: float) -> None:
        """An answer was sent. `route` is the pattern, not the path."""
        self._requests.labels(route=route, method=method, status=str(status)).inc()
        self._request_seconds.labels(route=route).observe(seconds)

    def rejected(self, *, code: str) -> None:
        """A request was refused."""
        self._rejections.labels(code=code).inc()

    def drawn(self, *, model: str, outcome: str, queue_seconds: float, timings: Timings | None) -> None:
        """An accepted request ended."""
        self._drawings.labels(model=model, outcome=outcome).inc()
        self._stages.labels(model=model, stage="queue").observe(queue_seconds)
        if timings is None:
            return
        for stage in ("wait", "encode_prompt", "denoise", "decode", "image_encode"):
            self._stages.labels(model=model, stage=stage).observe(getattr(timings, stage))
        for seconds in timings.steps:
            self._step_seconds.labels(model=model).observe(seconds)

    def estimated(self, *, model: str, expected_seconds: float, seconds: float) -> None:
        """A picture took so long; this is what its admission counted with."""
        if seconds > 0:
            self._estimates.labels(model=model).observe(abs(expected_seconds - seconds) / seconds)

    def queue(self, *, depth: int, running: int, oldest_seconds: float, work_seconds: float) -> None:
        """How the queue stands; called when the metrics are read."""
        self._depth.set(depth)
        self._running.set(running)
        self._oldest.set(oldest_seconds)
        self._work.set(work_seconds)

    def model_loaded(self, *, source: str, seconds: float) -> None:
        """A worker loaded a model. Of a folder or file only its own name is told: a path is nobody's business."""
        self._load_seconds.labels(source=source if HubName.read(source) else PurePath(source).name).set(seconds)

    def worker_restarted(self) -> None:
        """A worker died and is started again."""
        self._restarts.inc()

    def log_dropped(self, lines: int) -> None:
        """Log lines were dropped, since whoever reads standard error does not."""
        self._log_dropped.inc(lines)

    def ledger_lost(self, *, entries: int) -> None:
        """Ledger entries could not be written."""
        self._ledger_lost.inc(entries)

    def disk_free(self, *, disk: str, free: int) -> None:
        """What the disk of the folder that a setting names still takes, in bytes."""
        self._disk_free.labels(disk=disk).set(free)

    def removed_for_room(self, *, removed: int) -> None:
        """Files of the trash, or jobs, went before their time."""
        self._removed_for_room.inc(removed)

    def render(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self.registry)
