"""One ring around the other: a job, a stream, an answer; what every route does with a request that was let in.

An `Idempotency-Key` goes with the first and the last.
"""

# Tested in tests/api/test_images.py.

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import orjson
from msgspec import UNSET, Meta, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from safelight.api.exchange.envelope import JsonResponse
from safelight.api.exchange.leaving import unless_left
from safelight.api.exchange.operations import TEXT, Answer, Said, Schema
from safelight.api.http.headers import drawing_headers
from safelight.api.http.proxies import root
from safelight.api.routes.jobs.job_answer import Job, addresses, shown
from safelight.api.routes.pictures.image_stream import base64_text, begin_stream, finished_stream
from safelight.api.services import Services
from safelight.contract.errors import InvalidRequest
from safelight.contract.parameters.calls import Call
from safelight.contract.parameters.rendering.seed import MAX_PICTURES
from safelight.contract.requests.prompt_cut import cut_header
from safelight.contract.requests.request import ImageRequest
from safelight.service.access.keys import Principal
from safelight.service.drawing.answer_fields import answer_fields
from safelight.service.drawing.drawing import Picture
from safelight.service.entrance import Admitted

_Base64 = Annotated[str, Meta(extra_json_schema={"contentEncoding": "base64"})]


class Image(Answer, frozen=True, kw_only=True):
    """A picture's file, in base64 or as a link."""

    b64_json: _Base64 | UnsetType = UNSET
    url: Annotated[str, Meta(extra_json_schema={"format": "uri"})] | UnsetType = UNSET
    revised_prompt: str


class Tokens(Answer, frozen=True, kw_only=True):
    """Of what was sent, by what it was."""

    image_tokens: int
    text_tokens: int


class Usage(Answer, frozen=True, kw_only=True):
    """The fields that OpenAI's SDKs expect: nothing here is counted in tokens."""

    input_tokens: int
    input_tokens_details: Tokens
    output_tokens: int
    total_tokens: int


class ImageResponse(Answer, frozen=True, kw_only=True):
    """OpenAI's and Heroku's answer. It is put together by hand, since its texts are long and need no escaping.

    What follows `data` is said of a model under its own id.
    """

    created: int
    data: Annotated[list[Image], Meta(min_length=1, max_length=MAX_PICTURES)]
    size: str | UnsetType = UNSET
    quality: str | UnsetType = UNSET
    output_format: str | UnsetType = UNSET
    background: Literal["opaque"] | UnsetType = UNSET
    usage: Usage | UnsetType = UNSET


class ImageEvent(msgspec.Struct):
    """A server-sent event of a stream; `data` is a JSON object whose `type` is the event's name."""

    event: Literal["image_generation.partial_image", "image_generation.completed", "error"]
    data: Annotated[str, Meta(extra_json_schema={"contentMediaType": "application/json"})]


class ImageEditEvent(msgspec.Struct):
    """As `ImageEvent`, of a stream of an edit."""

    event: Literal["image_edit.partial_image", "image_edit.completed", "error"]
    data: Annotated[str, Meta(extra_json_schema={"contentMediaType": "application/json"})]


_T = TypeVar("_T")
IsPromised = Callable[[ImageRequest, Principal], Awaitable[bool]]
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")


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
    body = picture_body(admitted.request, pictures, created, addresses(request).link)
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


def picture_headers(pictures: Sequence[Picture], seconds: float) -> dict[str, str]:
    """What a caller may want to know beside the documented body (CONTRACT 1)."""
    exact = all(picture.tier == "exact" for picture in pictures)
    return (
        drawing_headers(pictures[0].drawn_by, [picture.seed for picture in pictures])
        | {
            "openai-processing-ms": str(round(seconds * 1000)),
            "x-safelight-fingerprint": pictures[0].fingerprint,
            "x-safelight-tier": "exact" if exact else "throughput",
        }
        | cut_header(pictures[0].cuts)
    )


def picture_body(
    request: ImageRequest, pictures: Sequence[Picture], created: float, link: Callable[[str, str], str]
) -> bytes:
    """The documented answer, and under a model's own id what OpenAI's says beside it (CONTRACT 6). `link` makes one to
    the picture of a job in a format."""
    as_links = request.delivery.as_links
    data = [
        ({"url": link(each.job_id, each.output_format)} if as_links else {"b64_json": base64_text(each.image)})
        | {"revised_prompt": each.revised_prompt}
        for each in pictures
    ]
    return orjson.dumps(answer_fields(request, data, created))


_INTEGER: Schema = {"schema": {"type": "integer"}}
_HEADERS: Schema = {
    "openai-processing-ms": _INTEGER,
    "x-safelight-model": {"description": "The model that drew it.", "schema": TEXT},
    "x-safelight-seed": _INTEGER | {"description": "The seed that was used, the first of several."},
    "x-safelight-seeds": {"description": "All seeds, where there are several pictures.", "schema": TEXT},
    "x-safelight-fingerprint": {"description": "What the bytes depend on.", "schema": TEXT},
    "x-safelight-prompt-truncated": {
        "description": "Where a prompt was cut: how many of its tokens were read, and how many it has (RFC 9651).",
        "schema": TEXT,
    },
    "x-safelight-tier": {"description": "What is promised of the bytes.", "schema": {"enum": ["exact", "throughput"]}},
}
_ACCEPTED: Schema = {
    "location": {"schema": TEXT},
    "preference-applied": {"schema": {"const": "respond-async"}},
    "x-safelight-model": {"schema": TEXT},
    "x-safelight-seed": _INTEGER,
}
PREFER: Schema = {
    "name": "Prefer",
    "in": "header",
    "description": "RFC 7240. Only `respond-async` is honoured.",
    "schema": TEXT,
    "examples": {"async": {"value": "respond-async"}},
}


def answers_of(call: Call) -> dict[int, Said]:
    """What an operation that draws answers with, by status."""
    event = ImageEvent if call == "generate" else ImageEditEvent
    return {
        200: Said("The picture.", {"application/json": ImageResponse, "text/event-stream": event}, _HEADERS),
        202: Said("Accepted: it will be drawn.", {"application/json": Job}, _ACCEPTED),
    }
