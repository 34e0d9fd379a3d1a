"""Two api processes on one cluster: the same picture is drawn once, and who leaves takes nothing from the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from safelight.adapters.fake.stripes import draw_stripes
from safelight.adapters.ray.line.actor import RayLine
from safelight.protocol.messages import Cancelled, Finished, JobEvent, Preview, Started
from tests.cluster.nodes import Nodes, api_engine, stripes
from tests.orders import order

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(scope="module", autouse=True)
def hosts(nodes: Nodes) -> Iterator[None]:
    nodes.deploy(stripes(2, fake_step_seconds=0.05))
    yield
    nodes.remove()


async def rest(events: AsyncIterator[JobEvent]) -> list[JobEvent]:
    async with asyncio.timeout(60):
        return [event async for event in events]


async def test_the_same_picture_at_two_processes_is_drawn_once_and_told_to_both(nodes: Nodes) -> None:
    before = await RayLine().standing()
    async with api_engine(nodes, hosts=2) as first, api_engine(nodes, hosts=2) as second:
        wanted = order("first", steps=60)
        drawing = first.submit(wanted)
        assert isinstance(await anext(drawing), Started)
        following = second.submit(order("second", steps=60))
        second.watch("second", 32)
        mine, others = await asyncio.gather(rest(drawing), rest(following))
        assert {event.job_id for event in mine} == {"first"}
        assert {event.job_id for event in others} == {"second"}
        assert isinstance(mine[-1], Finished)
        assert isinstance(others[-1], Finished)
        assert mine[-1].image == others[-1].image == draw_stripes(wanted)
        assert any(isinstance(event, Preview) for event in others)
        assert not any(isinstance(event, Preview) for event in mine)
    after = await RayLine().standing()
    assert (after.placed - before.placed, after.joined - before.joined) == (1, 1)


async def test_a_process_that_cancels_leaves_the_picture_to_the_other(nodes: Nodes) -> None:
    async with api_engine(nodes, hosts=2) as first, api_engine(nodes, hosts=2) as second:
        drawing = first.submit(order("first", steps=100, seed=2))
        assert isinstance(await anext(drawing), Started)
        following = second.submit(order("second", steps=100, seed=2))
        assert isinstance(await anext(following), Started)
        first.cancel("first")
        assert isinstance((await rest(drawing))[-1], Cancelled)
        assert isinstance((await rest(following))[-1], Finished)
