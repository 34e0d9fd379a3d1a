"""A job as every route and event shows it."""

# Tested in tests/api/test_jobs.py.

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from safelight.api.exchange.operations import Answer
from safelight.api.routes.jobs.addresses import Addresses
from safelight.contract.parameters.answer.delivery import LINK
from safelight.contract.records.jobs import MEDIA_TYPES, JobRecord, JobState, Progress, QueuePlace
from safelight.contract.requests.prompt_cut import cuts_object
from safelight.service.jobs.jobs import Jobs


class Queue(Answer, frozen=True, kw_only=True):
    """Where a queued job stands: 1 is next, and the seconds until it is expected to start."""

    position: Annotated[int, Meta(ge=1)]
    seconds: float


class Steps(Answer, frozen=True, kw_only=True):
    """How far a running job is."""

    step: int
    steps: int | None
    seconds_left: float | None


class Cut(Answer, frozen=True, kw_only=True):
    """How many of a prompt's tokens were read, and how many it has."""

    read: int
    tokens: int


class KeptPicture(Answer, frozen=True, kw_only=True):
    """The picture of a finished job. The paths begin where the server's own do; `url` is there where links were asked
    for, new each time that the job is shown."""

    path: str
    url: str | UnsetType = UNSET
    thumbnail_path: str
    bytes: int
    media_type: Annotated[str, Meta(extra_json_schema={"enum": list(MEDIA_TYPES.values())})]
    fingerprint: str
    average_color: Annotated[str, Meta(pattern="^#[0-9a-f]{6}$")] | None
    prompt_truncated: dict[str, Cut] | None


class Failure(Answer, frozen=True, kw_only=True):
    """Why a job failed, as the synchronous call would have said it."""

    code: str
    message: str


class Job(Answer, tag_field="object", tag="job", frozen=True, kw_only=True):
    """A generation. Times are Unix seconds. `revised_prompt` is what is drawn, where a chat model wrote it."""

    id: str
    state: JobState
    model: str
    drawn_by: str
    seed: int
    revised_prompt: str | UnsetType = UNSET
    request: Annotated[dict[str, Any], Meta(extra_json_schema={"required": ["model", "prompt"]})]
    width: int
    height: int
    output_format: str
    created: float
    started: float | None
    ended: float | None
    queue: Queue | None
    progress: Steps | None
    starred: bool
    expires: float | None
    error: Failure | None
    image: KeptPicture | None


class JobDeleted(Answer, tag_field="object", tag="job.deleted", frozen=True, kw_only=True):
    """A job that is gone."""

    id: str
    deleted: Annotated[bool, Meta(extra_json_schema={"const": True})] = True


class JobList(Answer, tag_field="object", tag="list", frozen=True, kw_only=True):
    """A page of jobs. `next_cursor` asks for the next one, `total` is there where it was asked for."""

    data: list[Job]
    has_more: bool
    next_cursor: str | None
    total: int | None


def shown(job: JobRecord, jobs: Jobs, at: Addresses) -> Job:
    """A job as it stands now."""
    place, progress = jobs.place(job), jobs.progress(job)
    return Job(
        id=job.id,
        state=job.course.state,
        model=job.wanted.model,
        drawn_by=job.wanted.drawn_by,
        seed=job.wanted.seed,
        request=job.wanted.request,
        revised_prompt=job.wanted.revised_prompt or UNSET,
        width=job.wanted.width,
        height=job.wanted.height,
        output_format=job.wanted.output_format,
        created=job.origin.created,
        started=job.course.started,
        ended=job.course.ended,
        queue=queue(place) if place is not None and job.course.state == "queued" else None,
        progress=steps(progress) if progress is not None and job.course.state == "running" else None,
        starred=job.starred,
        expires=jobs.expires(job),
        error=None
        if job.course.error is None
        else Failure(code=job.course.error.code, message=job.course.error.message),
        image=_picture(job, at),
    )


def queue(place: QueuePlace) -> Queue:
    return Queue(position=place.position, seconds=place.seconds)


def steps(progress: Progress) -> Steps:
    return Steps(step=progress.step, steps=progress.steps, seconds_left=progress.seconds_left)


def _picture(job: JobRecord, at: Addresses) -> KeptPicture | None:
    image, path = job.image, f"{at.root}v1/jobs/{job.id}"
    if image is None:
        return None
    wants_link = job.wanted.request.get("response_format") == LINK
    cuts = {name: Cut(**cut) for name, cut in cuts_object(image.cuts).items()}
    return KeptPicture(
        path=f"{path}/image",
        url=at.link(job.id, job.wanted.output_format) if wants_link else UNSET,
        thumbnail_path=f"{path}/thumbnail",
        bytes=image.bytes,
        media_type=job.media_type,
        fingerprint=image.fingerprint,
        average_color=image.average_color,
        prompt_truncated=cuts or None,
    )
