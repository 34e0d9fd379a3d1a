"""What is answered while the database cannot be reached, before anything else could be opened."""

# Tested in tests/hostile/test_database_away.py.

from __future__ import annotations

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from safelight.api.exchange.envelope import Envelope, JsonResponse, on_api_error
from safelight.api.http.hosts import Hosts
from safelight.contract.errors import ApiError, StoreUnavailable
from safelight.service.ports.telemetry import Telemetry
from safelight.settings import Settings

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def create_unready_app(settings: Settings, telemetry: Telemetry, why: Callable[[], StoreUnavailable]) -> Starlette:
    """An application that is alive and can do nothing: every path but `/livez` is 503."""

    async def livez(request: Request) -> Response:
        return JsonResponse({"status": "ok"})

    async def anything(request: Request) -> Response:
        raise why()

    return Starlette(
        routes=[Route("/livez", livez), Route("/{path:path}", anything, methods=_METHODS)],
        middleware=[Middleware(Envelope, telemetry=telemetry), Middleware(Hosts, allowed=settings.allowed_hosts)],
        exception_handlers={ApiError: on_api_error},
    )
