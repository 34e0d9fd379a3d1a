"""What is counted of requests, logs and disks."""

# Tested in tests/api/test_routes.py.

from __future__ import annotations

from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from safelight.adapters.metrics.buckets import SECONDS
from safelight.adapters.metrics.exemplars import exemplar_of
from safelight.service.ports.telemetry import Answered, DiskFree, LedgerLost, LogDropped, Rejected, RemovedForRoom

ServiceFact = Answered | Rejected | LogDropped | LedgerLost | DiskFree | RemovedForRoom


class ServiceMetrics:
    """Counts in a registry what the server does beside drawing."""

    def __init__(self, registry: CollectorRegistry) -> None:
        counter = partial(Counter, registry=registry)
        of_answer = ["route", "method", "status"]
        self._requests = counter("safelight_requests_total", "Answers by route, method and status.", of_answer)
        self._request_seconds = Histogram(
            "safelight_request_seconds",
            "Time from a request's head to its answer.",
            ["route"],
            buckets=SECONDS,
            registry=registry,
        )
        self._rejections = counter("safelight_rejections_total", "Requests refused, by error code.", ["code"])
        self._log_dropped = counter("safelight_log_lines_dropped_total", "Log lines that nobody read in time.")
        self._ledger_lost = counter("safelight_ledger_lost_total", "Ledger entries that could not be written.")
        what = "What the disk of a folder still takes."
        self._disk_free = Gauge("safelight_disk_free_bytes", what, ["disk"], registry=registry)
        what = "Files of the trash, and jobs, that went because a disk was nearly full."
        self._removed_for_room = counter("safelight_removed_for_room_total", what)

    def note(self, fact: ServiceFact) -> None:
        """Count something that has happened."""
        match fact:
            case Answered():
                exemplar = exemplar_of(fact.request_id, fact.trace)
                requests = self._requests.labels(route=fact.route, method=fact.method, status=str(fact.status))
                requests.inc(exemplar=exemplar)
                self._request_seconds.labels(route=fact.route).observe(fact.seconds, exemplar)
            case Rejected():
                self._rejections.labels(code=fact.code).inc()
            case LogDropped():
                self._log_dropped.inc(fact.lines)
            case LedgerLost():
                self._ledger_lost.inc(fact.entries)
            case DiskFree():
                self._disk_free.labels(disk=fact.disk).set(fact.free)
            case RemovedForRoom():
                self._removed_for_room.inc(fact.removed)
