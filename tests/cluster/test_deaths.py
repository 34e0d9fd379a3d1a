"""What dies, freezes or is replaced in a Ray cluster, and what a caller sees: the same picture, a little later."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterator
from time import monotonic

import psutil
import pytest
from benchmarks.machines import frozen

from safelight.adapters.fake.stripes import draw_stripes
from safelight.protocol.messages import End, Finished, JobEvent, Started, Stepped
from tests.cluster.nodes import NODE_CPUS, Nodes, api_engine, busy, drawing_host, stripes
from tests.orders import order

pytestmark = pytest.mark.asyncio(loop_scope="session")

STEP_SECONDS = 0.05
WITHIN_SECONDS = 240


@pytest.fixture(scope="module", autouse=True)
def hosts(nodes: Nodes) -> Iterator[None]:
    # Of a killed host's node and another Ray would choose either: with both on one, who freezes it freezes all.
    nodes.deploy(stripes(2, cpus=NODE_CPUS - 1, fake_step_seconds=STEP_SECONDS))
    yield
    nodes.remove()


async def steps(events: AsyncIterator[JobEvent], count: int) -> None:
    """Returns when so many steps were taken."""
    async with asyncio.timeout(WITHIN_SECONDS):
        while count:
            count -= isinstance(await anext(events), Stepped)


async def next_step(events: AsyncIterator[JobEvent]) -> float:
    """Seconds until the picture is begun anew, and its first step is taken."""
    began = monotonic()
    async with asyncio.timeout(WITHIN_SECONDS):
        async for event in events:
            if isinstance(event, Started):
                break
        await steps(events, 1)
    return monotonic() - began


async def image(events: AsyncIterator[JobEvent]) -> bytes:
    """The picture; it ends once."""
    async with asyncio.timeout(WITHIN_SECONDS):
        said = [event async for event in events]
    assert sum(isinstance(event, End) for event in said) == 1
    assert isinstance(said[-1], Finished)
    return said[-1].image


async def all_beside(nodes: Nodes, host: str) -> list[psutil.Process]:
    """Every process of the machine that a host is on."""
    pid, machines = await nodes.pid_of(host), nodes.machines
    (found,) = [there for there in map(machines.on, machines.raylets) if psutil.Process(pid) in there]
    return found


async def test_a_picture_whose_host_is_killed_goes_on_at_another_within_a_second(nodes: Nodes) -> None:
    async with api_engine(nodes, hosts=2) as engine:
        wanted = order("killed", steps=300)  # 15 s: it is not over before its host was found and killed
        events = engine.submit(wanted)
        await steps(events, 3)
        os.kill(await nodes.pid_of(await drawing_host()), signal.SIGKILL)
        assert await next_step(events) < busy(1.0 + STEP_SECONDS)
        assert await image(events) == draw_stripes(wanted)


async def test_a_picture_whose_machine_freezes_goes_on_at_another_within_ten_seconds(nodes: Nodes) -> None:
    async with api_engine(nodes, hosts=2) as engine:
        wanted = order("frozen", steps=4000)  # it is under way until it is cancelled
        events = engine.submit(wanted)
        await steps(events, 3)
        with frozen(await all_beside(nodes, await drawing_host())):
            assert await next_step(events) < busy(10.0)
            engine.cancel("frozen")
            async with asyncio.timeout(WITHIN_SECONDS):
                assert isinstance([event async for event in events][-1], End)


async def test_pictures_go_on_while_there_is_no_line_and_new_ones_are_drawn_soon(nodes: Nodes) -> None:
    async with api_engine(nodes, hosts=2) as engine:
        running, waiting = order("running", steps=200), order("waiting", steps=5, seed=8)
        under_way = engine.submit(running)
        await steps(under_way, 3)
        os.kill(await nodes.line_pid(), signal.SIGKILL)
        began = monotonic()
        new = await image(engine.submit(waiting))
        assert monotonic() - began < busy(5.0)
        assert new == draw_stripes(waiting)
        assert await image(under_way) == draw_stripes(running)
        lending = [each for raylet in nodes.machines.raylets for each in nodes.machines.on(raylet)]
        assert not set(nodes.machines.line()) & set(lending), "it would stand still with a machine of hosts"
        assert engine.state().restarts == 0


async def test_a_line_that_is_frozen_alone_is_ended_and_begun_anew_and_nothing_is_lost(nodes: Nodes) -> None:
    """Its machine lives, so that Ray sees nothing, and each call to it waits."""
    async with api_engine(nodes, hosts=2) as engine:
        running, waiting = order("running on", steps=600), order("waiting on", steps=5, seed=9)
        under_way = engine.submit(running)
        await steps(under_way, 3)
        frozen_line = psutil.Process(await nodes.line_pid())
        frozen_line.suspend()
        began = monotonic()
        try:
            new = await image(engine.submit(waiting))
        finally:
            with contextlib.suppress(psutil.NoSuchProcess):
                frozen_line.resume()
        assert monotonic() - began < busy(16.0)
        assert new == draw_stripes(waiting)
        assert await nodes.line_pid() != frozen_line.pid
        assert await image(under_way) == draw_stripes(running)
        assert engine.state().restarts == 0
