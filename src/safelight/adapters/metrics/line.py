"""What is seen of the line over a cluster's hosts; without a cluster there are no series."""

# Tested in tests/api/test_line_metrics.py.

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge

from safelight.service.ports.telemetry import LineStood


class LineMetrics:
    """Shows in a registry how the line stood last."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._jobs = Gauge("safelight_line_jobs", "Jobs of all servers, by state.", ["state"], registry=registry)
        self._seconds = Gauge(
            "safelight_line_seconds",
            "How long the oldest job waits for a host, and how long all that wait take.",
            ["of"],
            registry=registry,
        )
        self._placements = Gauge(
            "safelight_line_placements",
            "Jobs placed at hosts, and joined to the same picture, since the line began.",
            ["how"],
            registry=registry,
        )
        self._hosts = Gauge("safelight_hosts", "Live hosts of a kind, by state.", ["kind", "state"], registry=registry)

    def note(self, now: LineStood) -> None:
        """See how it stands."""
        self._jobs.labels(state="waiting").set(now.waiting)
        self._jobs.labels(state="drawing").set(now.drawing)
        self._seconds.labels(of="oldest").set(now.oldest_seconds)
        self._seconds.labels(of="work").set(now.waiting_seconds)
        self._placements.labels(how="placed").set(now.placed)
        self._placements.labels(how="joined").set(now.joined)
        self._hosts.clear()
        for (kind, draining), count in now.hosts.items():
            self._hosts.labels(kind=kind, state="draining" if draining else "ready").set(count)
