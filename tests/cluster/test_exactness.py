"""Postcard drawn by real workers under Ray: the same bytes as on one machine, on any host and after a death."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from time import monotonic

import psutil
import pytest
import pytest_asyncio

from safelight.adapters.metrics import PrometheusTelemetry
from safelight.adapters.workers.pool import LocalWorkers
from safelight.contract.order import Order
from safelight.protocol.messages import Finished, JobEvent, Started, Stepped
from safelight.service.ports.engine import Engine
from tests.cluster.nodes import BUSY, CONFIGURE, SOURCE, Nodes, api_engine, drawing_host, workers
from tests.orders import order

pytestmark = pytest.mark.asyncio(loop_scope="session")

PROMPTS = ("a lighthouse by the sea", "a boat in a harbour", "snow on a mountain", "a market at noon")


def wanted(name: str, prompt: str = PROMPTS[0], steps: int = 8) -> Order:
    return order(name, prompt=prompt, width=256, height=256, seed=11, steps=steps)


@pytest.fixture(scope="module", autouse=True)
def hosts(nodes: Nodes) -> Iterator[None]:
    nodes.deploy(workers(2))
    yield
    nodes.remove()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def local() -> dict[str, bytes]:
    """What a worker of this machine draws, alone, by prompt."""
    engine = LocalWorkers(CONFIGURE, count=1, telemetry=PrometheusTelemetry())
    await engine.start()
    try:
        return {prompt: await drawn(engine, wanted(prompt, prompt)) for prompt in PROMPTS}
    finally:
        await engine.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def engine(nodes: Nodes, hosts: None) -> AsyncIterator[Engine]:
    async with api_engine(nodes, hosts=2) as engine:
        yield engine


async def drawn(engine: Engine, wanted: Order) -> bytes:
    return await finished(engine.submit(wanted))


async def finished(events: AsyncIterator[JobEvent]) -> bytes:
    async with asyncio.timeout(120):
        end = [event async for event in events][-1]
    assert isinstance(end, Finished)
    return end.image


async def until_step(events: AsyncIterator[JobEvent], kind: type[JobEvent]) -> None:
    async with asyncio.timeout(60):
        while not isinstance(await anext(events), kind):
            pass


async def test_a_picture_has_the_same_bytes_on_every_host_alone_and_in_company(
    engine: Engine, local: dict[str, bytes]
) -> None:
    """Ray sets OMP_NUM_THREADS to 1 in what it starts; that changes nothing."""
    for prompt in PROMPTS:
        assert await drawn(engine, wanted(f"alone {prompt}", prompt)) == local[prompt]
    company = [wanted(f"beside others {prompt}", prompt) for prompt in PROMPTS]
    images = await asyncio.gather(*(drawn(engine, each) for each in company))
    for each, image in zip(company, images, strict=True):
        assert image == local[each.recipe.prompt]


async def test_a_picture_whose_worker_is_killed_goes_on_at_another_host_to_the_same_bytes(
    engine: Engine, nodes: Nodes
) -> None:
    plain = await drawn(engine, wanted("plain", steps=60))
    events = engine.submit(wanted("killed", steps=60))
    await until_step(events, Stepped)
    os.kill(await worker_pid(nodes), signal.SIGKILL)
    killed = monotonic()
    await until_step(events, Started)
    await until_step(events, Stepped)
    assert monotonic() - killed < BUSY * 1.0
    assert await finished(events) == plain


async def worker_pid(nodes: Nodes) -> int:
    """The worker process of the host that draws."""
    replica = psutil.Process(await nodes.pid_of(await drawing_host()))
    pid: int = max(replica.children(recursive=True), key=lambda each: each.cpu_times().user).pid
    return pid


async def test_the_cluster_says_which_fingerprints_draw(engine: Engine) -> None:
    model = engine.state().model(SOURCE)
    assert model.fingerprints == (model.fingerprint,)
