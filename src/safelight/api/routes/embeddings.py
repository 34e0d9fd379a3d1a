"""`POST /v1/embeddings` (CONTRACT 10 and 11)."""

# Tested in tests/api/test_embeddings.py.

from __future__ import annotations

import asyncio
import base64
import struct
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from safelight.api.exchange.auth import authenticate
from safelight.api.exchange.bodies.body import read_body
from safelight.api.exchange.leaving import may_be_left, unless_left
from safelight.api.exchange.operations import BODY_ERRORS, Answer, Operation, Route, Said, Schema
from safelight.api.services import Services
from safelight.contract.requests.sentences import INPUT_TYPES, MOST_CHARACTERS, MOST_TEXTS
from safelight.contract.values.json_object import read_object
from safelight.service.embeddings import EmbeddingAnswer

MAX_BODY_BYTES = 20 * 1024 * 1024
_FLOAT_BYTES = 4

_TEXT: Schema = {"type": "string", "minLength": 1, "maxLength": MOST_CHARACTERS}
_REQUEST: Schema = {
    "type": "object",
    "required": ["model", "input"],
    "properties": {
        "model": {"type": "string"},
        "input": {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": MOST_TEXTS}]},
        "encoding_format": {"enum": ["float", "raw", "base64", None]},
        "dimensions": {"type": ["integer", "null"], "minimum": 1},
        "user": {"type": ["string", "null"]},
        "input_type": {"enum": [*INPUT_TYPES, None]},
        "embedding_type": {"enum": ["float", None]},
        "allow_ignored_params": {"type": ["boolean", "null"]},
    },
    "additionalProperties": True,
}


class Embedding(Answer, tag_field="object", tag="embedding", frozen=True, kw_only=True):
    """The vector of one text."""

    index: Annotated[int, Meta(ge=0)]
    embedding: Annotated[
        list[float] | str, Meta(description="Numbers, or as base64 their float32 values, little endian.")
    ]


class EmbeddingUsage(Answer, frozen=True, kw_only=True):
    """Tokens that were read."""

    prompt_tokens: Annotated[int, Meta(ge=0)]
    total_tokens: Annotated[int, Meta(ge=0)]


class EmbeddingList(Answer, tag_field="object", tag="list", frozen=True, kw_only=True):
    """The vectors, in the order of the texts."""

    data: list[Embedding]
    model: str
    usage: EmbeddingUsage


@may_be_left
async def embeddings(request: Request) -> Response:
    """Texts become vectors. A client that leaves cancels it."""
    services: Services = request.app.state.services
    principal = await authenticate(request)
    body = await read_body(request, max_bytes=MAX_BODY_BYTES, timeout_seconds=services.settings.body_timeout_seconds)
    fields = read_object(body)
    answer = await unless_left(
        request, services.embeddings.embed(principal, fields, request.scope["safelight.request_id"])
    )
    # 2048 texts are 800,000 numbers: others are answered meanwhile.
    content = await asyncio.to_thread(_content, answer)
    return Response(content, 200, answer.headers, "application/json")


def _content(answer: EmbeddingAnswer) -> bytes:
    size = len(answer.vectors) // answer.count
    vectors = (answer.vectors[at : at + size] for at in range(0, len(answer.vectors), size))
    data = [Embedding(index=index, embedding=_shown(vector, answer)) for index, vector in enumerate(vectors)]
    usage = EmbeddingUsage(prompt_tokens=answer.tokens, total_tokens=answer.tokens)
    return msgspec.json.encode(EmbeddingList(data=data, model=answer.model, usage=usage))


def _shown(vector: bytes, answer: EmbeddingAnswer) -> list[float] | str:
    if answer.encoding == "base64":
        return base64.b64encode(vector).decode("ascii")
    return [*struct.unpack(f"<{len(vector) // _FLOAT_BYTES}f", vector)]


ROUTES = (
    Route(
        "/v1/embeddings",
        "POST",
        embeddings,
        Operation(
            name="createEmbedding",
            summary="Turn texts into vectors.",
            description="Of a text beyond what the encoder reads the rest does not count.",
            body=_REQUEST,
            answers={
                200: Said(
                    "The vectors, in the order of the texts.",
                    {"application/json": EmbeddingList},
                    {
                        "x-safelight-truncated": {
                            "description": "How many texts were read only in part; absent where none was.",
                            "schema": {"type": "integer", "minimum": 1},
                        }
                    },
                )
            },
            errors=(*BODY_ERRORS, 403, 429, 503),
        ),
    ),
)
