"""Whether the server lives, whether it can draw, what it is, and its metrics."""

# Tested in tests/api/test_routes.py.

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Collection
from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from safelight import __version__
from safelight.api.exchange.auth import authenticate
from safelight.api.exchange.envelope import JsonResponse
from safelight.api.exchange.operations import RETRY_AFTER, TEXT, Answer, Operation, Route, Said, json_answer
from safelight.api.services import Services
from safelight.contract.errors import NotFound, SafelightError, Unavailable
from safelight.service.drawing.capacity.readiness import shutting_down
from safelight.service.ports.engine import EngineState, ModelState
from safelight.service.ports.telemetry import LineStood, Queue, Standing

_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# What a Prometheus that keeps exemplars asks for (https://prometheus.io/docs/specs/om/open_metrics_spec/).
# Whoever reads the metrics does so every few seconds, and does not wait for long.
_LINE_SECONDS = 1.0
_OPEN_METRICS = "application/openmetrics-text"
_OPEN_METRICS_TYPE = f"{_OPEN_METRICS}; version=1.0.0; charset=utf-8"


class Status(Answer, tag_field="status", tag="ok", frozen=True, kw_only=True):
    """All is well. Models that failed are named with their reasons."""

    models: dict[str, str] | UnsetType = UNSET
    reasons: Annotated[dict[str, str] | UnsetType, Meta(description="Why models failed.")] = UNSET


class Unready(Answer, tag_field="status", tag="unavailable", frozen=True, kw_only=True):
    """No picture could be drawn now: how each model stands, and an error as every route says it."""

    models: dict[str, str]
    reasons: Annotated[dict[str, str] | UnsetType, Meta(description="Why models failed.")] = UNSET
    error: dict[str, Any]


class Version(Answer, tag_field="name", tag="safelight", frozen=True, kw_only=True):
    """Which Safelight this is."""

    version: str


async def livez(request: Request) -> Response:
    """200 as long as the process answers."""
    return JsonResponse(Status())


async def readyz(request: Request) -> Response:
    """200 when a picture could be drawn now: every model of the catalogue that did not fail is loaded, and one is.

    Whatever the status, the body says how each model stands, and of those that failed why.
    """
    services: Services = request.app.state.services
    engine = services.engine.state()
    states = {entry.id: engine.model(entry.source) for entry in services.catalogue}
    models: dict[str, str] = {name: state.status for name, state in states.items()}
    reasons = {name: state.reason or "" for name, state in states.items() if state.status == "failed"} or UNSET
    obstacle = _obstacle(services, states.values())
    if obstacle is None:
        return JsonResponse(Status(models=models, reasons=reasons))
    request.scope["safelight.error_code"] = obstacle.code
    unready = Unready(models=models, reasons=reasons, error=obstacle.body()["error"])
    return JsonResponse(unready, obstacle.status, obstacle.headers)


def _obstacle(services: Services, states: Collection[ModelState]) -> Unavailable | None:
    """Why no picture could be drawn now."""
    if services.generate.readiness.leaving:
        return shutting_down()
    if (away := services.generate.readiness.away) is not None:
        return away
    if any(state.status == "loading" for state in states):
        return Unavailable("A model is loading.", code="model_loading", retry_after_seconds=5)
    if not any(state.status == "ready" for state in states):
        reasons = " ".join(dict.fromkeys(state.reason or "" for state in states))
        return Unavailable(f"No model can draw. {reasons}".strip(), code="model_loading", retry_after_seconds=60)
    return None


async def version(request: Request) -> Response:
    """Which Safelight this is."""
    return JsonResponse(Version(version=__version__))


async def metrics(request: Request) -> Response:
    """Prometheus' text; open, with a key, or off, as the operator set it."""
    services: Services = request.app.state.services
    if services.settings.metrics == "off":
        raise NotFound("Metrics are turned off (the setting `metrics`).")
    if services.settings.metrics == "key":
        await authenticate(request)
    state = services.engine.state()
    services.telemetry.note(
        Queue(
            depth=state.queued,
            running=state.running,
            oldest_seconds=services.generate.pictures.oldest_seconds,
            work_seconds=services.generate.work_seconds,
        )
    )
    services.telemetry.note(_standing(services, state))
    await _note_line(services)
    if _OPEN_METRICS in request.headers.get("accept", ""):
        return Response(services.render_metrics(True), media_type=_OPEN_METRICS_TYPE)
    return Response(services.render_metrics(False), media_type=_METRICS_TYPE)


async def _note_line(services: Services) -> None:
    """How the line of a cluster stands; while it cannot be reached, as it stood last."""
    if services.look_at_line is None:
        return
    with contextlib.suppress(SafelightError, TimeoutError):
        async with asyncio.timeout(_LINE_SECONDS):
            line = await services.look_at_line()
        services.telemetry.note(
            LineStood(
                waiting=line.waiting,
                drawing=line.drawing,
                oldest_seconds=line.oldest_seconds,
                waiting_seconds=line.waiting_seconds,
                placed=line.placed,
                joined=line.joined,
                hosts=Counter((host.kind, host.draining) for host in line.hosts),
            )
        )


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
        device_bytes={
            (worker.number, worker.device): worker.device_bytes
            for worker in services.engine.worker_states()
            if worker.device is not None and worker.device_bytes
        },
        device_percent={
            (worker.number, worker.device): worker.device_percent
            for worker in services.engine.worker_states()
            if worker.device is not None and worker.device_percent is not None
        },
    )


def _readiness(name: str) -> Operation:
    return Operation(
        name=name,
        summary="200 when a picture could be drawn.",
        key=False,
        answers=json_answer("200 when a picture could be drawn.", Status)
        | {503: Said("Overloaded, loading or shutting down.", {"application/json": Unready}, RETRY_AFTER)},
    )


ROUTES = (
    Route("/health", "GET", readyz, _readiness("health")),
    Route("/readyz", "GET", readyz, _readiness("readyz")),
    Route(
        "/livez",
        "GET",
        livez,
        Operation(
            name="livez",
            summary="200 while the process answers.",
            key=False,
            answers=json_answer("200 while the process answers.", Status),
        ),
    ),
    Route(
        "/version",
        "GET",
        version,
        Operation(
            name="version",
            summary="Which Safelight this is.",
            key=False,
            answers=json_answer("Which Safelight this is.", Version),
        ),
    ),
    Route(
        "/metrics",
        "GET",
        metrics,
        Operation(
            name="metrics",
            summary="Prometheus text.",
            key=False,  # unless the operator wants one
            answers={200: Said("Prometheus text.", {"text/plain": TEXT})},
            errors=(401, 404),
        ),
    ),
)
