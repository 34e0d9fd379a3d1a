"""Work that ends when the client leaves before it has an answer."""

# Tested in tests/api/test_chat.py.

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

_T = TypeVar("_T")


def may_be_left(draw: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """The same endpoint, for clients that may leave before there is an answer."""

    async def answer(request: Request) -> Response:
        try:
            return await draw(request)
        except ClientDisconnect:  # nginx's 499, which only our own log sees
            return Response(status_code=499)

    return answer


async def unless_left(request: Request, work: Coroutine[Any, Any, _T]) -> _T:
    """What the work returns. The request's body has been read.

    Raises:
        ClientDisconnect: the client left first, and the work was given up.
    """
    working = asyncio.create_task(work, name=f"work-{request.scope['safelight.request_id']}")
    leaving = asyncio.create_task(_left(request), name=f"leave-{request.scope['safelight.request_id']}")
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    """Returns when the client has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
