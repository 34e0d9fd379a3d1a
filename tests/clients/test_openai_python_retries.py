"""What openai-python makes of "not now" and "never": it waits as long as it is told, and gives up when that is right.

The server runs in this process, so that the test can hold its shipped fake engine still.
"""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import openai
import pytest
from openai import AsyncOpenAI

from safelight.adapters.fake.engine import FakeEngine
from tests.api.conftest import Running, Serve, until
from tests.clients.process import MODEL


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the client chose to wait before each retry; it does not really wait."""
    chosen: list[float] = []

    async def note(seconds: float) -> None:
        chosen.append(seconds)

    monkeypatch.setattr(anyio, "sleep", note)
    return chosen


def client_of(running: Running, **options: Any) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"http://127.0.0.1:{running.port}/v1", api_key=running.key, **options)


def requests_answered(running: Running, status: int) -> int:
    """How many requests for pictures the server's own metrics counted with that status."""
    for line in running.services.render_metrics(False).decode().splitlines():
        if line.startswith("safelight_requests_total") and f'status="{status}"' in line:
            return int(float(line.rpartition(" ")[2]))
    return 0


async def test_a_full_minute_is_a_rate_limit_error_after_the_waits_that_were_asked_for(
    serve: Serve, waits: list[float]
) -> None:
    running = await serve(rate_limit_per_minute=1)
    async with client_of(running, max_retries=2) as client:
        await client.images.generate(model=MODEL, prompt="first")
        with pytest.raises(openai.RateLimitError) as caught:
            await client.images.generate(model=MODEL, prompt="second")
    assert (caught.value.code, caught.value.type) == ("rate_limit_exceeded", "rate_limit_error")
    assert requests_answered(running, 429) == 3
    assert len(waits) == 2
    assert all(1 <= seconds <= 60 for seconds in waits)
    assert float(caught.value.response.headers["retry-after"]) <= waits[0]


async def test_a_full_queue_is_waited_out_as_long_as_retry_after_says(serve: Serve) -> None:
    engine = FakeEngine(("postcard",))
    engine.gate.clear()
    running = await serve(engine=engine, queue_seconds=4.0)
    async with client_of(running, max_retries=1) as client:
        first = asyncio.create_task(client.images.generate(model=MODEL, prompt="first"))
        await until(lambda: running.services.generate.work_seconds > 0)
        second = asyncio.create_task(client.images.generate(model=MODEL, prompt="second"))
        await until(lambda: requests_answered(running, 503) == 1)
        engine.gate.set()
        pictures = await asyncio.gather(first, second)
    assert [len(answer.data or ()) for answer in pictures] == [1, 1]
    assert requests_answered(running, 200) == 2


async def test_without_retries_a_full_queue_is_an_internal_server_error_with_its_code(serve: Serve) -> None:
    engine = FakeEngine(("postcard",))
    engine.gate.clear()
    running = await serve(engine=engine, queue_seconds=0.1)
    async with client_of(running, max_retries=0) as client:
        first = asyncio.create_task(client.images.generate(model=MODEL, prompt="first"))
        await until(lambda: running.services.generate.work_seconds > 0)
        with pytest.raises(openai.InternalServerError) as caught:
            await client.images.generate(model=MODEL, prompt="second")
        engine.gate.set()
        await first
    assert (caught.value.status_code, caught.value.code) == (503, "engine_overloaded")
    assert 1 <= int(caught.value.response.headers["retry-after"]) <= 120


async def test_a_model_that_cannot_draw_is_an_internal_server_error_that_is_not_tried_again(
    serve: Serve, waits: list[float]
) -> None:
    running = await serve(engine=FakeEngine(("postcard",), broken="Its weights are damaged."))
    async with client_of(running, max_retries=2) as client:
        with pytest.raises(openai.InternalServerError) as caught:
            await client.images.generate(model=MODEL, prompt="x")
    assert (caught.value.status_code, caught.value.code) == (500, "internal_error")
    assert "damaged" in caught.value.message
    assert waits == []
    assert requests_answered(running, 500) == 1
