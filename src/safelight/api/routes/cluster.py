"""What processes of one database ask each other: the steps of what is drawn here. For nobody else; in no document."""

# Tested in tests/api/test_cluster.py.

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from safelight.api.exchange.body import read_body
from safelight.api.exchange.operations import Route
from safelight.api.services import Services
from safelight.contract.errors import InvalidRequest, NotFound
from safelight.protocol.steps import STEPS_PATH, Interest, StepNews, frame

_LONGEST_BODY = 1024 * 1024


async def steps(request: Request) -> Response:
    """`POST /cluster/steps`: with the processes' own secret; to everybody else it is not there."""
    services: Services = request.app.state.services
    for_peers = services.jobs.steps_for_peers
    if not for_peers.admits(_sent(request)):
        raise NotFound("There is nothing at this address.")
    body = await read_body(request, max_bytes=_LONGEST_BODY, timeout_seconds=services.settings.body_timeout_seconds)
    try:
        interests = msgspec.json.decode(body, type=tuple[Interest, ...])
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"The body is no list of interests: {error}.", code="invalid_value") from error
    return StreamingResponse(_frames(for_peers.told(interests)), media_type="application/octet-stream")


def _sent(request: Request) -> str:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


async def _frames(told: AsyncGenerator[StepNews | None, None]) -> AsyncIterator[bytes]:
    async with aclosing(told):
        async for news in told:
            yield frame(news)


ROUTES = (Route(STEPS_PATH, "POST", steps),)
