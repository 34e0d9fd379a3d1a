"""Whoever counts what happens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from safelight.contract.requests.trace import NO_TRACE, TraceContext
from safelight.protocol.times import Timings, Work


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How the server stands. `models` are statuses and `model_bytes` the weights of those that are loaded, by id;
    `device_bytes` is what each worker that has an accelerator holds of its memory, by number and device, and
    `device_percent` how much that computes."""

    models: Mapping[str, str]
    model_bytes: Mapping[str, int]
    workers: int
    draining: bool
    jobs_waiting: int
    jobs_running: int
    files_bytes: int
    files_budget_bytes: int
    device_bytes: Mapping[tuple[int, str], int] = {}
    device_percent: Mapping[tuple[int, str], int] = {}


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """An answer was sent. `route` is the pattern, not the path; `request_id` names it in the log. `traceparent` is what
    its head said of the caller's trace (W3C Trace Context), `trace` the span that this request is."""

    route: str
    method: str
    status: int
    seconds: float
    request_id: str = ""
    traceparent: str = ""
    trace: TraceContext = NO_TRACE


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """A request was refused."""

    code: str


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """A picture of an accepted request ended, `seconds` after it was asked for; that of a job, after it was taken up.

    `timings` and `work` are None of what was not finished. `request_id` names whoever asked for it in the log, and
    `trace` is their span. `of_many`: one request asks for thousands of pictures, since this is a line of a batch.
    """

    model: str
    outcome: str
    queue_seconds: float
    timings: Timings | None
    request_id: str = ""
    seconds: float = 0.0
    work: Work | None = None
    trace: TraceContext = NO_TRACE
    of_many: bool = False


class Estimated(msgspec.Struct, frozen=True, kw_only=True):
    """A picture took so long; `expected_seconds` is what its admission counted with."""

    model: str
    expected_seconds: float
    seconds: float


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """How the queue stands when the metrics are read."""

    depth: int
    running: int
    oldest_seconds: float
    work_seconds: float


class ModelLoaded(msgspec.Struct, frozen=True, kw_only=True):
    """A worker loaded a model."""

    source: str
    seconds: float


class WorkerRestarted(msgspec.Struct, frozen=True):
    """A worker died and is started again."""


class FingerprintChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A job that was begun by a model of one fingerprint goes to a host whose model has another: it may get other bytes
    than it would have had."""

    source: str


class LedgerLost(msgspec.Struct, frozen=True, kw_only=True):
    """Ledger entries could not be written."""

    entries: int


class LogDropped(msgspec.Struct, frozen=True, kw_only=True):
    """Log lines were dropped, since whoever reads standard error does not."""

    lines: int


class DiskFree(msgspec.Struct, frozen=True, kw_only=True):
    """What the disk of the folder that a setting names still takes, in bytes."""

    disk: str
    free: int


class RemovedForRoom(msgspec.Struct, frozen=True, kw_only=True):
    """Files of the trash, or jobs, went before their time."""

    removed: int


class LineStood(msgspec.Struct, frozen=True, kw_only=True):
    """How the line over a cluster's hosts stands when the metrics are read: jobs that wait and that are drawn, how long
    the oldest waits and all that wait take, how many were placed and joined since it began, and hosts by kind and by
    whether they drain."""

    waiting: int
    drawing: int
    oldest_seconds: float
    waiting_seconds: float
    placed: int
    joined: int
    hosts: Mapping[tuple[str, bool], int]


Fact = (
    Standing
    | LineStood
    | Answered
    | Rejected
    | Drawn
    | Estimated
    | Queue
    | ModelLoaded
    | WorkerRestarted
    | FingerprintChanged
    | LedgerLost
    | LogDropped
    | DiskFree
    | RemovedForRoom
)


class Telemetry(Protocol):
    """Told of facts. Labels that are made of them are ids and codes, never text that a caller wrote."""

    def note(self, fact: Fact) -> None: ...
