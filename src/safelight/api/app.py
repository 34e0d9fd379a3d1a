"""The ASGI application: routes, and what stands around them."""

# Tested in tests/api/test_routes.py.

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator

from starlette import routing
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from safelight.api import routes as room
from safelight.api.exchange.envelope import Envelope, JsonResponse, name_route, on_api_error, on_http_exception
from safelight.api.exchange.operations import Endpoint, Route
from safelight.api.exchange.streams import Streams
from safelight.api.exchange.under_way import UnderWay
from safelight.api.exchange.wrong_keys import WrongKeys
from safelight.api.http.cors import Cors
from safelight.api.http.hosts import Hosts
from safelight.api.http.proxies import Proxies
from safelight.api.openapi.document import openapi_document
from safelight.api.openapi.reference import HEADERS, reference_page
from safelight.api.services import Services
from safelight.contract.errors import ApiError


def found_routes() -> Iterator[Route]:
    """The routes of every module, by its name, in whichever room it is. A new module is found by being there."""
    found = (module.name for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."))
    for name in sorted(found, key=lambda name: name.rpartition(".")[2]):
        yield from getattr(importlib.import_module(name), "ROUTES", ())


def _literal_first(route: Route) -> list[bool]:
    """The first route that matches answers, so `/v1/jobs/events` comes before `/v1/jobs/{job_id}`."""
    return [part.startswith("{") for part in route.path.split("/")]


ROUTES: tuple[Route, ...] = tuple(sorted(found_routes(), key=_literal_first))
"""Every route but those that show the document of the others."""


class _NamedRoute(routing.Route):
    """A route that notes its own pattern for logs and metrics, and answers OPTIONS without a key."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child = super().matches(scope)
        name_route(scope, match, self.path)
        return match, child


def create_app(services: Services, routes: Iterable[Route] = ROUTES) -> Starlette:
    """The application over services that are already running."""

    async def openapi(request: Request) -> Response:
        return JsonResponse(openapi_document(services.catalogue, routes))

    async def reference(request: Request) -> Response:
        content = reference_page(openapi_document(services.catalogue, routes))
        return Response(content, headers=HEADERS, media_type="text/html")

    by_path: dict[str, dict[str, Endpoint]] = {}
    for route in (*routes, Route("/openapi.json", "GET", openapi), Route("/docs", "GET", reference)):
        by_path.setdefault(route.path, {})[route.method] = route.endpoint
    app = Starlette(
        routes=[_route(path, endpoints) for path, endpoints in by_path.items()],
        middleware=[
            Middleware(Envelope, telemetry=services.telemetry, traces=services.settings.tracing is not None),
            Middleware(Hosts, allowed=services.settings.allowed_hosts),
            Middleware(Cors, origins=services.settings.cors_origins),
        ],
        exception_handlers={ApiError: on_api_error, HTTPException: on_http_exception},
    )
    app.router.redirect_slashes = False
    app.state.services = services
    app.state.wrong_keys, app.state.streams, app.state.under_way = WrongKeys(), Streams(), UnderWay()
    app.state.proxies = Proxies(services.settings.trusted_proxies)
    return app


def _route(path: str, endpoints: dict[str, Endpoint]) -> routing.Route:
    allowed = [*endpoints, *(["HEAD"] if "GET" in endpoints else []), "OPTIONS"]

    async def answer(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"allow": ", ".join(allowed)})
        return await endpoints["GET" if request.method == "HEAD" else request.method](request)

    return _NamedRoute(path, answer, methods=[*endpoints, "OPTIONS"])
