"""The model lists: OpenAI's, Heroku's, and the one that the Heroku CLI calls first (CONTRACT 4)."""

# Tested in tests/api/test_routes.py.

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from safelight.api.exchange.auth import authenticate
from safelight.api.exchange.envelope import JsonResponse
from safelight.api.exchange.operations import Answer, Operation, Route, json_answer
from safelight.api.services import Services
from safelight.contract.catalogue import ModelEntry
from safelight.contract.errors import NotFound
from safelight.service.ports.engine import ModelState, Where, WorkerState

_READY_WORD: dict[str, Literal["Yes", "No"]] = {"ready": "Yes", "loading": "No", "failed": "No"}
# What stands in the place of a drawing model's own for one that chats or embeds.
_DRAWS_NOTHING: dict[str, Any] = {
    "aliases": (),
    "notes": (),
    "fingerprints": (),
    "workers": [],
    "capabilities": {"parameters": {}},
}
_Amount = Annotated[int, Meta(ge=0)]


class ModelWorker(Answer, frozen=True, kw_only=True):
    """How a worker stands, and how it stands to the model."""

    worker: _Amount
    device: Annotated[str | None, Meta(description="Null until a model is ready there.")]
    where: Annotated[Where, Meta(description="The model's weights.")]
    host_bytes: Annotated[_Amount, Meta(description="Resident memory of the worker's process.")]
    device_bytes: Annotated[_Amount, Meta(description="What it holds of an accelerator's memory.")]
    pictures_per_minute: Annotated[float, Meta(ge=0, description="Of this model, lately.")]


class Model(Answer, tag_field="object", tag="model", frozen=True, kw_only=True):
    """OpenAI's model object, with what the model supports and which model really draws."""

    id: str
    type: Annotated[
        tuple[Literal["text-to-image", "chat", "embeddings"], ...], Meta(description="What it is asked for.")
    ]
    created: int
    owned_by: str
    aliases: tuple[str, ...]
    drawn_by: str
    status: Literal["loading", "ready", "failed"]
    reason: Annotated[str | None, Meta(description="Why it failed.")]
    notes: Annotated[tuple[str, ...], Meta(description="What it is served without, and what was done to its files.")]
    resident: bool
    where: Where
    memory_bytes: int | None
    fingerprints: Annotated[
        tuple[str, ...], Meta(description="Of the machines that draw it: an answer's fingerprint begins with one.")
    ]
    workers: list[ModelWorker]
    capabilities: Annotated[dict[str, Any], Meta(extra_json_schema={"required": ["parameters"]})]


class ModelList(Answer, tag_field="object", tag="list", frozen=True, kw_only=True):
    """All models."""

    data: list[Model]


class HerokuModel(Answer, frozen=True, kw_only=True):
    """The object that `heroku ai:models:info` shows."""

    model_id: str
    plan: str
    type: list[str]
    ready: Literal["Yes", "No"]
    created: str
    tokens_in: str
    tokens_out: str
    avg_performance: str


class AvailableModel(Answer, frozen=True, kw_only=True):
    """What the Heroku CLI asks for first."""

    model_id: str
    type: list[str]
    regions: list[str]


async def list_models(request: Request) -> Response:
    """`GET /v1/models`."""
    services: Services = request.app.state.services
    await authenticate(request)
    chats = [_chat_model(name, upstream) for name, upstream in services.chat]
    encoders = [_encoder(entry, services) for entry in services.embeddings]
    return JsonResponse(ModelList(data=[_model(e, services) for e in services.catalogue] + chats + encoders))


async def get_model(request: Request) -> Response:
    """`GET /v1/models/{id}`."""
    services: Services = request.app.state.services
    await authenticate(request)
    chats = dict(services.chat)
    if (name := request.path_params["model_id"]) in chats:
        return JsonResponse(_chat_model(name, chats[name]))
    if (encoder := services.embeddings.get(name)) is not None:
        return JsonResponse(_encoder(encoder, services))
    return JsonResponse(_model(_entry(request), services))


async def heroku_model(request: Request) -> Response:
    """`GET /models/{id}`."""
    services: Services = request.app.state.services
    await authenticate(request)
    entry = _entry(request)
    answer = HerokuModel(
        model_id=entry.id,
        plan=entry.id,
        type=["text-to-image"],
        ready=_READY_WORD[services.engine.state().model(entry.source).status],
        created=str(entry.created),
        tokens_in="0",
        tokens_out="0",
        avg_performance="",
    )
    return JsonResponse(answer)


async def available_models(request: Request) -> Response:
    """`GET /available-models`, without a key."""
    services: Services = request.app.state.services
    return JsonResponse(
        [AvailableModel(model_id=e.id, type=["text-to-image"], regions=["local"]) for e in services.catalogue]
    )


def _model(entry: ModelEntry, services: Services) -> Model:
    state: ModelState = services.engine.state().model(entry.source)
    return Model(
        id=entry.id,
        type=("text-to-image",),
        created=entry.created,
        owned_by="safelight",
        aliases=tuple(entry.aliases),
        drawn_by=entry.drawn_by,
        status=state.status,
        reason=state.reason,
        notes=state.traits.notes if state.traits is not None else (),
        resident=state.resident,
        where=state.where,
        memory_bytes=state.bytes,
        fingerprints=state.all_fingerprints,
        workers=[_worker(worker, entry.source) for worker in services.engine.worker_states()],
        capabilities=entry.capabilities.as_json(),
    )


def _chat_model(name: str, upstream: str) -> Model:
    """One of an upstream's: nothing of it is here."""
    return Model(
        id=name,
        type=("chat",),
        created=0,
        owned_by=upstream,
        drawn_by=upstream,
        status="ready",
        reason=None,
        resident=False,
        where="none",
        memory_bytes=None,
        **_DRAWS_NOTHING,
    )


def _encoder(entry: ModelEntry, services: Services) -> Model:
    """A sentence encoder. Its weights are loaded for the first text."""
    state: ModelState = services.engine.state().model(entry.source)
    return Model(
        id=entry.id,
        type=("embeddings",),
        created=entry.created,
        owned_by="safelight",
        drawn_by=entry.drawn_by,
        status=state.status,
        reason=state.reason,
        resident=state.resident,
        where=state.where,
        memory_bytes=state.bytes,
        **_DRAWS_NOTHING,
    )


def _worker(worker: WorkerState, source: str) -> ModelWorker:
    return ModelWorker(
        worker=worker.number,
        device=worker.device,
        where=worker.where.get(source, "none"),
        host_bytes=worker.host_bytes,
        device_bytes=worker.device_bytes,
        pictures_per_minute=round(worker.per_minute.get(source, 0.0), 2),
    )


def _entry(request: Request) -> ModelEntry:
    services: Services = request.app.state.services
    entry = services.catalogue.get(request.path_params["model_id"])
    if entry is None:
        offered = ", ".join(e.id for e in services.catalogue)
        raise NotFound(f"There is no such model here. Models: {offered}.", code="model_not_found", param="model")
    return entry


ROUTES = (
    Route(
        "/v1/models",
        "GET",
        list_models,
        Operation(
            name="listModels",
            summary="The models, and what each supports.",
            answers=json_answer("The models, and what each supports.", ModelList),
        ),
    ),
    Route(
        "/v1/models/{model_id}",
        "GET",
        get_model,
        Operation(
            name="getModel",
            summary="One model.",
            answers=json_answer("One model.", Model),
            errors=(404,),
        ),
    ),
    Route(
        "/available-models",
        "GET",
        available_models,
        Operation(
            name="availableModels",
            summary="The models, for the Heroku CLI.",
            key=False,
            answers=json_answer("The models, for the Heroku CLI.", list[AvailableModel]),
        ),
    ),
    Route(
        "/models/{model_id}",
        "GET",
        heroku_model,
        Operation(
            name="herokuModel",
            summary="Heroku's model info.",
            answers=json_answer("Heroku's model info.", HerokuModel),
            errors=(404,),
        ),
    ),
)
