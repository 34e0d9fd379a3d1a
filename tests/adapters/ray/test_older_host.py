"""A host of the last release beside one of this release, and an api process that speaks with both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import msgspec
import pytest_asyncio

from safelight.adapters.fake.engine import FakeEngine
from safelight.adapters.fake.stripes import draw_stripes
from safelight.adapters.ray.engine import ClusterEngine
from safelight.protocol.cluster.hosting import HostEvent, HostOrder
from safelight.protocol.messages import Failed, Finished, Preview, Stepped
from tests.adapters.ray.near_cluster import NearCluster, engine_of
from tests.orders import order
from tests.protocol.spoken import hosting
from tests.protocol.test_spoken import kept

OLDER = "kind/older"
_ORDERS: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(kept(HostOrder, hosting))
_EVENTS: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(tuple[kept(HostEvent, hosting), ...])  # type: ignore[misc]


def older(payload: bytes, known: msgspec.msgpack.Decoder[Any]) -> bytes:
    """What a process of the last release reads there and says itself; it fails where that would."""
    return msgspec.msgpack.encode(known.decode(payload))


class TwoReleases(NearCluster):
    """One of its hosts reads and says nothing but what the last release knew."""

    def __init__(self) -> None:
        super().__init__()
        self.told_older = 0
        self.foreign = set[str]()

    async def read(self, host: str, payload: bytes, *, new: bool) -> AsyncGenerator[bytes, None]:
        is_older = host == OLDER
        said = older(payload, _ORDERS) if is_older else payload
        said = b"\xc1" + said if host in self.foreign else said  # which begins no message
        async for piece in super().read(host, said, new=new):
            yield older(piece, _EVENTS) if is_older else piece

    async def tell_host(self, host: str, payload: bytes) -> None:
        self.told_older += host == OLDER
        await super().tell_host(host, older(payload, _ORDERS) if host == OLDER else payload)


@pytest_asyncio.fixture
async def cluster() -> AsyncIterator[TwoReleases]:
    cluster = TwoReleases()
    for name in (OLDER, "kind/newer"):
        await cluster.add_host(name, FakeEngine(("postcard",), step_seconds=0.01))
    yield cluster
    await cluster.stop()


@pytest_asyncio.fixture
async def engine(cluster: TwoReleases) -> AsyncIterator[ClusterEngine]:
    engine = engine_of(cluster)
    await engine.start()
    async with asyncio.timeout(60):
        while engine.state().workers < 2:  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(0.001)
    yield engine
    await engine.stop()


async def test_both_draw_the_same_and_what_one_began_the_other_goes_on_with(
    cluster: TwoReleases, engine: ClusterEngine
) -> None:
    wanted = [order(f"job {number}", steps=30, seed=number + 1) for number in range(2)]
    drawing = [engine.submit(each) for each in wanted]
    for each in wanted:
        engine.watch(each.id, 32)
    async with asyncio.timeout(60):
        for events in drawing:
            while not isinstance(await anext(events), Stepped):
                pass
        assert all(host.in_hand for host in cluster.hosts.values())
        assert cluster.told_older
        await cluster.kill_host("kind/newer")
        said = [[event async for event in events] for events in drawing]
    for each, told in zip(wanted, said, strict=True):
        assert isinstance(told[-1], Finished)
        assert told[-1].image == draw_stripes(each)
        assert any(isinstance(event, Preview) for event in told)


async def test_a_picture_goes_on_from_a_host_that_does_not_understand_to_one_that_does(
    cluster: TwoReleases, engine: ClusterEngine
) -> None:
    cluster.foreign.add(OLDER)
    wanted = [order(f"job {number}", seed=number + 1) for number in range(4)]
    async with asyncio.timeout(60):
        for each in wanted:
            said = [event async for event in engine.submit(each)]
            assert isinstance(said[-1], Finished)


async def test_where_no_host_understands_a_picture_ends_with_what_to_do(
    cluster: TwoReleases, engine: ClusterEngine
) -> None:
    cluster.foreign |= {OLDER, "kind/newer"}
    async with asyncio.timeout(60):
        said = [event async for event in engine.submit(order("a job"))]
    assert isinstance(said[-1], Failed)
    assert said[-1].reason == "3 hosts did not understand this server: one of both sides has to be upgraded."
