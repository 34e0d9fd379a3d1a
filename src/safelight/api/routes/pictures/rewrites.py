"""`POST /v1/images/rewrites`: what would become of a prompt before it is drawn."""

# Tested in tests/api/test_rewriting.py.

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from safelight.api.exchange.auth import authenticate
from safelight.api.exchange.bodies.body import read_body
from safelight.api.exchange.envelope import JsonResponse
from safelight.api.exchange.leaving import may_be_left, unless_left
from safelight.api.exchange.operations import BODY_ERRORS, TEXT, Answer, Operation, Route, Schema, json_answer
from safelight.api.services import Services
from safelight.contract.values.json_object import read_object


class Rewritten(Answer, tag_field="object", tag="image.rewrite", frozen=True, kw_only=True):
    """What a prompt becomes. Sent with `rewrite: false`, it is drawn as it is."""

    model: str
    revised_prompt: str


@may_be_left
async def rewrite_prompt(request: Request) -> Response:
    """Nothing is drawn, and nothing kept."""
    services: Services = request.app.state.services
    principal = await authenticate(request)
    settings = services.settings
    body = await read_body(request, max_bytes=settings.max_body_bytes, timeout_seconds=settings.body_timeout_seconds)
    rewriting = services.entrance.rewrite(principal, read_object(body))
    model_id, text, headers = await unless_left(request, rewriting)
    return JsonResponse(Rewritten(model=model_id, revised_prompt=text), headers=headers)


_REQUEST: Schema = {
    "type": "object",
    "required": ["model", "prompt"],
    "properties": {"model": TEXT, "prompt": TEXT},
    "additionalProperties": True,
}

ROUTES = (
    Route(
        "/v1/images/rewrites",
        "POST",
        rewrite_prompt,
        Operation(
            name="rewritePrompt",
            summary="What would become of a prompt before it is drawn.",
            description="The body is that of `POST /v1/images/generations`, for a model whose prompts are rewritten.",
            body=_REQUEST,
            answers=json_answer("The prompt that would be drawn.", Rewritten),
            errors=(*BODY_ERRORS, 403, 429, 502, 503),
        ),
    ),
)
