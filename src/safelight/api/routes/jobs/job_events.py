"""Server-sent events of jobs (WHATWG HTML, "Server-sent events"): every event a snapshot with an id.

A caller who comes back with `Last-Event-ID` is told only what has changed; nothing is said that `GET /v1/jobs` would
not also say, so that losing the stream loses nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import pybase64
from msgspec.json import encode
from msgspec.structs import asdict
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from safelight.api.exchange.auth import authenticate
from safelight.api.exchange.event_texts import EventTexts
from safelight.api.exchange.operations import TEXT, Operation, Route, Said, Schema
from safelight.api.exchange.streams import Streams
from safelight.api.routes.jobs.addresses import Addresses, addresses
from safelight.api.routes.jobs.job_answer import Job, queue, shown, steps
from safelight.api.services import Services
from safelight.contract.errors import AuthenticationFailed
from safelight.contract.records.jobs import JobRecord, JobUpdate, Progress, QueuePlace
from safelight.service.jobs.jobs import Jobs
from safelight.service.ports.processes.feed import Watcher

# Proxies close what is silent: nginx after 60 s, Heroku's router after 55 s.
COMMENT_SECONDS = 15.0
_RETRY_MILLISECONDS = 1000
_TEXTS = EventTexts()
_HEADERS = {"x-accel-buffering": "no"}


async def job_events(request: Request) -> Response:
    """`GET /v1/jobs/{job_id}/events`: one job, to its end."""
    services: Services = request.app.state.services
    principal = await authenticate(request)
    job_id = str(request.path_params["job_id"])
    job = await services.jobs.library.get(principal.key_id, job_id)
    seen = request.headers.get("last-event-id")
    if job.has_ended and seen == _state_id(job, None, None):
        return Response(status_code=204)  # tells an EventSource not to come back
    return _stream(
        _while_welcome(request, _one_job(services.jobs, principal.key_id, job_id, seen, addresses(request))), request
    )


async def all_events(request: Request) -> Response:
    """`GET /v1/jobs/events`: all jobs of the caller's key, for as long as it stays."""
    services: Services = request.app.state.services
    principal = await authenticate(request)
    seen = request.headers.get("last-event-id", "")
    ending = int(seen) if seen.isascii() and seen.isdigit() and len(seen) <= 18 else None
    return _stream(
        _while_welcome(request, _all_jobs(services.jobs, principal.key_id, ending, addresses(request))), request
    )


async def _while_welcome(request: Request, events: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The events, until they or the caller's key or session end: a stream lives longer than any other answer."""
    checked = time.monotonic()
    async with aclosing(events):
        async for event in events:
            if time.monotonic() - checked >= COMMENT_SECONDS:
                try:
                    await authenticate(request)
                except AuthenticationFailed:
                    return
                checked = time.monotonic()
            yield event


async def _one_job(jobs: Jobs, owner: str, job_id: str, seen: str | None, at: Addresses) -> AsyncGenerator[bytes, None]:
    yield _opening()
    with jobs.watch(owner, job_id, previews=True) as watcher:
        job = await jobs.library.get(owner, job_id)
        place, progress = jobs.place(job), jobs.progress(job)
        if _state_id(job, place, progress) != seen:
            kind = "end" if job.has_ended else "job"
            yield _event(kind, _state_id(job, place, progress), shown(job, jobs, at))
        if job.has_ended:
            return
        if preview := jobs.preview(job):
            yield _preview(JobUpdate(kind="preview", job=job, preview=preview))
        async for update in _updates(watcher):
            if update is None:
                yield b":\n\n"
                continue
            event_id = _state_id(update.job, update.place, update.progress)
            yield _told(update, event_id, jobs, at)
            if update.kind in ("end", "deleted"):
                return


async def _all_jobs(jobs: Jobs, owner: str, seen: int | None, at: Addresses) -> AsyncGenerator[bytes, None]:
    """Every event's id is the number of the ending that was told last: who comes back with it is told those after it.

    Endings are read from the store, in their order there; an update that says of one is only the sign to look. So two
    that end at once never change places, and none is passed over that another process has written.
    """
    with jobs.watch(owner, previews=True) as watcher:
        told = await jobs.library.ending_seen(seen)
        yield b"id: %d\n" % told + _opening()
        async for job in jobs.library.ended_after(owner, told):
            told = job.course.end_number or told
            yield _event("end", str(told), shown(job, jobs, at))
        for job in reversed(await jobs.library.unfinished(owner)):
            yield _event("job", str(told), shown(job, jobs, at))
            if preview := jobs.preview(job):
                yield _preview(JobUpdate(kind="preview", job=job, preview=preview))
        async for update in _updates(watcher):
            if update is None:
                yield b":\n\n"
            elif update.kind != "end":
                yield _told(update, str(told), jobs, at)
            elif (update.job.course.end_number or 0) > told:
                async for job in jobs.library.ended_after(owner, told):
                    told = job.course.end_number or told
                    # The same update as others are told, so that it is encoded once.
                    end = update if job.id == update.job.id else JobUpdate(kind="end", job=job)
                    yield _told(end, str(told), jobs, at)


async def _updates(watcher: Watcher) -> AsyncIterator[JobUpdate | None]:
    """Updates until the server stops, and None where nothing came for a while."""
    while True:
        try:
            async with asyncio.timeout(COMMENT_SECONDS):
                update = await watcher.next()
        except TimeoutError:
            yield None
            continue
        if update is None:
            return
        yield update


def _told(update: JobUpdate, event_id: str, jobs: Jobs, at: Addresses) -> bytes:
    """An update as an event. All but its id is the same for whoever is told it."""
    if update.kind == "preview":
        return _TEXTS.of(update, "", lambda: _preview(update))
    text = _TEXTS.of(update, f"{at.root} {at.whole}", lambda: encode(_data(update, jobs, at)))
    return _named(update.kind, event_id, text)


def _data(update: JobUpdate, jobs: Jobs, at: Addresses) -> dict[str, Any] | Job:
    match update:
        case JobUpdate(kind="queue", place=QueuePlace() as place):
            return {"id": update.job.id} | asdict(queue(place))
        case JobUpdate(kind="progress", progress=Progress() as progress):
            return {"id": update.job.id} | asdict(steps(progress))
        case JobUpdate(kind="deleted"):
            return {"id": update.job.id}
        case _:
            return shown(update.job, jobs, at)


def _state_id(job: JobRecord, place: QueuePlace | None, progress: Progress | None) -> str:
    """An event's id is what it says: the same after a restart of the server, which no counter would be."""
    if place is not None and job.course.state == "queued":
        return f"queued-{place.position}"
    if progress is not None and job.course.state == "running":
        return f"running-{progress.step}"
    return job.course.state


def _event(kind: str, event_id: str, data: Job) -> bytes:
    return _named(kind, event_id, encode(data))


def _named(kind: str, event_id: str, text: bytes) -> bytes:
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (event_id.encode(), kind.encode(), text)


def _preview(update: JobUpdate) -> bytes:
    """Without an id: a preview is not told again, and the last that was told stays where a stream goes on."""
    data = {"id": update.job.id, "b64_json": pybase64.b64encode_as_string(update.preview), "media_type": "image/jpeg"}
    return b"event: preview\ndata: %s\n\n" % encode(data)


def _opening() -> bytes:
    """Sent at once, so that proxies and browsers see the stream open."""
    return b"retry: %d\n\n" % _RETRY_MILLISECONDS


class _EventStream(StreamingResponse):
    """A stream that counts among those of its key while it is open."""

    def __init__(self, events: AsyncIterator[bytes], request: Request) -> None:
        super().__init__(events, headers=_HEADERS, media_type="text/event-stream")
        streams: Streams = request.app.state.streams
        self._counted = streams.one_more(request.scope["safelight.key_id"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._counted:
            await super().__call__(scope, receive, send)


def _stream(events: AsyncGenerator[bytes, None], request: Request) -> Response:
    if request.method == "HEAD":  # it has no body, and must end: the connection's next request waits for that
        return Response(headers=_HEADERS, media_type="text/event-stream")
    return _EventStream(events, request)


_LAST: Schema = {"name": "Last-Event-ID", "in": "header", "schema": TEXT}
_EVENTS = Said("Server-sent events: job, queue, progress, end, deleted.", {"text/event-stream": TEXT})

ROUTES = (
    Route(
        "/v1/jobs/events",
        "GET",
        all_events,
        Operation(
            name="allEvents",
            summary="All jobs of the key, as they change.",
            parameters=(_LAST,),
            answers={200: _EVENTS},
        ),
    ),
    Route(
        "/v1/jobs/{job_id}/events",
        "GET",
        job_events,
        Operation(
            name="jobEvents",
            summary="One job to its end.",
            parameters=(_LAST,),
            answers={200: _EVENTS, 204: Said("The job has ended, and `Last-Event-ID` says that you know.")},
            errors=(404,),
        ),
    ),
)
