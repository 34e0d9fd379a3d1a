"""How things stand when the metrics are read."""

# Tested in tests/api/test_routes.py.

from __future__ import annotations

import platform
from functools import partial

from prometheus_client import CollectorRegistry, Gauge

from safelight import __version__
from safelight.adapters.processes.process_memory import memory_of_all
from safelight.service.ports.telemetry import Standing

_SINGLE = {
    "workers": ("safelight_workers", "Worker processes that live."),
    "draining": ("safelight_draining", "1 while the server drains, else 0."),
    "jobs_waiting": ("safelight_durable_jobs_waiting", "Durable jobs that wait in the store for their turn."),
    "jobs_running": ("safelight_durable_jobs_running", "Durable jobs that are being drawn."),
    "files_bytes": ("safelight_files_bytes", "What all kept jobs weigh, by the last round of a minute."),
    "files_budget_bytes": ("safelight_files_budget_bytes", "How much they may (keep_gigabytes)."),
}
"""Fields of `Standing` that are one figure each, with its metric."""


class StandingMetrics:
    """Shows in a registry how the server stands."""

    def __init__(self, registry: CollectorRegistry) -> None:
        gauge = partial(Gauge, registry=registry)
        self._models = gauge(
            "safelight_model_status",
            "1 for the status of each model: loading, ready, failed; 0 for the others.",
            ["model", "status"],
        )
        self._model_bytes = gauge(
            "safelight_model_bytes", "What the weights of a model take where it is loaded.", ["model"]
        )
        of_device = ["worker", "device"]
        self._device_memory = gauge(
            "safelight_device_memory_bytes", "What a worker holds of an accelerator's memory.", of_device
        )
        what = "How much of the last moments a worker's GPU computed, for whoever it was."
        self._device_use = gauge("safelight_device_utilization_ratio", what, of_device)
        self._single = {field: gauge(name, what) for field, (name, what) in _SINGLE.items()}
        self._memory = gauge("safelight_memory_bytes", "Resident memory of the server's process and its workers'.")
        info = gauge("safelight_build_info", "Always 1; the labels say what runs.", ["version", "python"])
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
        for field, shown in self._single.items():
            shown.set(getattr(now, field))
        self._memory.set(memory_of_all())
