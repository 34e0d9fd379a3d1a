"""What the metrics say of a cluster's line, and that a line which cannot be reached holds nobody up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import httpx
import pytest

from safelight.api.app import create_app
from safelight.contract.errors import Unavailable
from safelight.protocol.cluster.placing import HostStanding, LineStanding
from tests.api.conftest import Running, Serve, serve

__all__ = ["serve"]


async def _stands() -> LineStanding:
    hosts = [HostStanding(host=str(number), kind="l40s", draining=number == 0) for number in range(3)]
    return LineStanding(
        waiting=3, oldest_seconds=1.5, waiting_seconds=6.0, drawing=2, placed=7, joined=1, hosts=tuple(hosts)
    )


async def _is_away() -> LineStanding:
    raise Unavailable("It is away.", code="engine_overloaded", retry_after_seconds=1.0)


async def _hangs() -> LineStanding:
    await asyncio.Event().wait()
    raise AssertionError


async def told(running: Running, look: Callable[[], Awaitable[LineStanding]] | None) -> str:
    app = httpx.ASGITransport(create_app(replace(running.services, look_at_line=look)))
    async with httpx.AsyncClient(transport=app, base_url="http://127.0.0.1", headers=running.client.headers) as client:
        answer = await client.get("/metrics")
    assert answer.status_code == 200
    return answer.text


@pytest.mark.parametrize("away", [_is_away, _hangs])
async def test_how_the_line_stands_is_told_where_there_is_one(
    serve: Serve, away: Callable[[], Awaitable[LineStanding]]
) -> None:
    running = await serve()
    assert "safelight_hosts{" not in await told(running, None)
    seen = [await told(running, _stands), await told(running, away)]  # as it stood last
    for text in seen:
        for line in (
            'safelight_line_jobs{state="waiting"} 3.0',
            'safelight_line_jobs{state="drawing"} 2.0',
            'safelight_line_seconds{of="oldest"} 1.5',
            'safelight_line_seconds{of="work"} 6.0',
            'safelight_line_placements{how="placed"} 7.0',
            'safelight_line_placements{how="joined"} 1.0',
            'safelight_hosts{kind="l40s",state="ready"} 2.0',
            'safelight_hosts{kind="l40s",state="draining"} 1.0',
        ):
            assert line in text
