"""What a picture's answer says: its body, its headers, and how the document describes both (CONTRACT 1 and 6)."""

# Tested in tests/api/test_images.py.

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Literal

import msgspec
import orjson
import pybase64
from msgspec import UNSET, Meta, UnsetType

from safelight.api.exchange.operations import TEXT, Answer, Said, Schema
from safelight.api.http.headers import drawing_headers
from safelight.api.routes.jobs.job_answer import Job
from safelight.contract.parameters.calls import Call
from safelight.contract.parameters.rendering.seed import MAX_PICTURES
from safelight.contract.requests.prompt_cut import cut_header
from safelight.contract.requests.request import ImageRequest
from safelight.service.drawing.answer_fields import answer_fields
from safelight.service.drawing.drawing import Picture

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


def base64_text(image: bytes) -> orjson.Fragment:
    """A file as a JSON string. It goes in as it is: base64 needs no escaping, and is not scanned for any."""
    return orjson.Fragment(b'"' + pybase64.b64encode(image) + b'"')


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


def answers_of(call: Call) -> dict[int, Said]:
    """What an operation that draws answers with, by status."""
    event = ImageEvent if call == "generate" else ImageEditEvent
    return {
        200: Said("The picture.", {"application/json": ImageResponse, "text/event-stream": event}, _HEADERS),
        202: Said("Accepted: it will be drawn.", {"application/json": Job}, _ACCEPTED),
    }
