"""For whoever comes to an address that is no part of the API: the front door, and what is not there yet."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from safelight.api.exchange.operations import Route
from safelight.contract.errors import NotFound


async def front_door(request: Request) -> Response:
    """`GET /`: the studio. The location is relative, so that a prefix which a proxy puts before us is kept."""
    return Response(status_code=303, headers={"location": "studio/", "cache-control": "no-store"})


async def no_edits_yet(request: Request) -> Response:
    """`POST /v1/images/edits`: clients that try it learn that it is this route which is missing.

    Raises:
        NotFound: always.
    """
    raise NotFound(
        "`/v1/images/edits` is not supported yet: this server draws from words alone. "
        "POST /v1/images/generations takes the prompt without pictures."
    )


ROUTES = (
    Route("/", "GET", front_door),
    Route("/v1/images/edits", "POST", no_edits_yet),
)
