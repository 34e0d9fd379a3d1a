"""For whoever comes to an address that is no part of the API: the front door."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from safelight.api.exchange.operations import Route


async def front_door(request: Request) -> Response:
    """`GET /`: the studio. The location is relative, so that a prefix which a proxy puts before us is kept."""
    return Response(status_code=303, headers={"location": "studio/", "cache-control": "no-store"})


ROUTES = (Route("/", "GET", front_door),)
