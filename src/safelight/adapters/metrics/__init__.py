"""Prometheus metrics behind the `Telemetry` port. Labels are ids and codes, never text that a caller wrote."""

# Tested in tests/api/test_routes.py.

from __future__ import annotations

from prometheus_client import CollectorRegistry, disable_created_metrics, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as render_open_metrics

from safelight.adapters.metrics.drawing import DrawingMetrics
from safelight.adapters.metrics.line import LineMetrics
from safelight.adapters.metrics.service import ServiceMetrics
from safelight.adapters.metrics.standing import StandingMetrics
from safelight.service.ports.telemetry import (
    Drawn,
    Estimated,
    Fact,
    FingerprintChanged,
    LineStood,
    ModelLoaded,
    Queue,
    Standing,
    WorkerRestarted,
)

# A series with the time of creation beside each counter: half of the page, and nobody asks for it.
disable_created_metrics()  # type: ignore[no-untyped-call]


class PrometheusTelemetry:
    """Fills the `Telemetry` port with a registry of its own, so that several servers can live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._service = ServiceMetrics(self.registry)
        self._drawing = DrawingMetrics(self.registry)
        self._standing = StandingMetrics(self.registry)
        self._line = LineMetrics(self.registry)

    def note(self, fact: Fact) -> None:
        """Count something that has happened, or see how things stand."""
        match fact:
            case Standing():
                self._standing.note(fact)
            case LineStood():
                self._line.note(fact)
            case Drawn() | Estimated() | Queue() | ModelLoaded() | WorkerRestarted() | FingerprintChanged():
                self._drawing.note(fact)
            case _:
                self._service.note(fact)

    def render(self, open_metrics: bool = False) -> bytes:
        """Everything in Prometheus' text format, or as OpenMetrics, which has exemplars: whose a number is."""
        if not open_metrics:
            return generate_latest(self.registry)
        rendered: bytes = render_open_metrics(self.registry)  # type: ignore[no-untyped-call] # the library's own lack
        return rendered
