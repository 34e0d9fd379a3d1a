"""The ASGI application: routes, and what stands around them."""

# Tested in tests/api/test_routes.py.

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from safelight.api.exchange.envelope import Envelope, JsonResponse, name_route, on_api_error, on_http_exception
from safelight.api.exchange.streams import Streams
from safelight.api.exchange.wrong_keys import WrongKeys
from safelight.api.http.cors import Cors
from safelight.api.http.hosts import Hosts
from safelight.api.http.proxies import Proxies
from safelight.api.openapi.document import openapi_document
from safelight.api.openapi.reference import HEADERS, reference_page
from safelight.api.routes.health import livez, metrics, readyz, version
from safelight.api.routes.images import create_image
from safelight.api.routes.job_events import all_events, job_events
from safelight.api.routes.jobs import cancel_job, change_job, delete_job, get_job, job_image, job_thumbnail, list_jobs
from safelight.api.routes.models import available_models, get_model, heroku_model, list_models
from safelight.api.routes.signposts import front_door, no_edits_yet
from safelight.api.routes.studio import get_session, page, sign_in, sign_out
from safelight.api.services import Services
from safelight.contract.errors import ApiError

Endpoint = Callable[[Request], Awaitable[Response]]

# Every route: path, method, endpoint. The test of the documentation reads this list.
ROUTES: tuple[tuple[str, str, Endpoint], ...] = (
    ("/v1/images/generations", "POST", create_image),
    ("/v1/jobs", "GET", list_jobs),
    ("/v1/jobs/events", "GET", all_events),
    ("/v1/jobs/{job_id}", "GET", get_job),
    ("/v1/jobs/{job_id}", "PATCH", change_job),
    ("/v1/jobs/{job_id}", "DELETE", delete_job),
    ("/v1/jobs/{job_id}/cancel", "POST", cancel_job),
    ("/v1/jobs/{job_id}/events", "GET", job_events),
    ("/v1/jobs/{job_id}/image", "GET", job_image),
    ("/v1/jobs/{job_id}/thumbnail", "GET", job_thumbnail),
    ("/v1/models", "GET", list_models),
    ("/v1/models/{model_id}", "GET", get_model),
    ("/available-models", "GET", available_models),
    ("/models/{model_id}", "GET", heroku_model),
    ("/health", "GET", readyz),
    ("/livez", "GET", livez),
    ("/readyz", "GET", readyz),
    ("/version", "GET", version),
    ("/metrics", "GET", metrics),
    ("/studio/session", "GET", get_session),
    ("/studio/session", "POST", sign_in),
    ("/studio/session", "DELETE", sign_out),
)

# What is for people, or not there yet, is no part of the API's document.
_BESIDE: tuple[tuple[str, str, Endpoint], ...] = (
    ("/", "GET", front_door),
    ("/studio", "GET", page),
    ("/studio/{path:path}", "GET", page),
    ("/v1/images/edits", "POST", no_edits_yet),
)


class _NamedRoute(Route):
    """A route that notes its own pattern for logs and metrics, and answers OPTIONS without a key."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child = super().matches(scope)
        name_route(scope, match, self.path)
        return match, child


def create_app(services: Services) -> Starlette:
    """The application over services that are already running."""

    async def openapi(request: Request) -> Response:
        return JsonResponse(openapi_document(services.catalogue))

    async def reference(request: Request) -> Response:
        content = reference_page(openapi_document(services.catalogue))
        return Response(content, headers=HEADERS, media_type="text/html")

    by_path: dict[str, dict[str, Endpoint]] = {}
    drawn = (("/openapi.json", "GET", openapi), ("/docs", "GET", reference))
    for path, method, endpoint in (*ROUTES, *drawn, *_BESIDE):
        by_path.setdefault(path, {})[method] = endpoint
    app = Starlette(
        routes=[_route(path, endpoints) for path, endpoints in by_path.items()],
        middleware=[
            Middleware(Envelope, telemetry=services.telemetry),
            Middleware(Hosts, allowed=services.settings.allowed_hosts),
            Middleware(Cors, origins=services.settings.cors_origins),
        ],
        exception_handlers={ApiError: on_api_error, HTTPException: on_http_exception},
    )
    app.router.redirect_slashes = False
    app.state.services = services
    app.state.wrong_keys, app.state.streams = WrongKeys(), Streams()
    app.state.proxies = Proxies(services.settings.trusted_proxies)
    return app


def _route(path: str, endpoints: dict[str, Endpoint]) -> Route:
    allowed = [*endpoints, *(["HEAD"] if "GET" in endpoints else []), "OPTIONS"]

    async def answer(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"allow": ", ".join(allowed)})
        return await endpoints["GET" if request.method == "HEAD" else request.method](request)

    return _NamedRoute(path, answer, methods=[*endpoints, "OPTIONS"])
