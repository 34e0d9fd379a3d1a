"""Pictures through a Ray cluster, by hosts that draw stripes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from safelight.adapters.fake.stripes import draw_stripes
from safelight.protocol.messages import Finished, Started, Stepped
from tests.cluster.nodes import Nodes, api_engine, stripes
from tests.orders import order

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(scope="module", autouse=True)
def hosts(nodes: Nodes) -> Iterator[None]:
    nodes.deploy(stripes(2))
    yield
    nodes.remove()


async def test_a_picture_is_drawn_by_a_host(nodes: Nodes) -> None:
    async with api_engine(nodes) as engine:
        wanted = order("picture", steps=3)
        events = [event async for event in engine.submit(wanted)]
    assert isinstance(events[0], Started)
    assert [event.step for event in events if isinstance(event, Stepped)] == [1, 2, 3]
    assert isinstance(events[-1], Finished)
    assert events[-1].image == draw_stripes(wanted)
