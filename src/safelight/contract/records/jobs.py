"""Durable jobs: a generation as it is kept, and what is told to whoever watches it."""

# Tested in tests/contracts/test_job_port.py.

from __future__ import annotations

from typing import Any, Literal

import msgspec

from safelight.contract.parameters.calls import Call
from safelight.contract.requests.prompt_cut import PromptCut
from safelight.contract.requests.trace import TraceContext
from safelight.contract.values.pictures import PictureFacts

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


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Whose job it is, which request asked for it, and when (Unix seconds) that was accepted.

    `listed` is false for what is kept only because of an `Idempotency-Key`. `reservation` names what was reserved for
    it of its key's quotas. `traceparent` and `tracestate` are the request's span, which whoever draws it goes on with.
    """

    owner: str
    request_id: str
    created: float
    listed: bool = True
    reservation: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None

    @property
    def trace(self) -> TraceContext:
        """The span of the request."""
        return TraceContext(self.traceparent or "", self.tracestate or "")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be drawn, and what draws it.

    `request` holds every parameter that the model supports, so that it can be drawn again; `seed` is the one used, and
    `revised_prompt` what is drawn where a chat model wrote the caller's prompt anew.
    """

    model: str
    drawn_by: str
    request: dict[str, Any]
    seed: int
    width: int
    height: int
    output_format: str
    revised_prompt: str | None = None


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """How far a job has come. Times are Unix seconds.

    `end_number` orders endings as a job's number orders jobs, whatever the clock says; None until it has ended.
    `attempts` counts how often it was begun to be drawn and not put back in order, `tries` every time; `holder` is the
    process that draws it, or has it reserved while it is queued. `began_with` is the fingerprint of the model that
    began to draw it last, None until one has.
    """

    state: JobState = "queued"
    started: float | None = None
    ended: float | None = None
    end_number: int | None = None
    attempts: int = 0
    tries: int = 0
    holder: str | None = None
    began_with: str | None = None
    error: JobError | None = None


class JobRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A generation.

    `number` orders and pages; the store gives it, above every earlier one. `image` is there once it is finished.
    `stored_bytes` is what its row, its picture and those that it draws from weigh.
    """

    id: str
    origin: Origin
    wanted: Wanted
    course: Course = Course()
    number: int = 0
    starred: bool = False
    image: KeptImage | None = None
    stored_bytes: int = 0

    @property
    def has_ended(self) -> bool:
        return self.course.state not in UNFINISHED

    @property
    def media_type(self) -> str:
        return MEDIA_TYPES[self.wanted.output_format]


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
    """The name that a job's picture gets in the file store. It holds the try: two processes that draw one job, of which
    one has lost its lease, never write or remove the same file. The row says which of them is the job's."""
    return f"{job.id[-2:]}/{job.id}.{job.course.tries}.{job.wanted.output_format}"


def call_of(request: dict[str, Any]) -> Call:
    """How a job's `request` asks for its picture."""
    return "edit" if "images" in request else "generate"


def facts_in(request: dict[str, Any]) -> tuple[PictureFacts, ...]:
    """What a job's `request` says of the pictures that it draws from, the mask last."""
    controls = [each for _, each in sorted(request.get("control", {}).items())]
    said = [*request.get("images", ()), *controls, *([request["mask"]] if "mask" in request else [])]
    return msgspec.convert(tuple(said), tuple[PictureFacts, ...])


def input_names(job: JobRecord) -> tuple[str, ...]:
    """The names of those pictures in the file store, in that order. They are the job's and not a try's."""
    return tuple(f"{job.id[-2:]}/{job.id}.in{place}" for place in range(len(facts_in(job.wanted.request))))


def thumbnail_name(image: KeptImage) -> str:
    """The name of a picture's thumbnail there."""
    return f"{image.file.rpartition('.')[0]}.thumbnail.jpeg"
