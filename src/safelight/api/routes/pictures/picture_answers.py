"""One ring around the other: a job, a stream, an answer; what every route does with a request that was let in.

An `Idempotency-Key` goes with the first and the last.
"""

# Tested in tests/api/test_images.py.

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight.api.exchange.envelope import JsonResponse
from safelight.api.exchange.leaving import unless_left
from safelight.api.exchange.operations import TEXT, Schema
from safelight.api.http.headers import drawing_headers
from safelight.api.http.proxies import root
from safelight.api.routes.jobs.addresses import addresses
from safelight.api.routes.jobs.job_answer import shown
from safelight.api.routes.pictures.image_answer import picture_body, picture_headers
from safelight.api.routes.pictures.image_stream import begin_stream, finished_stream
from safelight.api.services import Services
from safelight.contract.errors import InvalidRequest
from safelight.contract.requests.request import ImageRequest
from safelight.service.access.keys import Principal
from safelight.service.entrance import Admitted

IsPromised = Callable[[ImageRequest, Principal], Awaitable[bool]]
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")
PREFER: Schema = {
    "name": "Prefer",
    "in": "header",
    "description": "RFC 7240. Only `respond-async` is honoured.",
    "schema": TEXT,
    "examples": {"async": {"value": "respond-async"}},
}


async def answered(request: Request, entering: Coroutine[Any, Any, Admitted], started: float) -> Response:
    """The answer to a request that is on its way in. `started` is when it came, by the monotonic clock.

    Raises:
        ClientDisconnect: the client left first.
        ApiError: it was not let in, or could not be drawn.
    """
    services: Services = request.app.state.services
    admitted = await unless_left(request, entering)
    try:
        key = idempotency_key(request)
        if wants_job(request):
            return await _job(request, admitted, key)
        if admitted.request.delivery.stream and key is None:
            return await unless_left(request, begin_stream(services, request, admitted))
        return await _answer(request, admitted, key, started)
    finally:
        await services.entrance.leave(admitted)


def promised(request: Request) -> IsPromised:
    """Whether an `ImageRequest` was asked for with this request's `Idempotency-Key` before."""
    services: Services = request.app.state.services

    async def is_promised(wanted: ImageRequest, principal: Principal) -> bool:
        key = idempotency_key(request)
        return key is not None and await services.jobs.acceptance.is_promised(principal.key_id, key, wanted)

    return is_promised


async def _job(request: Request, admitted: Admitted, key: str | None) -> Response:
    """202: where the job can be followed, and the job."""
    services: Services = request.app.state.services
    job = await services.jobs.acceptance.accept(_one_picture(admitted.request), admitted.caller, key)
    headers = {
        "location": f"{root(request)}v1/jobs/{job.id}",
        "preference-applied": "respond-async",
    }
    said = headers | drawing_headers(job.wanted.drawn_by, (job.wanted.seed,)) | admitted.headers
    return JsonResponse(shown(job, services.jobs, addresses(request)), 202, said)


async def _answer(request: Request, admitted: Admitted, key: str | None, started: float) -> Response:
    """200 once all pictures are there."""
    services: Services = request.app.state.services
    drawing = services.answers.draw(admitted.request, admitted.caller, key)
    pictures, created = await unless_left(request, drawing)
    headers = picture_headers(pictures, time.monotonic() - started) | admitted.headers
    if admitted.request.delivery.stream:
        return finished_stream(admitted.request, pictures, headers)

    def link(job_id: str, output_format: str) -> str:
        return addresses(request).link(job_id, output_format)

    body = picture_body(admitted.request, pictures, created, link)
    return Response(body, 200, headers, media_type="application/json")


def _one_picture(request: ImageRequest) -> ImageRequest:
    """A job is one picture, and whoever wants to watch it does so by its events.

    Raises:
        InvalidRequest: several are asked for, or a stream.
    """
    if request.n > 1:
        raise InvalidRequest(
            "A job (`Prefer: respond-async`) draws one picture. Send `n: 1` as often as you want one.", param="n"
        )
    if request.delivery.stream:
        raise InvalidRequest(
            "A job (`Prefer: respond-async`) has no stream in its answer; follow /v1/jobs/{id}/events.", param="stream"
        )
    return request


def wants_job(request: Request) -> bool:
    """Whether the caller prefers `respond-async` (RFC 7240, section 4.1; the header may come in several lines)."""
    preferences = ",".join(request.headers.getlist("prefer")).split(",")
    return any(p.partition(";")[0].partition("=")[0].strip().lower() == "respond-async" for p in preferences)


def idempotency_key(request: Request) -> str | None:
    """The caller's `Idempotency-Key`.

    Raises:
        InvalidRequest: it is too long or not visible ASCII.
    """
    key = request.headers.get("idempotency-key")
    if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
        raise InvalidRequest(
            "The header Idempotency-Key takes 1 to 255 visible ASCII characters.", param="Idempotency-Key"
        )
    return key
