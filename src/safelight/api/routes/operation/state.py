"""`GET /v1/state`: how the server stands now, for admin keys alone."""

# Tested in tests/api/test_state.py.

from __future__ import annotations

import time
from typing import Annotated, Literal

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from safelight import __version__
from safelight.api.exchange.envelope import JsonResponse
from safelight.api.exchange.operations import Answer, Route
from safelight.api.routes.access.key_terms import admin_of, admin_operation
from safelight.api.services import Services
from safelight.contract.records.quotas import day_of


class QueueState(Answer, frozen=True, kw_only=True):
    """What waits for workers here, and what they have."""

    waiting: int
    running: int
    oldest_seconds: float
    work_seconds: float


class JobCounts(Answer, frozen=True, kw_only=True):
    """Durable jobs that wait, and that are drawn."""

    waiting: int
    running: int


class WorkerStanding(Answer, frozen=True, kw_only=True):
    """A worker process."""

    number: int
    device: str | None
    host_bytes: int
    device_bytes: int
    device_percent: Annotated[int | None, Meta(description="How much its GPU computes, by all; null: nobody says.")]
    pictures_per_minute: Annotated[dict[str, float], Meta(description="By model, over the last five minutes.")]


class ModelStanding(Answer, frozen=True, kw_only=True):
    """A model that draws."""

    id: str
    status: str
    where: str


class KeyStanding(Answer, frozen=True, kw_only=True):
    """A key that has something under way here, or has used something today (UTC)."""

    key_id: str
    name: str
    seconds_under_way: Annotated[float, Meta(description="Of one worker's time, as far as that is known.")]
    pictures_today: int


class State(Answer, frozen=True, kw_only=True):
    """How the server stands."""

    object: Literal["state"] = "state"
    version: str
    draining: bool
    servers: Annotated[int, Meta(description="How many share the database, this one among them.")]
    queue: QueueState
    jobs: JobCounts
    workers: list[WorkerStanding]
    models: list[ModelStanding]
    keys: list[KeyStanding]


async def get_state(request: Request) -> Response:
    """`GET /v1/state`."""
    services: Services = request.app.state.services
    await admin_of(request)
    engine = services.engine.state()
    waiting, running, _ = services.jobs.standing()
    return JsonResponse(
        State(
            version=__version__,
            draining=services.generate.draining,
            servers=1 + len(services.jobs.peers.others),
            queue=QueueState(
                waiting=engine.queued,
                running=engine.running,
                oldest_seconds=round(services.generate.pictures.oldest_seconds, 3),
                work_seconds=round(services.generate.work_seconds, 3),
            ),
            jobs=JobCounts(waiting=waiting, running=running),
            workers=_workers(services),
            models=[
                ModelStanding(
                    id=entry.id, status=engine.model(entry.source).status, where=engine.model(entry.source).where
                )
                for entry in services.catalogue
            ],
            keys=await _keys(services),
        )
    )


def _workers(services: Services) -> list[WorkerStanding]:
    return [
        WorkerStanding(
            number=worker.number,
            device=worker.device,
            host_bytes=worker.host_bytes,
            device_bytes=worker.device_bytes,
            device_percent=worker.device_percent,
            pictures_per_minute={
                entry.id: round(worker.per_minute[entry.source], 2)
                for entry in services.catalogue
                if entry.source in worker.per_minute
            },
        )
        for worker in services.engine.worker_states()
    ]


async def _keys(services: Services) -> list[KeyStanding]:
    today = day_of(time.time())
    names = {record.id: record.name for record in await services.keys.administration.keys()}
    under_way = {each.owner: each.seconds for each in services.generate.let_in()}
    pictures: dict[str, int] = {}
    for row in await services.usage.usage(today, today):
        pictures[row.key_id] = pictures.get(row.key_id, 0) + row.pictures
    found = sorted({*under_way, *pictures}, key=lambda key_id: (-under_way.get(key_id, 0.0), -pictures.get(key_id, 0)))
    return [
        KeyStanding(
            key_id=key_id,
            name=names.get(key_id, ""),
            seconds_under_way=round(under_way.get(key_id, 0.0), 3),
            pictures_today=pictures.get(key_id, 0),
        )
        for key_id in found
    ]


ROUTES = (Route("/v1/state", "GET", get_state, admin_operation("getState", "How the server stands.", State)),)
