"""What the `Engine` port promises, over a Ray cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from safelight.service.ports.engine import Engine
from tests.cluster.nodes import Nodes, api_engine, stripes
from tests.contracts.test_engine_port import *  # noqa: F403 - its tests, with the engine from below

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(scope="module", autouse=True)
def hosts(nodes: Nodes) -> Iterator[None]:
    nodes.deploy(stripes(1, fake_capacity=2, fake_step_seconds=0.01))
    yield
    nodes.remove()


@pytest_asyncio.fixture(scope="module", loop_scope="session")  # type: ignore[no-redef]
async def engine(nodes: Nodes, hosts: None) -> AsyncIterator[Engine]:
    async with api_engine(nodes) as engine:
        yield engine
