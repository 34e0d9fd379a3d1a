"""Around every request: its id, one error shape for whatever goes wrong, a log line, a metric, one trailing slash."""

# Tested in tests/api/test_errors.py.

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import structlog
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from safelight.api.http.headers import EVERYWHERE
from safelight.contract.errors import (
    ApiError,
    ConfigurationError,
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
)
from safelight.contract.requests.trace import NO_TRACE, below
from safelight.service.drawing.capacity.readiness import shutting_down
from safelight.service.ports.telemetry import Answered, Rejected, Telemetry

_CALLER_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_OTHER_ROUTE = "other"
_PROBES = ("/livez", "/readyz", "/health", "/metrics")
_THUMBNAIL = "/thumbnail"

log = structlog.get_logger(__name__)


class JsonResponse(Response):
    """A JSON answer: an `Answer`, or what JSON has."""

    media_type = "application/json"

    def __init__(self, content: Any, status_code: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(msgspec.json.encode(content), status_code, headers)


def error_response(error: ApiError) -> JsonResponse:
    """An error as the contract shapes it."""
    return JsonResponse(error.body(), error.status, error.headers)


async def on_api_error(request: Request, error: Exception) -> Response:
    """Starlette's handler for what we raise on purpose."""
    assert isinstance(error, ApiError)  # registered for that class alone
    request.scope["safelight.error_code"] = error.code
    return error_response(error)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Starlette's own 404 and 405 in our shape."""
    assert isinstance(error, HTTPException)  # registered for that class alone
    return await on_api_error(request, _translated(request, error))


def _translated(request: Request, error: HTTPException) -> ApiError:
    if error.status_code == 404:
        return NotFound("There is nothing at this path. Pictures: POST /v1/images/generations; models: GET /v1/models.")
    if error.status_code == 405:
        # Starlette's are a set, whose order is another in each process.
        allowed = ", ".join(sorted((error.headers or {}).get("Allow", "").split(", ")))
        return MethodNotAllowed(
            f"{_method(request)} is not served here. Allowed: {allowed}.", headers={"allow": allowed}
        )
    if error.status_code < 500:
        return InvalidRequest("The request could not be read.")
    return InternalError("The server could not answer.")


def _method(request: Request) -> str:
    return request.method if request.method.isalpha() and len(request.method) <= 10 else "This method"


class Envelope:
    """ASGI middleware, the outermost of all. Where it `traces`, an answer names the span that its request is."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry, traces: bool = False) -> None:
        self._app = app
        self._traces = traces
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, send, traces=self._traces)
        with structlog.contextvars.bound_contextvars(request_id=exchange.request_id):
            try:
                await self._app(_without_trailing_slash(scope), receive, exchange.send)
            except ApiError as error:  # of what stands around the routes
                await exchange.refuse(error, scope, receive)
            except ClientDisconnect:
                pass
            except asyncio.CancelledError:  # the server stops at once; this task ends with its answer
                await exchange.refuse(shutting_down(), scope, receive)
            except ConfigurationError as error:  # the disk is full, the database damaged: the operator's to mend
                log.error("request_failed", reason=str(error))
                failed = InternalError("The server's state cannot be read or written at the moment; its log says why.")
                await exchange.refuse(failed, scope, receive)
            except Exception as error:  # becomes a response; the log has the cause
                log.error("request_failed", exc_info=error)
                failed = InternalError("Something went wrong inside the server; its log says what.")
                await exchange.refuse(failed, scope, receive)
            finally:
                self._note(scope, exchange)

    def _note(self, scope: Scope, exchange: _Exchange) -> None:
        seconds = time.monotonic() - exchange.started
        route = scope.get("safelight.route", _OTHER_ROUTE)
        answered = Answered(
            route=route,
            method=scope["method"] if route != _OTHER_ROUTE else _OTHER_ROUTE,
            status=exchange.status or 499,  # as nginx counts it: the client left before there was an answer
            seconds=seconds,
            request_id=exchange.request_id,
            traceparent=_header(scope, b"traceparent"),
            trace=exchange.trace,
        )
        self._telemetry.note(answered)
        code = scope.get("safelight.error_code")
        if code is not None:
            self._telemetry.note(Rejected(code=code))
        _log(answered, code, scope.get("safelight.key_id"))


def _log(answered: Answered, code: str | None, key_id: str | None) -> None:
    route, status = answered.route, answered.status
    # Probes ask often, and a page shows many pictures.
    quiet = (route in _PROBES and status in (200, 503)) or (route.endswith(_THUMBNAIL) and status in (200, 304))
    (log.debug if quiet else log.info)(
        "request",
        method=answered.method,
        route=route,
        status=status,
        code=code,
        key_id=key_id,
        ms=round(answered.seconds * 1000, 1),
    )


class _Exchange:
    """One request and what was answered so far. The id is the caller's `x-request-id` if it is a plain token."""

    def __init__(self, scope: Scope, send: Send, *, traces: bool = False) -> None:
        self.started = time.monotonic()
        self.status: int | None = None
        self._send = send
        theirs = _header(scope, b"x-request-id")
        self.request_id = theirs if _CALLER_ID.fullmatch(theirs) else f"req_{secrets.token_hex(12)}"
        scope["safelight.request_id"] = self.request_id
        heads = _header(scope, b"traceparent"), ",".join(_headers(scope, b"tracestate"))
        self.trace = below(*heads) if traces else NO_TRACE
        scope["safelight.trace"] = self.trace

    async def refuse(self, error: ApiError, scope: Scope, receive: Receive) -> None:
        """Answer with an error, unless an answer has begun."""
        scope["safelight.error_code"] = error.code
        if self.status is None:
            await error_response(error)(scope, receive, self.send)

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["x-request-id"] = self.request_id
            if self.trace.traceparent:
                headers["traceparent"] = self.trace.traceparent
            for name, value in EVERYWHERE.items():
                headers.setdefault(name, value)
        await self._send(message)


def _header(scope: Scope, name: bytes) -> str:
    """The first header of that name; empty where there is none."""
    return next(_headers(scope, name), "")


def _headers(scope: Scope, name: bytes) -> Iterator[str]:
    return (value.decode("latin-1") for key, value in scope["headers"] if key == name)


def _without_trailing_slash(scope: Scope) -> Scope:
    """One trailing slash is served as if it were not there; a redirect would lose a POST's body in many clients."""
    path = scope["path"]
    if len(path) > 1 and path.endswith("/"):
        scope["safelight.trailing_slash"] = True
        scope["path"] = path[:-1]
        scope["raw_path"] = scope["path"].encode()
    return scope


def name_route(scope: Scope, match: Match, path: str) -> None:
    """Note which route answers, for metrics and logs: the pattern, never the path that was asked for."""
    if match is not Match.NONE:
        scope["safelight.route"] = path
