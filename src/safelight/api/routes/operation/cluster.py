"""What servers of one database say to each other: steps of what is drawn here, lost claims, requests under way.

In no document.
"""

# Tested in tests/api/test_cluster.py.

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from safelight.api.exchange.bodies.body import read_body
from safelight.api.exchange.operations import Route
from safelight.api.exchange.under_way import UnderWay, Work
from safelight.api.services import Services
from safelight.contract.errors import InvalidRequest, NotFound
from safelight.protocol.peers.claims import LOST_PATH, LostClaim
from safelight.protocol.peers.steps import STEPS_PATH, Interest, StepNews, frame
from safelight.protocol.peers.under_way import UNDER_WAY_PATH, WorkAsked, WorkTold

_LONGEST_BODY = 1024 * 1024


_T = TypeVar("_T")


async def steps(request: Request) -> Response:
    """`POST /cluster/steps`: with the processes' own secret; to everybody else it is not there."""
    interests = await _said(request, Interest)
    services: Services = request.app.state.services
    return StreamingResponse(
        _frames(services.jobs.steps_for_peers.told(interests)), media_type="application/octet-stream"
    )


async def lost(request: Request) -> Response:
    """`POST /cluster/lost`, as `steps`: another has taken these claims back, and this process may not know it."""
    claims = await _said(request, LostClaim)
    services: Services = request.app.state.services
    for claim in claims:
        services.jobs.runner.lose_try(claim.job_id, claim.tries)
    return Response(status_code=204)


async def under_way(request: Request) -> Response:
    """`POST /cluster/under-way`, as `steps`: how far requests of a key are here, which may be ended with it."""
    works = [
        work for asked in await _said(request, WorkAsked) for work in _asked_for(request.app.state.under_way, asked)
    ]
    told = [WorkTold(work.step, work.steps) for work in works]
    return Response(msgspec.json.encode(told), media_type="application/json")


def _asked_for(here: UnderWay, asked: WorkAsked) -> list[Work]:
    works = here.of(asked.key_id)
    if asked.stop:
        for work in works:
            work.stopped.set()
    return works


async def _said(request: Request, kind: type[_T]) -> tuple[_T, ...]:
    services: Services = request.app.state.services
    if not services.jobs.steps_for_peers.admits(_sent(request)):
        raise NotFound("There is nothing at this address.")
    body = await read_body(request, max_bytes=_LONGEST_BODY, timeout_seconds=services.settings.body_timeout_seconds)
    try:
        return msgspec.json.decode(body, type=tuple[kind, ...])  # type: ignore[valid-type]
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"The body is no such list: {error}.", code="invalid_value") from error


def _sent(request: Request) -> str:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


async def _frames(told: AsyncGenerator[StepNews | None, None]) -> AsyncIterator[bytes]:
    async with aclosing(told):
        async for news in told:
            yield frame(news)


ROUTES = (Route(STEPS_PATH, "POST", steps), Route(LOST_PATH, "POST", lost), Route(UNDER_WAY_PATH, "POST", under_way))
