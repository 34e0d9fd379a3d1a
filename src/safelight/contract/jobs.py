"""Durable jobs: a generation as it is kept, and what is told to whoever watches it."""

# Tested in tests/contracts/test_job_port.py.

from __future__ import annotations

from typing import Any, Literal

import msgspec

from safelight.contract.prompt_cut import PromptCut

JobState = Literal["queued", "running", "finished", "failed", "cancelled"]
STATES: tuple[JobState, ...] = ("queued", "running", "finished", "failed", "cancelled")
UNFINISHED: tuple[JobState, ...] = ("queued", "running")

MEDIA_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp", "svg": "image/svg+xml"}


class JobError(msgspec.Struct, frozen=True):
    """Why a job failed, as the synchronous call would have said it."""

    code: str
    message: str


class KeptImage(msgspec.Struct, frozen=True, kw_only=True):
    """The file of a finished job: its name in the file store, its length, what its bytes depended on, and the
    prompts of which something was not read. `average_color` is that of all its pixels, as `#rrggbb`; None of what was
    kept before that was noted."""

    file: str
    bytes: int
    fingerprint: str
    cuts: tuple[PromptCut, ...] = ()
    average_color: str | None = None


class JobRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A generation. Times are Unix seconds.

    `number` orders and pages; the store gives it, above every earlier one. `created` is when it was accepted.
    `end_number` orders endings in the same way, whatever the clock says; None until it has ended.
    `request` holds every parameter that the model supports, so that it can be drawn again; `seed` is the one used.
    `listed` is false for what is kept only because of an `Idempotency-Key`. `image` is there once `finished`.
    `attempts` counts how often it was begun to be drawn, `stored_bytes` what its row and its picture weigh.
    """

    id: str
    owner: str
    request_id: str
    model: str
    drawn_by: str
    request: dict[str, Any]
    seed: int
    width: int
    height: int
    output_format: str
    created: float
    number: int = 0
    state: JobState = "queued"
    started: float | None = None
    ended: float | None = None
    end_number: int | None = None
    starred: bool = False
    listed: bool = True
    error: JobError | None = None
    image: KeptImage | None = None
    attempts: int = 0
    stored_bytes: int = 0

    @property
    def has_ended(self) -> bool:
        return self.state not in UNFINISHED

    @property
    def media_type(self) -> str:
        return MEDIA_TYPES[self.output_format]


class QueuePlace(msgspec.Struct, frozen=True):
    """Where a queued job stands: `position` 1 is next, `seconds` until it is expected to start."""

    position: int
    seconds: float


class Progress(msgspec.Struct, frozen=True):
    """How far a running job is. `steps` and `seconds_left` are None until they are known."""

    step: int
    steps: int | None
    seconds_left: float | None


class JobUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a watcher is told. Each is a snapshot, so that missing one loses nothing.

    `kind` says which of the others matter: `job` and `end` bring the job, `queue` its place, `progress` its steps,
    `preview` a small JPEG of what is there; `deleted` needs no more than the id.
    """

    kind: Literal["job", "queue", "progress", "preview", "end", "deleted"]
    job: JobRecord
    place: QueuePlace | None = None
    progress: Progress | None = None
    preview: bytes = b""


def file_name(job: JobRecord) -> str:
    """The name of a job's file in the file store: by id alone, so that drawing again overwrites."""
    return f"{job.id[-2:]}/{job.id}.{job.output_format}"


def thumbnail_name(job: JobRecord) -> str:
    """The name of its thumbnail there."""
    return f"{job.id[-2:]}/{job.id}.thumbnail.jpeg"
