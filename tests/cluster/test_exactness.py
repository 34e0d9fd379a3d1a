"""Postcard drawn by real workers under Ray: the same bytes as on one machine, on any host and after a death."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from time import monotonic

import psutil
import pytest
import pytest_asyncio

from safelight.adapters.metrics import PrometheusTelemetry
from safelight.adapters.ray.jobs.calls import HostCalls
from safelight.adapters.ray.joined import RayCluster
from safelight.adapters.ray.line.actor import RayLine
from safelight.adapters.workers.pool import LocalWorkers
from safelight.contract.requests.order import Order
from safelight.protocol.cluster.hosting import SILENCE_SECONDS, Take
from safelight.protocol.messages import Draw, Finished, JobEvent, Started, Stepped
from safelight.service.ports.engine import Engine
from tests.cluster.nodes import CONFIGURE, SOURCE, Nodes, api_engine, busy, drawing_host, workers
from tests.orders import order

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOSTS = 3
PROMPTS = ("a lighthouse by the sea", "a boat in a harbour", "snow on a mountain", "a market at noon")


def wanted(name: str, prompt: str = PROMPTS[0], steps: int = 8) -> Order:
    return order(name, prompt=prompt, width=256, height=256, seed=11, steps=steps)


@pytest.fixture(scope="module", autouse=True)
def hosts(nodes: Nodes) -> Iterator[None]:
    nodes.deploy(workers(HOSTS))
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
    async with api_engine(nodes, hosts=HOSTS) as engine:
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


async def at(nodes: Nodes, host: str, wanted: Order) -> bytes:
    """The picture as that host draws it, without asking the line, which would have the same one drawn once."""
    calls = HostCalls(RayCluster(nodes.address), busy(SILENCE_SECONDS))
    said = calls.events(host, Take(reader=wanted.id, work=Draw(order=wanted)))
    async with asyncio.timeout(120), aclosing(said):
        async for event in said:
            if isinstance(event, Finished):
                return event.image
    raise AssertionError(f"{host} did not draw it.")


async def test_a_picture_has_the_same_bytes_on_every_host_alone_and_in_company(
    engine: Engine, nodes: Nodes, local: dict[str, bytes]
) -> None:
    """Ray sets OMP_NUM_THREADS to 1 in what it starts; that changes nothing."""
    there = [host.host for host in (await RayLine().standing()).hosts]
    assert len(there) == HOSTS
    for host in there:
        assert await at(nodes, host, wanted(f"alone at {host}")) == local[PROMPTS[0]]
    company = [(host, prompt) for host in there for prompt in PROMPTS]
    images = await asyncio.gather(*(at(nodes, host, wanted(f"{host} {prompt}", prompt)) for host, prompt in company))
    assert images == [local[prompt] for _, prompt in company]


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
    assert monotonic() - killed < busy(1.0)
    assert await finished(events) == plain


async def worker_pid(nodes: Nodes) -> int:
    """The worker process of the host that draws."""
    replica = psutil.Process(await nodes.pid_of(await drawing_host()))
    pid: int = max(replica.children(recursive=True), key=lambda each: each.cpu_times().user).pid
    return pid


async def test_the_cluster_says_which_fingerprints_draw(engine: Engine) -> None:
    model = engine.state().model(SOURCE)
    assert model.fingerprints == (model.fingerprint,)
