"""Hosts are replaced and added under load: no request fails, and nothing that is drawn is cut."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from time import monotonic

import pytest

from safelight.adapters.fake.stripes import draw_stripes
from safelight.adapters.ray.engine import ClusterEngine
from safelight.adapters.ray.line.actor import RayLine
from safelight.contract.requests.order import Order
from safelight.protocol.messages import Finished
from tests.cluster.nodes import Nodes, api_engine, busy, stripes
from tests.orders import order

pytestmark = pytest.mark.asyncio(loop_scope="session")

STEP_SECONDS = 0.05


@pytest.fixture(scope="module", autouse=True)
def hosts(nodes: Nodes) -> Iterator[None]:
    nodes.deploy(stripes(2, fake_step_seconds=STEP_SECONDS))
    yield
    nodes.remove()


async def drawn(engine: ClusterEngine, wanted: Order) -> float:
    """Seconds until it is; it is what it should be."""
    began = monotonic()
    async with asyncio.timeout(120):
        end = [event async for event in engine.submit(wanted)][-1]
    assert isinstance(end, Finished), end
    assert end.image == draw_stripes(wanted)
    return monotonic() - began


async def host_names() -> set[str]:
    return {host.host for host in (await RayLine().standing()).hosts if not host.draining}


async def test_hosts_are_replaced_while_pictures_are_drawn(nodes: Nodes) -> None:
    """A long picture that is begun before, and short ones all the time."""
    async with api_engine(nodes, hosts=2) as engine:
        before = await host_names()
        long = asyncio.create_task(drawn(engine, order("long", steps=400)))
        upgrade = asyncio.create_task(asyncio.to_thread(nodes.deploy, stripes(2, fake_step_seconds=STEP_SECONDS / 2)))
        count = 0
        async with asyncio.timeout(120):
            while not upgrade.done() or before & await host_names():
                await asyncio.gather(*(drawn(engine, order(f"{count} {n}", steps=6, seed=count + 1)) for n in range(2)))
                count += 1
        await upgrade
        await long
        assert count > 3
        assert engine.state().restarts == 0


async def test_a_minute_of_work_brings_the_most_hosts_and_idleness_leaves_the_least(nodes: Nodes) -> None:
    await asyncio.to_thread(nodes.deploy, stripes(1, most=3, keep_seconds=5.0, fake_step_seconds=0.5))
    async with api_engine(nodes, hosts=1) as engine:
        began = monotonic()
        wanted = [order(f"job {n}", steps=60, seconds=20.0, seed=n + 1) for n in range(4)]
        drawing = [asyncio.create_task(drawn(engine, each)) for each in wanted]
        async with asyncio.timeout(180):
            while len(await host_names()) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        assert monotonic() - began < busy(30.0)
        await asyncio.gather(*drawing)
        async with asyncio.timeout(120):
            while len(await host_names()) > 1:
                await drawn(engine, order("short", steps=2))
