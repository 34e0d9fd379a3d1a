"""`/v1/jobs`: a key's own generations, looked back on, watched, starred, cancelled, deleted."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from safelight.api.exchange.auth import authenticate
from safelight.api.exchange.bodies.body import read_body
from safelight.api.exchange.envelope import JsonResponse
from safelight.api.exchange.operations import BODY_ERRORS, TEXT, Operation, Route, Said, Schema, json_answer
from safelight.api.http.headers import drawing_headers
from safelight.api.routes.jobs.addresses import addresses
from safelight.api.routes.jobs.job_answer import Job, JobDeleted, JobList, shown
from safelight.api.routes.jobs.job_query import PARAMETERS, cursor_of, read_query
from safelight.api.services import Services
from safelight.contract.errors import InvalidRequest, NotFound
from safelight.contract.picture_files.unsigned import media_type
from safelight.contract.records.jobs import MEDIA_TYPES, JobRecord
from safelight.contract.values.json_object import read_object

# A job's picture never changes; it is its owner's alone. A deleted one may stay in its owner's own browser.
_FOREVER = "private, max-age=31536000, immutable"
# A picture that is opened by itself is never a page of ours (an SVG may hold scripts).
ALONE = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


async def list_jobs(request: Request) -> Response:
    """`GET /v1/jobs`."""
    services: Services = request.app.state.services
    principal = await authenticate(request)
    wanted, limit, count = read_query(request.query_params, principal.key_id, services.catalogue)
    jobs = services.jobs
    page = await jobs.library.page(wanted, limit, count=count)
    answer = JobList(
        data=[shown(j, jobs, addresses(request)) for j in page.jobs],
        has_more=page.next_before is not None,
        next_cursor=cursor_of(page.next_before),
        total=page.total,
    )
    return JsonResponse(answer)


async def get_job(request: Request) -> Response:
    """`GET /v1/jobs/{job_id}`."""
    services: Services = request.app.state.services
    principal = await authenticate(request)
    return _answer(request, await services.jobs.library.get(principal.key_id, _id(request)))


async def change_job(request: Request) -> Response:
    """`PATCH /v1/jobs/{job_id}`: the star."""
    services: Services = request.app.state.services
    principal = await authenticate(request)
    settings = services.settings
    try:
        body = await read_body(
            request, max_bytes=settings.max_body_bytes, timeout_seconds=settings.body_timeout_seconds
        )
    except ClientDisconnect:
        return Response(status_code=499)
    starred = _starred(read_object(body))
    return _answer(request, await services.jobs.library.star(principal.key_id, _id(request), starred))


async def cancel_job(request: Request) -> Response:
    """`POST /v1/jobs/{job_id}/cancel`: never deletes, so that it cannot come too late."""
    services: Services = request.app.state.services
    principal = await authenticate(request)
    return _answer(request, await services.jobs.library.cancel(principal.key_id, _id(request)))


async def delete_job(request: Request) -> Response:
    """`DELETE /v1/jobs/{job_id}`: cancels what has not ended, deletes what has."""
    services: Services = request.app.state.services
    principal = await authenticate(request)
    job = await services.jobs.library.cancel_or_delete(principal.key_id, _id(request))
    if job is None:
        return JsonResponse(JobDeleted(id=_id(request)))
    return _answer(request, job)


async def job_image(request: Request) -> Response:
    """`GET /v1/jobs/{job_id}/image`: the file, to the byte; with `metadata=full` it says what it was made with."""
    services: Services = request.app.state.services
    principal = await authenticate(request)
    job = await services.jobs.library.get(principal.key_id, _id(request))
    what = "image-with-settings" if _wants_settings(request) else "image"
    if _has_it(request, job, what):
        return Response(status_code=304, headers=_headers(job, what))
    kind = "attachment" if request.query_params.get("download") == "1" else "inline"
    name = f"safelight-{job.wanted.seed}-{job.id}.{job.wanted.output_format}"
    headers = _headers(job, what) | drawing_headers(job.wanted.drawn_by, (job.wanted.seed,))
    headers |= {"content-disposition": f'{kind}; filename="{name}"'}
    if _wants_settings(request):
        job, image = await services.jobs.library.pictures.image(principal.key_id, _id(request))
        content = await services.signing.with_settings(job, image)
        return Response(content, headers=headers, media_type=job.media_type)
    job, size, pieces = await services.jobs.library.pictures.open_image(principal.key_id, _id(request))
    headers |= {"content-length": str(size)}
    if request.method == "HEAD":
        return Response(headers=headers, media_type=job.media_type)
    return StreamingResponse(pieces, headers=headers, media_type=job.media_type)


async def job_thumbnail(request: Request) -> Response:
    """`GET /v1/jobs/{job_id}/thumbnail`: a small JPEG."""
    services: Services = request.app.state.services
    principal = await authenticate(request)
    job = await services.jobs.library.get(principal.key_id, _id(request))
    if _has_it(request, job, "thumbnail"):
        return Response(status_code=304, headers=_headers(job, "thumbnail"))
    job, small = await services.jobs.library.pictures.thumbnail(principal.key_id, _id(request))
    return Response(small, headers=_headers(job, "thumbnail"), media_type="image/jpeg")


async def job_input(request: Request) -> Response:
    """`GET /v1/jobs/{job_id}/inputs/{place}`: a picture that an edit draws from, as it was sent."""
    services: Services = request.app.state.services
    principal = await authenticate(request)
    place = str(request.path_params["place"])
    if not re.fullmatch(r"\d{1,2}", place):
        raise NotFound("The pictures that a job draws from are counted from 0.")
    size, pieces = await services.jobs.library.pictures.open_input(principal.key_id, _id(request), int(place))
    headers = {"cache-control": _FOREVER, "content-security-policy": ALONE, "content-length": str(size)}
    first = await anext(pieces)
    # It was decoded before its job was accepted: it is one of three.
    return StreamingResponse(_from(first, pieces), headers=headers, media_type=media_type(first))


async def _from(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


def _answer(request: Request, job: JobRecord) -> Response:
    services: Services = request.app.state.services
    return JsonResponse(shown(job, services.jobs, addresses(request)))


def _id(request: Request) -> str:
    return str(request.path_params["job_id"])


def _wants_settings(request: Request) -> bool:
    mode = request.query_params.get("metadata", "")
    if mode not in ("", "full"):
        raise InvalidRequest("The query parameter `metadata` must be full, or left out.", param="metadata")
    return mode == "full"


def _starred(fields: dict[str, Any]) -> bool:
    for name in fields:
        if name != "starred":
            raise InvalidRequest("Only `starred` can be changed.", code="unknown_parameter", param=name[:64])
    if "starred" not in fields:
        raise InvalidRequest("`starred` is required.", code="missing_required_parameter", param="starred")
    if not isinstance(fields["starred"], bool):
        raise InvalidRequest("`starred` must be true or false.", param="starred")
    return fields["starred"]


def _headers(job: JobRecord, what: str) -> dict[str, str]:
    return {"cache-control": _FOREVER, "etag": f'"{job.id}-{what}"', "content-security-policy": ALONE}


def _has_it(request: Request, job: JobRecord, what: str) -> bool:
    """Whether the caller has the file already (RFC 9110, 13.1.2)."""
    return job.image is not None and request.headers.get("if-none-match") == f'"{job.id}-{what}"'


_STAR: Schema = {
    "type": "object",
    "required": ["starred"],
    "properties": {"starred": {"type": "boolean"}},
    "additionalProperties": False,
}
_PLACE: Schema = {
    "name": "place",
    "in": "path",
    "required": True,
    "schema": {"type": "integer", "minimum": 0},
    "description": "The first picture is 0. The mask comes after the pictures.",
}
_SENT = ("image/png", "image/jpeg", "image/webp")
_SETTINGS: Schema = {
    "name": "metadata",
    "in": "query",
    "schema": {"enum": ["full"]},
    "description": "`full`: the file says what it was made with, whatever the server writes into its files.",
}


def _of_one(name: str, summary: str, answer: Any = Job, errors: tuple[int, ...] = (), body: Any = None) -> Operation:
    return Operation(
        name=name,
        summary=summary,
        body=body,
        answers=json_answer(summary, answer),
        errors=(404, *errors),
    )


def _file(name: str, summary: str, media_types: Iterable[str], *parameters: Schema) -> Operation:
    content = {media_type: TEXT | {"format": "binary"} for media_type in media_types}
    return Operation(
        name=name,
        summary=summary,
        parameters=parameters,
        answers={200: Said(summary, content), 304: Said("You have it (`If-None-Match`).")},
        errors=(404,),
    )


ROUTES = (
    Route(
        "/v1/jobs",
        "GET",
        list_jobs,
        Operation(
            name="listJobs",
            summary="The key's own jobs, newest first.",
            parameters=PARAMETERS,
            answers=json_answer("The key's own jobs, newest first.", JobList),
            errors=(400,),
        ),
    ),
    Route("/v1/jobs/{job_id}", "GET", get_job, _of_one("getJob", "One job.")),
    Route(
        "/v1/jobs/{job_id}",
        "PATCH",
        change_job,
        _of_one("changeJob", "Set the star or take it away.", Job, BODY_ERRORS, _STAR),
    ),
    Route(
        "/v1/jobs/{job_id}",
        "DELETE",
        delete_job,
        _of_one("deleteJob", "Cancel a job that has not ended, delete one that has.", Job | JobDeleted, (415,)),
    ),
    Route(
        "/v1/jobs/{job_id}/cancel",
        "POST",
        cancel_job,
        _of_one("cancelJob", "Cancel a job; one that has ended stays as it is.", Job, (415,)),
    ),
    Route(
        "/v1/jobs/{job_id}/image",
        "GET",
        job_image,
        _file("jobImage", "The picture.", MEDIA_TYPES.values(), _SETTINGS),
    ),
    Route(
        "/v1/jobs/{job_id}/thumbnail",
        "GET",
        job_thumbnail,
        _file("jobThumbnail", "A small JPEG of it.", ("image/jpeg",)),
    ),
    Route(
        "/v1/jobs/{job_id}/inputs/{place}",
        "GET",
        job_input,
        Operation(
            name="jobInput",
            summary="A picture that an edit draws from, as it was sent.",
            parameters=(_PLACE,),
            answers={200: Said("The file.", {kind: TEXT | {"format": "binary"} for kind in _SENT})},
            errors=(404,),
        ),
    ),
)
