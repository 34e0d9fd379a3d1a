"""Batches: many requests in one file, drawn when nobody waits, answered in files (CONTRACT 10 and 11).

The objects are those of OpenAI's Batch API (https://platform.openai.com/docs/api-reference/batch).
"""

# Tested in tests/contracts/test_batch_port.py.

from __future__ import annotations

from typing import Any, Literal

import msgspec

from safelight.contract.records.jobs import JobError
from safelight.contract.requests.trace import TraceContext

BatchStatus = Literal["validating", "in_progress", "completed", "failed", "cancelled", "expired"]
UNFINISHED: tuple[BatchStatus, ...] = ("validating", "in_progress")
LineState = Literal["waiting", "answered", "failed"]
Purpose = Literal["batch", "batch_output"]

MOST_LINES = 50_000
MOST_FILE_BYTES = 200 * 1024 * 1024
WINDOW = "24h"
WINDOW_SECONDS = 86_400.0


class StoredFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a key's, `bytes` long, made at `created` (Unix seconds).

    One that was uploaded lies in pieces. What answers a batch is put together of its lines when it is read: those that
    were `answered`, or those that `failed`, of `batch_id`.
    """

    id: str
    owner: str
    purpose: Purpose
    filename: str
    bytes: int
    created: float
    batch_id: str | None = None
    holds: LineState | None = None


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Of a batch's lines."""

    total: int = 0
    completed: int = 0
    failed: int = 0


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch as it stands. Times are Unix seconds; `ended` is when it was completed, failed, cancelled or expired,
    `cancelling` when somebody asked for it to be cancelled. `fault` says why it failed as a whole. `traceparent` and
    `tracestate` are the span of the request that made it."""

    id: str
    owner: str
    endpoint: str
    input_file_id: str
    created: float
    status: BatchStatus = "validating"
    begun: float | None = None
    cancelling: float | None = None
    ended: float | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    fault: JobError | None = None
    metadata: dict[str, str] | None = None
    traceparent: str | None = None
    tracestate: str | None = None
    counts: Counts = Counts()

    @property
    def has_ended(self) -> bool:
        return self.status not in UNFINISHED

    @property
    def trace(self) -> TraceContext:
        """The span of the request that made it."""
        return TraceContext(self.traceparent or "", self.tracestate or "")

    @property
    def expires(self) -> float:
        """When it is drawn no further."""
        return self.created + WINDOW_SECONDS


class KeptPicture(msgspec.Struct, frozen=True):
    """One picture of a line: its name in the file store, and its length in bytes."""

    name: str
    bytes: int


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A request of a batch, by its place in the file (the first is 1), and what came of it.

    `body` is None of a line that could not be read. `answer` is the body of the answer without its pictures, with
    `status`; `error` is there instead where nothing was asked. `tries` counts how often it was begun.
    `began_with` is the fingerprint of the model that began to draw it last, None until one has.
    """

    batch_id: str
    place: int
    custom_id: str | None
    body: dict[str, Any] | None
    state: LineState = "waiting"
    tries: int = 0
    began_with: str | None = None
    status: int | None = None
    answer: dict[str, Any] | None = None
    pictures: tuple[KeptPicture, ...] = ()
    error: JobError | None = None

    @property
    def request_id(self) -> str:
        """What the line's request is called in the log, and in its answer."""
        return f"{self.batch_id}_{self.place}"


class LineEnding(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a line."""

    state: Literal["answered", "failed"]
    status: int | None = None
    answer: dict[str, Any] | None = None
    pictures: tuple[KeptPicture, ...] = ()
    error: JobError | None = None
