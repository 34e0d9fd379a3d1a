"""A flood of requests, beside which others are looked at."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager


@asynccontextmanager
async def always(count: int, ask: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """While this is entered, so many requests are under way: when one is answered, the next is sent."""

    async def one_after_another() -> None:
        while True:
            await ask()

    async with asyncio.TaskGroup() as group:  # one that fails ends the test
        tasks = [group.create_task(one_after_another()) for _ in range(count)]
        yield
        for task in tasks:
            task.cancel()
