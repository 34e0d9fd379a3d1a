"""`POST /v1/images/edits`: as multipart/form-data or JSON (CONTRACT 8)."""

# Tested in tests/api/test_edits.py.

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight.api.exchange.auth import authenticate
from safelight.api.exchange.bodies.body import media_type_of, read_body, read_pieces
from safelight.api.exchange.bodies.forms import Form
from safelight.api.exchange.leaving import may_be_left
from safelight.api.exchange.operations import BODY_ERRORS, EDIT_FORM, EDIT_REQUEST, Operation, Route
from safelight.api.routes.pictures.image_answer import answers_of
from safelight.api.routes.pictures.picture_answers import PREFER, answered, promised
from safelight.api.services import Services
from safelight.contract.parameters.calls import EDIT_PATH, Call
from safelight.contract.values.json_object import read_object

_FORM = "multipart/form-data"
_SEVERAL = ("image",)
_FILES = (*_SEVERAL, "mask")
_BY_NAME = ("control",)


@may_be_left
async def edit_image(request: Request) -> Response:
    """Draw pictures from pictures. The order of the checks is the contract's (section 2)."""
    started = time.monotonic()
    services: Services = request.app.state.services
    principal = await authenticate(request)
    fields, call = await _read(request, services)
    request_id = request.scope["safelight.request_id"]
    trace = request.scope["safelight.trace"]
    entering = services.entrance.admit(principal, fields, request_id, call, promised(request), trace)
    return await answered(request, entering, started)


async def _read(request: Request, services: Services) -> tuple[dict[str, Any], Call]:
    """The fields of the body, and how they were written."""
    settings = services.settings
    bounds: dict[str, Any] = {
        "max_bytes": settings.max_upload_bytes,
        "timeout_seconds": settings.body_timeout_seconds,
    }
    if media_type_of(request) != _FORM:
        body = await read_body(request, **bounds)
        return await asyncio.to_thread(read_object, body), "edit"
    form = Form(
        request.headers.get("content-type", ""),
        _FILES,
        folder=Path(settings.home),
        most_text_bytes=settings.max_body_bytes,
        several=_SEVERAL,
        by_name=_BY_NAME,
    )
    with closing(form):
        async for piece in read_pieces(request, **bounds):
            form.feed(piece)
        return form.fields(), "edit by form"


ROUTES = (
    Route(
        EDIT_PATH,
        "POST",
        edit_image,
        Operation(
            name="editImage",
            summary="Draw pictures from pictures.",
            description=(
                "The pictures are files of a form, or `data:` addresses in JSON: nothing is fetched. With "
                "`stream: true` the answer is server-sent events: `image_edit.partial_image`, `image_edit.completed`, "
                "`error`. `Prefer: respond-async` and `Idempotency-Key` are as for `POST /v1/images/generations`; the "
                "key covers the files' bytes."
            ),
            parameters=(PREFER,),
            body={"application/json": EDIT_REQUEST, _FORM: EDIT_FORM},
            answers=answers_of("edit"),
            errors=(*BODY_ERRORS, 403, 429, 503),
        ),
    ),
)
