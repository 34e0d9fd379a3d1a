"""`POST /v1/images/generations`."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

import orjson
import pybase64
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from safelight.api.auth import authenticate
from safelight.api.body import read_body
from safelight.api.envelope import JsonResponse
from safelight.api.jobs import shown
from safelight.api.services import Services
from safelight.contract.errors import InvalidRequest, NotAllowed
from safelight.contract.jobs import JobRecord
from safelight.contract.request import ImageRequest, parse_image_request, read_object
from safelight.service.generate import Asked, Picture
from safelight.service.keys import Principal

_T = TypeVar("_T")
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")


async def create_image(request: Request) -> Response:
    """Draw one picture. The order of the checks is the contract's (section 2)."""
    started = time.monotonic()
    services: Services = request.app.state.services
    principal = await authenticate(request)
    settings = services.settings
    try:
        body = await read_body(
            request, max_bytes=settings.max_body_bytes, timeout_seconds=settings.body_timeout_seconds
        )
    except ClientDisconnect:
        return _nobody()
    image_request = parse_image_request(read_object(body), services.catalogue)
    services.policy.check(image_request.prompt)
    _check_access(principal, image_request)
    rate = await services.limiter.hit(principal.key_id)
    asked = Asked(request.scope["safelight.request_id"], principal.key_id)
    limits, key = rate.headers() if rate else {}, idempotency_key(request)
    if wants_job(request):
        job = await services.jobs.accept(image_request, asked, key)
        return _accepted(job, services, limits)
    answer = await _unless_left(request, _draw(services, image_request, asked, key))
    if answer is None:
        return _nobody()
    picture, created = answer
    headers = picture_headers(picture, time.monotonic() - started) | limits
    return Response(picture_body(picture, created), 200, headers, media_type="application/json")


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


def _accepted(job: JobRecord, services: Services, limits: dict[str, str]) -> Response:
    """202: where the job can be followed, and the job."""
    headers = {
        "location": f"/v1/jobs/{job.id}",
        "preference-applied": "respond-async",
        "x-safelight-model": job.drawn_by,
        "x-safelight-seed": str(job.seed),
    }
    return JsonResponse(shown(job, services.jobs), 202, headers | limits)


async def _draw(
    services: Services, image_request: ImageRequest, asked: Asked, key: str | None
) -> tuple[Picture, float]:
    """The picture and when it was made: a new one, or with the same `Idempotency-Key` the one that there is."""
    everything = services.settings.store == "all"
    if key is not None:
        return await services.jobs.draw_once(image_request, asked, key, listed=everything)
    picture = await services.generate.draw(image_request, asked)
    if everything:
        await services.jobs.keep(image_request, asked, picture)
    return picture, time.time()


def _check_access(principal: Principal, request: ImageRequest) -> None:
    if principal.models is not None and request.model.id not in principal.models:
        allowed = ", ".join(principal.models) or "none"
        raise NotAllowed(f"This key may not use the model {request.model.id}. It may use: {allowed}.", param="model")


async def _unless_left(request: Request, work: Coroutine[Any, Any, _T]) -> _T | None:
    """What the work returns; None when the client left first, and the work was given up."""
    drawing = asyncio.create_task(work, name=f"draw-{request.scope['safelight.request_id']}")
    leaving = asyncio.create_task(_left(request), name=f"leave-{request.scope['safelight.request_id']}")
    try:
        await asyncio.wait((drawing, leaving), return_when=asyncio.FIRST_COMPLETED)
        return drawing.result() if drawing.done() else None
    finally:
        for task in (drawing, leaving):
            task.cancel()
        await asyncio.gather(drawing, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    """Returns when the client has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _nobody() -> Response:
    """For a client that is gone: nginx's 499, which only our own log sees."""
    return Response(status_code=499)


def picture_headers(picture: Picture, seconds: float) -> dict[str, str]:
    """What a caller may want to know beside the documented body (CONTRACT 1)."""
    return {
        "openai-processing-ms": str(round(seconds * 1000)),
        "x-safelight-model": picture.drawn_by,
        "x-safelight-seed": str(picture.seed),
        "x-safelight-fingerprint": picture.fingerprint,
    }


def picture_body(picture: Picture, created: float) -> bytes:
    """The documented answer. The base64 text goes in as it is: it needs no escaping, and is not scanned for any."""
    text = orjson.Fragment(b'"' + pybase64.b64encode(picture.image) + b'"')
    return orjson.dumps({"created": int(created), "data": [{"b64_json": text, "revised_prompt": ""}]})
