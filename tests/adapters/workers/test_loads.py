"""Models in whose loading workers end: they are given up, and others are drawn on. Light workers, real ends."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from safelight.adapters.metrics import PrometheusTelemetry
from safelight.adapters.workers.loads import MAX_ENDS, Loads
from safelight.adapters.workers.pool import LocalWorkers
from safelight.protocol.messages import Cancelled, Configure, Finished, JobEvent, ModelSpec, Started
from tests.adapters.workers import light_worker
from tests.orders import order

GOOD = "light"


@asynccontextmanager
async def pool(*sources: str) -> AsyncIterator[LocalWorkers]:
    workers = LocalWorkers(
        Configure(models=tuple(ModelSpec(source=source) for source in sources)),
        telemetry=PrometheusTelemetry(),
        command=light_worker.COMMAND,
        first_pause_seconds=0.01,
        ping_every_seconds=0.01,
    )
    await workers.start()
    try:
        yield workers
    finally:
        await workers.stop()


async def until_given_up(workers: LocalWorkers, source: str) -> str:
    while (state := workers.state().model(source)).status != "failed":
        await workers.changed()
    assert state.reason is not None
    return state.reason


class Followed:
    """A picture that is never finished, and how it ended all the same."""

    def __init__(self, workers: LocalWorkers, name: str) -> None:
        self.started = asyncio.Event()
        self.task = asyncio.create_task(
            self._follow(workers.submit(order(id=name, source=GOOD, steps=light_worker.LONG)))
        )

    async def _follow(self, events: AsyncIterator[JobEvent]) -> JobEvent:
        async for event in events:
            last = event
            if isinstance(event, Started):
                self.started.set()
        return last

    async def start_again(self) -> None:
        self.started.clear()
        await self.started.wait()


@pytest.mark.parametrize("sources", [(GOOD, light_worker.HANGING), (light_worker.HANGING, GOOD)])
async def test_a_model_whose_loading_hangs_is_given_up_and_another_is_drawn_meanwhile(sources: tuple[str, ...]) -> None:
    async with pool(*sources) as workers:
        innocent = Followed(workers, "innocent")
        reason = await until_given_up(workers, light_worker.HANGING)
        assert f"ended {MAX_ENDS} times in a row while it loaded this model" in reason
        assert workers.state().restarts == MAX_ENDS
        await innocent.start_again()  # it was there at every end, and is not what failed
        assert workers.state().model(GOOD).status == "ready"
        workers.cancel("innocent")
        assert isinstance(await innocent.task, Cancelled)
        assert [type(event) async for event in workers.submit(order(id="next", source=GOOD))][-1] is Finished
        assert workers.state().restarts == MAX_ENDS


async def test_what_was_drawn_beside_a_load_that_ended_a_worker_waits_for_the_next_load_to_show_who_it_was() -> None:
    async with pool(GOOD, light_worker.SLOW) as workers:
        innocent = Followed(workers, "innocent")
        await innocent.started.wait()
        for ends in range(1 + MAX_ENDS):  # the first has two suspects, and says nothing of either
            while workers.state().model(light_worker.SLOW).ready_in_seconds is None:
                await workers.changed()
            assert workers.state().running == (0 if ends else 1)
            os.kill(workers.pids[0], signal.SIGKILL)
            while workers.state().restarts == ends:
                await workers.changed()
        assert "while it loaded this model" in await until_given_up(workers, light_worker.SLOW)
        await innocent.start_again()
        workers.cancel("innocent")
        assert isinstance(await innocent.task, Cancelled)


def test_the_only_model_is_loaded_for_ever_and_one_that_came_is_forgiven() -> None:
    alone, two = Loads([ModelSpec(source="a")]), Loads([ModelSpec(source="a"), ModelSpec(source="b")])
    for _ in range(MAX_ENDS):
        assert not alone.ended("a", certain=True)
        assert not two.ended("a", certain=False)  # as long as others may have been the cause
    assert [spec.source for spec in alone.offered] == ["a"]
    assert two.is_doubtful({"b"})
    assert not two.is_doubtful({"a"})
    assert [two.ended("a", certain=True) for _ in range(MAX_ENDS)] == [False, False, True]
    assert [spec.source for spec in two.offered] == ["b"]
    two.done("a")
    assert [spec.source for spec in two.offered] == ["a", "b"]
    assert not two.given_up
    assert not two.is_doubtful({"b"})
