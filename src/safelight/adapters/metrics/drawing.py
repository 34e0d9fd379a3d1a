"""What is counted of pictures, the queue and the workers."""

# Tested in tests/api/test_routes.py.

from __future__ import annotations

from functools import partial
from pathlib import PurePath

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from safelight.adapters.metrics.buckets import SECONDS
from safelight.adapters.metrics.exemplars import exemplar_of
from safelight.contract.checkpoints.hub import HubName
from safelight.contract.models.stages import STAGES
from safelight.contract.requests.trace import NO_TRACE
from safelight.service.ports.telemetry import Drawn, Estimated, FingerprintChanged, ModelLoaded, Queue, WorkerRestarted

DrawingFact = Drawn | Estimated | Queue | ModelLoaded | WorkerRestarted | FingerprintChanged

_STEP_SECONDS = (0.005, 0.01, 0.02, *SECONDS)
_RATIOS = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0)


class DrawingMetrics:
    """Counts in a registry what becomes of pictures."""

    def __init__(self, registry: CollectorRegistry) -> None:
        counter, gauge = partial(Counter, registry=registry), partial(Gauge, registry=registry)
        histogram = partial(Histogram, registry=registry)
        self._drawings = counter(
            "safelight_drawings_total", "Accepted requests by how they ended.", ["model", "outcome"]
        )
        self._depth = gauge("safelight_queue_depth", "Jobs that wait for a worker.")
        self._running = gauge("safelight_jobs_running", "Jobs that are with a worker.")
        self._oldest = gauge("safelight_queue_age_seconds", "Age of the oldest unfinished job.")
        self._work = gauge("safelight_queue_work_seconds", "Seconds of work accepted and not done.")
        what = f"Time of a picture's stages: queue, wait, {', '.join(STAGES)}, image_encode."
        self._stages = histogram("safelight_stage_seconds", what, ["model", "stage"], buckets=SECONDS)
        what = "Time of one denoising step."
        self._step_seconds = histogram("safelight_step_seconds", what, ["model"], buckets=_STEP_SECONDS)
        self._estimates = histogram(
            "safelight_estimate_error_ratio",
            "How far the seconds expected of a picture at its admission were from those it took, relative to these.",
            ["model"],
            buckets=_RATIOS,
        )
        self._load_seconds = gauge("safelight_model_load_seconds", "How long the last load took.", ["source"])
        self._restarts = counter("safelight_worker_restarts_total", "Workers that died.")
        what = "Jobs that were begun with a model of one fingerprint and drawn by one of another."
        self._changed = counter("safelight_fingerprint_changes_total", what, ["source"])

    def note(self, fact: DrawingFact) -> None:
        """Count something that has happened."""
        match fact:
            case Drawn():
                self._drawn(fact)
            case Estimated() if fact.seconds > 0:
                error = abs(fact.expected_seconds - fact.seconds) / fact.seconds
                self._estimates.labels(model=fact.model).observe(error)
            case Queue():
                self._depth.set(fact.depth)
                self._running.set(fact.running)
                self._oldest.set(fact.oldest_seconds)
                self._work.set(fact.work_seconds)
            case ModelLoaded():
                self._load_seconds.labels(source=_told(fact.source)).set(fact.seconds)
            case WorkerRestarted():
                self._restarts.inc()
            case FingerprintChanged():
                self._changed.labels(source=_told(fact.source)).inc()

    def _drawn(self, drawn: Drawn) -> None:
        # Each picture of a batch is a trace of its own, whose id the exporter alone knows.
        exemplar = exemplar_of(drawn.request_id, NO_TRACE if drawn.of_many else drawn.trace)
        self._drawings.labels(model=drawn.model, outcome=drawn.outcome).inc(exemplar=exemplar)
        self._stages.labels(model=drawn.model, stage="queue").observe(drawn.queue_seconds, exemplar)
        if drawn.timings is None:
            return
        times = {stage: drawn.timings.of(stage) for stage in STAGES}
        for stage, took in (
            {"wait": drawn.timings.wait} | times | {"image_encode": drawn.timings.image_encode}
        ).items():
            self._stages.labels(model=drawn.model, stage=stage).observe(took, exemplar)
        for seconds in drawn.timings.steps:
            self._step_seconds.labels(model=drawn.model).observe(seconds)


def _told(source: str) -> str:
    """Of a folder or file only its own name is told: a path is nobody's business."""
    return source if HubName.read(source) else PurePath(source).name
