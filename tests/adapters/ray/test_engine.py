"""Engines of api processes over a cluster in one process: what dies, falls silent and is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio
from msgspec.structs import replace

from safelight.adapters.fake.engine import FakeEngine
from safelight.adapters.fake.stripes import draw_stripes
from safelight.adapters.metrics import PrometheusTelemetry
from safelight.adapters.ray.engine import ClusterEngine
from safelight.contract.order import Order
from safelight.protocol.messages import Cancelled, Failed, Finished, JobEvent, Started
from safelight.service.ports.engine import EngineState
from tests.adapters.ray.near_cluster import NearCluster, engine_of
from tests.orders import order

SILENCE = 1.0


class Two:
    """Two hosts and the engine of one api process."""

    def __init__(self, cluster: NearCluster, engine: ClusterEngine) -> None:
        self.cluster, self.engine = cluster, engine

    def drawing_at(self) -> str:
        """The host that draws."""
        (name,) = [name for name, host in self.cluster.hosts.items() if host.in_hand]
        return name


@pytest_asyncio.fixture
async def two() -> AsyncIterator[Two]:
    cluster = NearCluster()
    for name in ("kind/a", "kind/b"):
        await cluster.add_host(name, FakeEngine(("postcard",), step_seconds=0.001))
    engine = engine_of(cluster, silence_seconds=SILENCE)
    await engine.start()
    async with asyncio.timeout(10):
        while engine.state().workers < 2:  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(0.001)
    yield Two(cluster, engine)
    await engine.stop()
    await cluster.stop()


async def begun(events: AsyncIterator[JobEvent]) -> None:
    assert isinstance(await anext(events), Started)


async def rest(events: AsyncIterator[JobEvent]) -> list[JobEvent]:
    async with asyncio.timeout(20):
        return [event async for event in events]


async def test_a_job_whose_host_is_killed_is_drawn_elsewhere_to_the_same_bytes(two: Two) -> None:
    wanted = order("job", steps=100)
    events = two.engine.submit(wanted)
    await begun(events)
    await two.cluster.kill_host(two.drawing_at())
    end = (await rest(events))[-1]
    assert isinstance(end, Finished)
    assert end.image == draw_stripes(wanted)


async def test_a_job_whose_host_falls_silent_is_drawn_elsewhere(two: Two) -> None:
    events = two.engine.submit(order("job", steps=200))
    await begun(events)
    silent = two.drawing_at()
    two.cluster.frozen.add(silent)
    loop = asyncio.get_running_loop()
    frozen_at = loop.time()
    assert isinstance((await rest(events))[-1], Finished)
    assert loop.time() - frozen_at >= SILENCE / 2
    assert two.engine.state().restarts == 1


async def test_a_job_that_its_host_hands_back_is_drawn_alone_elsewhere_and_given_up_after_three(two: Two) -> None:
    events = two.engine.submit(order("job", steps=10_000))
    for attempt in range(3):
        await begun(events)
        host = two.drawing_at()
        (drawn,) = [engine_order for engine_order in _submitted(two, host) if engine_order.id == "job"][-1:]
        assert drawn.share.alone == (attempt > 0)
        two.cluster.hosts[host].engine.cancel("job")
        two.cluster.hosts[host].handed_back("job", begun=True)
        if attempt < 2:
            events = _skipping(events)
    end = (await rest(events))[-1]
    assert isinstance(end, Failed)
    assert not end.retry_helps


def _submitted(two: Two, host: str) -> list[Order]:
    engine = two.cluster.hosts[host].engine
    assert isinstance(engine, FakeEngine)
    return engine.submitted


async def _skipping(events: AsyncIterator[JobEvent]) -> AsyncIterator[JobEvent]:
    """From the next time that it is begun."""
    async for event in events:
        if isinstance(event, Started):
            yield event
            break
    async for event in events:
        yield event


async def test_a_job_that_is_cancelled_while_its_host_is_silent_ends_all_the_same(two: Two) -> None:
    events = two.engine.submit(order("job", steps=10_000))
    await begun(events)
    two.cluster.frozen.add(two.drawing_at())
    two.engine.cancel("job")
    assert isinstance((await rest(events))[-1], Cancelled)


async def test_a_job_that_its_host_gave_up_is_drawn_elsewhere(two: Two) -> None:
    events = two.engine.submit(order("job", steps=100))
    await begun(events)
    two.cluster.hosts[two.drawing_at()].engine.cancel("job")
    assert isinstance((await rest(events))[-1], Finished)


class OtherMachine(FakeEngine):
    """Draws on a machine whose bytes may be others."""

    def state(self) -> EngineState:
        here = super().state()
        return replace(here, models=tuple(replace(model, fingerprint="other") for model in here.models))


async def test_a_job_that_goes_to_a_host_of_another_fingerprint_is_counted() -> None:
    cluster, telemetry = NearCluster(), PrometheusTelemetry()
    await cluster.add_host("kind/a", FakeEngine(("postcard",), step_seconds=0.001))
    engine = engine_of(cluster, load_wait_seconds=0.0, telemetry=telemetry)
    await engine.start()
    events = engine.submit(order("job", steps=200))
    await begun(events)
    await cluster.add_host("other/b", OtherMachine(("postcard",)))
    await cluster.kill_host("kind/a")
    assert isinstance((await rest(events))[-1], Finished)
    assert b'safelight_fingerprint_changes_total{source="postcard"} 1.0' in telemetry.render()
    await engine.stop()
    await cluster.stop()
