"""`GET /v1/pictures/{name}`: a kept picture, for whoever holds a link to it (`response_format: "url"`)."""

# Tested in tests/api/test_picture_links.py.

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from safelight.api.exchange.operations import TEXT, Operation, Route, Said, Schema
from safelight.api.routes.jobs.jobs import ALONE
from safelight.api.services import Services
from safelight.contract.errors import NotFound
from safelight.contract.records.jobs import MEDIA_TYPES
from safelight.service.access.picture_links import NO_PICTURE, PICTURES_PATH


async def linked_picture(request: Request) -> Response:
    """The file. What the link says is the caller's whole right to it, so a page of any origin may show it."""
    services: Services = request.app.state.services
    name, query = str(request.path_params["name"]), request.query_params
    job_id, left = services.picture_links.check(name, query.get("expires", ""), query.get("signature", ""))
    job, size, pieces = await services.jobs.library.pictures.open_linked(job_id)
    if await services.keys.is_revoked(job.origin.owner):
        raise NotFound(NO_PICTURE)
    headers = {
        "cache-control": f"private, max-age={int(left)}",
        "etag": f'"{job.id}-image"',
        "content-security-policy": ALONE,
        "cross-origin-resource-policy": "cross-origin",
    }
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    headers |= {"content-length": str(size), "content-disposition": f'inline; filename="{name}"'}
    if request.method == "HEAD":
        return Response(headers=headers, media_type=job.media_type)
    return StreamingResponse(pieces, headers=headers, media_type=job.media_type)


def _of_query(name: str, what: str) -> Schema:
    return {"name": name, "in": "query", "required": True, "schema": TEXT, "description": what}


ROUTES = (
    Route(
        f"/{PICTURES_PATH}/{{name}}",
        "GET",
        linked_picture,
        Operation(
            name="linkedPicture",
            summary="A kept picture, by the link that an answer held.",
            key=False,
            parameters=(
                _of_query("expires", "Until when the link lasts, in Unix seconds."),
                _of_query("signature", "What proves that the server made the link."),
            ),
            answers={
                200: Said("The picture.", {kind: TEXT | {"format": "binary"} for kind in MEDIA_TYPES.values()}),
                304: Said("You have it (`If-None-Match`)."),
            },
            errors=(404, 410, 503),
        ),
    ),
)
