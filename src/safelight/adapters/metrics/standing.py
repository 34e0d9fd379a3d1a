"""How things stand when the metrics are read."""

# Tested in tests/api/test_routes.py.

from __future__ import annotations

import platform

from prometheus_client import CollectorRegistry, Gauge

from safelight import __version__
from safelight.adapters.processes.process_memory import memory_of_all
from safelight.service.ports.telemetry import Standing


class StandingMetrics:
    """Shows in a registry how the server stands."""

    def __init__(self, registry: CollectorRegistry) -> None:
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
        self._device_memory = Gauge(
            "safelight_device_memory_bytes",
            "What a worker holds of an accelerator's memory.",
            ["worker", "device"],
            registry=registry,
        )
        self._device_use = Gauge(
            "safelight_device_utilization_ratio",
            "How much of the last moments a worker's GPU computed, for whoever it was.",
            ["worker", "device"],
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
        info = Gauge(
            "safelight_build_info", "Always 1; the labels say what runs.", ["version", "python"], registry=registry
        )
        info.labels(version=__version__, python=platform.python_version()).set(1)

    def note(self, now: Standing) -> None:
        """See how things stand."""
        for model, status in now.models.items():
            for each in ("loading", "ready", "failed"):
                self._models.labels(model=model, status=each).set(each == status)
        for model, size in now.model_bytes.items():
            self._model_bytes.labels(model=model).set(size)
        self._device_memory.clear()
        for (worker, device), size in now.device_bytes.items():
            self._device_memory.labels(worker=str(worker), device=device).set(size)
        self._device_use.clear()
        for (worker, device), percent in now.device_percent.items():
            self._device_use.labels(worker=str(worker), device=device).set(percent / 100)
        self._workers.set(now.workers)
        self._draining.set(now.draining)
        self._jobs_waiting.set(now.jobs_waiting)
        self._jobs_drawn.set(now.jobs_running)
        self._files.set(now.files_bytes)
        self._budget.set(now.files_budget_bytes)
        self._memory.set(memory_of_all())
