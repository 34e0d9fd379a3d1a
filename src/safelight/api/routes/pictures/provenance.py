"""`POST /v1/content_provenance_checks`: what a picture's file says of its origin, as OpenAI's route of that name.

https://developers.openai.com/api/docs/guides/content-provenance
"""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from safelight.api.exchange.auth import authenticate
from safelight.api.exchange.bodies.body import media_type_of, read_pieces
from safelight.api.exchange.bodies.forms import Form
from safelight.api.exchange.bodies.uploads import Upload
from safelight.api.exchange.leaving import may_be_left, unless_left
from safelight.api.exchange.operations import BODY_ERRORS, Answer, Operation, Route, Said, Schema
from safelight.api.services import Services
from safelight.contract.errors import InvalidRequest, UnsupportedMediaType
from safelight.service.ports.credentials import Credentials, SignatureState, UnreadableFile

_FORM = "multipart/form-data"
_FILE = "file"
_MOST_TEXT_BYTES = 64 * 1024
_REQUEST: Schema = {
    "type": "object",
    "required": [_FILE],
    "properties": {_FILE: {"type": "string", "format": "binary", "description": "A PNG, JPEG or WebP file."}},
}
Outcome = Literal["detected", "not_detected"]


class C2paResult(Answer, tag_field="type", tag="c2pa", frozen=True, kw_only=True):
    """The signed statement (Content Credentials). Detected: a signature that holds says that a model drew it."""

    outcome: Outcome
    validation_state: SignatureState
    issuer: str | None
    model: str | None
    generated_at: Annotated[str | None, Meta(description="RFC 3339, in UTC.")]
    fingerprint: Annotated[str | None, Meta(description="What drew it, as `x-safelight-fingerprint` names it.")]
    prompt: str | None
    unsigned_sha256: Annotated[
        str,
        Meta(description="SHA-256 of the file without the statement: the same seed gives a file of the same again."),
    ]


class XmpResult(Answer, tag_field="type", tag="xmp", frozen=True, kw_only=True):
    """The IPTC's mark without a signature, which every picture of Safelight carries unless `metadata` is `none`."""

    outcome: Outcome


class ContentProvenanceCheck(Answer, tag_field="object", tag="content_provenance_check", frozen=True, kw_only=True):
    """What was found."""

    created_at: int
    results: list[C2paResult | XmpResult]


@may_be_left
async def check_provenance(request: Request) -> Response:
    """Read a file's credentials. It is kept no longer than that takes."""
    services: Services = request.app.state.services
    await authenticate(request)
    if services.credentials is None:
        raise InvalidRequest(
            "This server cannot read signatures: its operator has not installed 'safelight[provenance]'.",
            code="unsupported_operation",
        )
    upload = await _file(request, services)
    try:
        found = await unless_left(request, services.credentials.read(upload))
    except UnreadableFile as error:
        raise InvalidRequest(
            f"The file {error}. Send a PNG, JPEG or WebP file.", code="invalid_image", param=_FILE
        ) from error
    check = ContentProvenanceCheck(created_at=int(time.time()), results=_results(found))
    return Response(msgspec.json.encode(check), media_type="application/json")


async def _file(request: Request, services: Services) -> Upload:
    if media_type_of(request) != _FORM:
        raise UnsupportedMediaType(f"Send the file as a form: Content-Type {_FORM}, in the field `{_FILE}`.")
    settings = services.settings
    form = Form(
        request.headers.get("content-type", ""),
        (_FILE,),
        folder=Path(settings.home),
        most_text_bytes=_MOST_TEXT_BYTES,
        several=(),
    )
    pieces = read_pieces(request, max_bytes=settings.max_upload_bytes, timeout_seconds=settings.body_timeout_seconds)
    with closing(form):
        async for piece in pieces:
            form.feed(piece)
        fields = form.fields()
    upload = fields.pop(_FILE, None)
    if upload is None:
        raise InvalidRequest(
            f"`{_FILE}` is missing: the file to check.", param=_FILE, code="missing_required_parameter"
        )
    if fields:
        unknown = next(iter(fields))
        raise InvalidRequest(f"`{unknown}` is no field of this form.", param=unknown, code="unknown_parameter")
    assert isinstance(upload, Upload)
    return upload


def _results(found: Credentials) -> list[C2paResult | XmpResult]:
    return [
        C2paResult(
            outcome="detected" if found.generated else "not_detected",
            validation_state=found.state,
            issuer=found.issuer,
            model=found.model,
            generated_at=found.generated_at,
            fingerprint=found.fingerprint,
            prompt=found.prompt,
            unsigned_sha256=found.unsigned_sha256,
        ),
        XmpResult(outcome="detected" if found.marked else "not_detected"),
    ]


ROUTES = (
    Route(
        "/v1/content_provenance_checks",
        "POST",
        check_provenance,
        Operation(
            name="checkContentProvenance",
            summary="Say what a picture's file says of its origin.",
            description="Signatures (C2PA) are checked, nothing is fetched, and the file is not kept.",
            body={_FORM: _REQUEST},
            answers={200: Said("What was found.", {"application/json": ContentProvenanceCheck})},
            errors=BODY_ERRORS,
        ),
    ),
)
