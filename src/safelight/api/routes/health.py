"""Whether the server lives, whether it can draw, what it is, and its metrics."""

# Tested in tests/api/test_routes.py.

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight import __version__
from safelight.api.exchange.auth import authenticate
from safelight.api.exchange.envelope import JsonResponse
from safelight.api.services import Services
from safelight.contract.errors import NotFound, Unavailable
from safelight.service.ports.engine import EngineState, ModelState
from safelight.service.ports.telemetry import Standing

_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


async def livez(request: Request) -> Response:
    """200 as long as the process answers."""
    return JsonResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """200 when a picture could be drawn now: every model of the catalogue that did not fail is loaded, and one is.

    Whatever the status, the body says how each model stands, and of those that failed why.
    """
    services: Services = request.app.state.services
    engine = services.engine.state()
    states = {entry.id: engine.model(entry.source) for entry in services.catalogue}
    body: dict[str, Any] = {"status": "ok", "models": {name: state.status for name, state in states.items()}}
    if failed := {name: state.reason for name, state in states.items() if state.status == "failed"}:
        body["reasons"] = failed
    obstacle = _obstacle(services, states.values())
    if obstacle is None:
        return JsonResponse(body)
    request.scope["safelight.error_code"] = obstacle.code
    return JsonResponse(body | {"status": "unavailable"} | obstacle.body(), obstacle.status, obstacle.headers)


def _obstacle(services: Services, states: Collection[ModelState]) -> Unavailable | None:
    """Why no picture could be drawn now."""
    if services.generate.draining:
        return Unavailable("The server is shutting down.", code="shutting_down", retry_after_seconds=5)
    if any(state.status == "loading" for state in states):
        return Unavailable("A model is loading.", code="model_loading", retry_after_seconds=5)
    if not any(state.status == "ready" for state in states):
        reasons = " ".join(dict.fromkeys(state.reason or "" for state in states))
        return Unavailable(f"No model can draw. {reasons}".strip(), code="model_loading", retry_after_seconds=60)
    return None


async def version(request: Request) -> Response:
    """Which Safelight this is."""
    return JsonResponse({"name": "safelight", "version": __version__})


async def metrics(request: Request) -> Response:
    """Prometheus' text; open, with a key, or off, as the operator set it."""
    services: Services = request.app.state.services
    if services.settings.metrics == "off":
        raise NotFound("Metrics are turned off (the setting `metrics`).")
    if services.settings.metrics == "key":
        await authenticate(request)
    state = services.engine.state()
    services.telemetry.queue(
        depth=state.queued,
        running=state.running,
        oldest_seconds=services.generate.pictures.oldest_seconds,
        work_seconds=services.generate.work_seconds,
    )
    services.telemetry.standing(_standing(services, state))
    return Response(services.render_metrics(), media_type=_METRICS_TYPE)


def _standing(services: Services, engine: EngineState) -> Standing:
    states = {entry.id: engine.model(entry.source) for entry in services.catalogue}
    waiting, running, held = services.jobs.standing()
    return Standing(
        models={name: state.status for name, state in states.items()},
        model_bytes={name: state.bytes for name, state in states.items() if state.bytes is not None},
        workers=engine.workers,
        draining=services.generate.draining,
        jobs_waiting=waiting,
        jobs_running=running,
        files_bytes=held,
        files_budget_bytes=int(services.settings.keep_gigabytes * 1e9),
    )
