"""`POST /v1/chat/completions`, passed on to servers of the operator's (CONTRACT 10)."""

# Tested in tests/api/test_chat.py.

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from safelight.api.exchange.auth import authenticate
from safelight.api.exchange.bodies.body import read_body
from safelight.api.exchange.leaving import may_be_left, unless_left
from safelight.api.exchange.operations import BODY_ERRORS, Operation, Route, Said, Schema
from safelight.api.services import Services
from safelight.contract.values.json_object import read_object
from safelight.service.chat import ChatAnswer

MAX_BODY_BYTES = 20 * 1024 * 1024

_REQUEST: Schema = {
    "type": "object",
    "required": ["model", "messages"],
    "properties": {
        "model": {"type": "string"},
        "messages": {"type": "array", "items": {"type": "object"}},
        "stream": {"type": "boolean"},
    },
    "additionalProperties": True,
}
_COMPLETION: Schema = {"type": "object", "description": "The upstream's answer, as it came."}


@may_be_left
async def chat_completions(request: Request) -> Response:
    """Pass a chat on, and its answer back byte by byte. A client that leaves cancels it."""
    services: Services = request.app.state.services
    principal = await authenticate(request)
    body = await read_body(request, max_bytes=MAX_BODY_BYTES, timeout_seconds=services.settings.body_timeout_seconds)
    asking = services.chat.complete(principal, read_object(body), body, request.scope["safelight.request_id"])
    answer = await unless_left(request, asking)
    if not answer.streams:
        return Response(await unless_left(request, _whole(answer)), 200, answer.headers, answer.media_type)
    headers = answer.headers | {"cache-control": "no-cache", "x-accel-buffering": "no"}
    return StreamingResponse(answer.content, 200, headers, answer.media_type)


async def _whole(answer: ChatAnswer) -> bytes:
    """What breaks off in the middle is an error, and not half an answer."""
    try:
        return b"".join([piece async for piece in answer.content])
    finally:
        await answer.content.aclose()


ROUTES = (
    Route(
        "/v1/chat/completions",
        "POST",
        chat_completions,
        Operation(
            name="createChatCompletion",
            summary="Chat with a model of an upstream.",
            description="The body goes to the upstream that serves the model, as it is, and so comes the answer.",
            body=_REQUEST,
            answers={
                200: Said(
                    "The upstream's answer, or its stream.",
                    {"application/json": _COMPLETION, "text/event-stream": {"type": "string"}},
                )
            },
            errors=(*BODY_ERRORS, 403, 404, 429, 502, 504),
        ),
    ),
)
