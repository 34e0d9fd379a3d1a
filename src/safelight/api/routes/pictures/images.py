"""`POST /v1/images/generations`."""

from __future__ import annotations

import asyncio
import time

from starlette.requests import Request
from starlette.responses import Response

from safelight.api.exchange.auth import authenticate
from safelight.api.exchange.bodies.body import read_body
from safelight.api.exchange.leaving import may_be_left
from safelight.api.exchange.operations import BODY_ERRORS, IMAGE_REQUEST, Operation, Route
from safelight.api.routes.pictures.image_answer import answers_of
from safelight.api.routes.pictures.picture_answers import PREFER, answered, promised
from safelight.api.services import Services
from safelight.contract.values.json_object import read_object


@may_be_left
async def create_image(request: Request) -> Response:
    """Draw pictures. The order of the checks is the contract's (section 2)."""
    started = time.monotonic()
    services: Services = request.app.state.services
    principal = await authenticate(request)
    settings = services.settings
    most = settings.max_upload_bytes if settings.takes_controls else settings.max_body_bytes
    body = await read_body(request, max_bytes=most, timeout_seconds=settings.body_timeout_seconds)
    large = len(body) > settings.max_body_bytes  # it holds pictures, and reading them takes a while
    fields = await asyncio.to_thread(read_object, body) if large else read_object(body)
    request_id = request.scope["safelight.request_id"]
    trace = request.scope["safelight.trace"]
    entering = services.entrance.admit(principal, fields, request_id, is_promised=promised(request), trace=trace)
    return await answered(request, entering, started)


ROUTES = (
    Route(
        "/v1/images/generations",
        "POST",
        create_image,
        Operation(
            name="createImage",
            summary="Draw pictures.",
            description=(
                "With `stream: true`, where the model supports it, the answer is server-sent events: "
                "`image_generation.partial_image`, `image_generation.completed`, `error`. "
                "With the header `Prefer: respond-async` the answer is 202 and a job. With `Idempotency-Key` (1 to 255 "
                "visible ASCII characters) the same request gets the same answer for 24 hours; with another body, 400."
            ),
            parameters=(PREFER,),
            body=IMAGE_REQUEST,
            answers=answers_of("generate"),
            errors=(*BODY_ERRORS, 403, 429, 503),
        ),
    ),
)
