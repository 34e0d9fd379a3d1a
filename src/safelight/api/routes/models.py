"""The model lists: OpenAI's, Heroku's, and the one that the Heroku CLI calls first (CONTRACT 4)."""

# Tested in tests/api/test_routes.py.

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight.api.exchange.auth import authenticate
from safelight.api.exchange.envelope import JsonResponse
from safelight.api.services import Services
from safelight.contract.catalogue import ModelEntry
from safelight.contract.errors import NotFound
from safelight.service.ports.engine import ModelState, WorkerState

_READY_WORD = {"ready": "Yes", "loading": "No", "failed": "No"}


async def list_models(request: Request) -> Response:
    """`GET /v1/models`."""
    services: Services = request.app.state.services
    await authenticate(request)
    return JsonResponse({"object": "list", "data": [model_object(e, services) for e in services.catalogue]})


async def get_model(request: Request) -> Response:
    """`GET /v1/models/{id}`."""
    services: Services = request.app.state.services
    await authenticate(request)
    return JsonResponse(model_object(_entry(request), services))


async def heroku_model(request: Request) -> Response:
    """`GET /models/{id}`: the object that `heroku ai:models:info` shows."""
    services: Services = request.app.state.services
    await authenticate(request)
    entry = _entry(request)
    state = services.engine.state().model(entry.source)
    return JsonResponse(
        {
            "model_id": entry.id,
            "plan": entry.id,
            "type": ["text-to-image"],
            "ready": _READY_WORD[state.status],
            "created": str(entry.created),
            "tokens_in": "0",
            "tokens_out": "0",
            "avg_performance": "",
        }
    )


async def available_models(request: Request) -> Response:
    """`GET /available-models`, without a key."""
    services: Services = request.app.state.services
    return JsonResponse(
        [{"model_id": e.id, "type": ["text-to-image"], "regions": ["local"]} for e in services.catalogue]
    )


def model_object(entry: ModelEntry, services: Services) -> dict[str, Any]:
    """OpenAI's model object, with what the model supports and which model really draws."""
    state: ModelState = services.engine.state().model(entry.source)
    return {
        "id": entry.id,
        "object": "model",
        "created": entry.created,
        "owned_by": "safelight",
        "aliases": list(entry.aliases),
        "drawn_by": entry.drawn_by,
        "status": state.status,
        "reason": state.reason,
        "resident": state.resident,
        "where": state.where,
        "memory_bytes": state.bytes,
        "workers": [_worker(worker, entry.source) for worker in services.engine.worker_states()],
        "capabilities": entry.capabilities.as_json(),
    }


def _worker(worker: WorkerState, source: str) -> dict[str, Any]:
    """How a worker stands, and how it stands to that model."""
    return {
        "worker": worker.number,
        "device": worker.device,
        "where": worker.where.get(source, "none"),
        "host_bytes": worker.host_bytes,
        "device_bytes": worker.device_bytes,
        "pictures_per_minute": round(worker.per_minute.get(source, 0.0), 2),
    }


def _entry(request: Request) -> ModelEntry:
    services: Services = request.app.state.services
    entry = services.catalogue.get(request.path_params["model_id"])
    if entry is None:
        offered = ", ".join(e.id for e in services.catalogue)
        raise NotFound(f"There is no such model here. Models: {offered}.", code="model_not_found", param="model")
    return entry
