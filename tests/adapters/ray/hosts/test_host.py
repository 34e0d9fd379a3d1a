"""A host, spoken to in bytes as over Ray."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
import pytest_asyncio

from safelight.adapters.fake.engine import FakeEngine
from safelight.adapters.ray.hosts.host import Host
from safelight.contract.errors import ProtocolError
from safelight.protocol.cluster.hosting import (
    Beat,
    Drain,
    Follow,
    HandedBack,
    HostEvent,
    HostOrder,
    Leave,
    NotHere,
    Take,
    View,
    read_host_events,
    to_host,
)
from safelight.protocol.messages import Cancelled, Draw, Finished, Preview, Started, Stepped
from tests.orders import order


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    engine = FakeEngine(("postcard",), step_seconds=0.001)
    yield engine
    await engine.stop()


@pytest.fixture
def host(engine: FakeEngine) -> Host:
    return Host(engine, beat_seconds=0.05, silence_seconds=0.1)


def take(job_id: str, reader: str = "api-1", steps: int = 4) -> Take:
    return Take(reader=reader, work=Draw(order=order(job_id, steps=steps)))


async def read(host: Host, wanted: HostOrder, heard: list[HostEvent]) -> list[HostEvent]:
    """All that is said to a reader, beats left out."""
    async with aclosing(host.read(to_host(wanted))) as pieces:
        async for piece in pieces:
            heard += [event for event in read_host_events(piece) if not isinstance(event, Beat)]
    return heard


async def until(heard: list[HostEvent], kind: type[HostEvent]) -> None:
    """Returns when something of that kind was heard."""
    async with asyncio.timeout(60):
        while not any(isinstance(event, kind) for event in heard):  # noqa: ASYNC110 - it is read beside this
            await asyncio.sleep(0)


def kinds(heard: list[HostEvent]) -> set[type[HostEvent]]:
    return {type(event) for event in heard}


async def test_a_second_reader_is_told_what_the_first_knows_and_the_same_end(host: Host, engine: FakeEngine) -> None:
    first, second = list[HostEvent](), list[HostEvent]()
    drawing = asyncio.create_task(read(host, take("job", steps=30), first))
    await until(first, Stepped)
    engine.gate.clear()
    following = asyncio.create_task(read(host, Follow(reader="api-2", job_id="job"), second))
    await until(second, Stepped)
    assert isinstance(second[0], Started)
    engine.gate.set()
    await asyncio.gather(drawing, following)
    assert isinstance(first[-1], Finished)
    assert first[-1] == second[-1]
    assert engine.drawn == ["job"]
    late = await read(host, Follow(reader="api-3", job_id="job"), [])
    assert late == first
    assert [event.step for event in second if isinstance(event, Stepped)] == list(range(1, 31))


async def test_who_leaves_ends_as_cancelled_and_the_last_cancels_the_job(host: Host, engine: FakeEngine) -> None:
    first, second = list[HostEvent](), list[HostEvent]()
    drawing = asyncio.create_task(read(host, take("job", steps=10_000), first))
    await until(first, Started)
    following = asyncio.create_task(read(host, Follow(reader="api-2", job_id="job"), second))
    await until(second, Started)
    host.tell(to_host(Leave(reader="api-1", job_id="job")))
    assert isinstance((await drawing)[-1], Cancelled)
    assert not engine.cancelled
    host.tell(to_host(Leave(reader="api-2", job_id="job")))
    assert isinstance((await following)[-1], Cancelled)
    assert engine.cancelled == ["job"]
    assert host.in_hand == ()


async def test_previews_go_to_those_who_look(host: Host) -> None:
    first, second = list[HostEvent](), list[HostEvent]()
    drawing = asyncio.create_task(read(host, take("job", steps=200), first))
    await until(first, Started)
    following = asyncio.create_task(read(host, Follow(reader="api-2", job_id="job"), second))
    await until(second, Started)
    host.tell(to_host(View(reader="api-2", job_id="job", longest=16)))
    await until(second, Preview)
    host.tell(to_host(Leave(reader="api-2", job_id="job")))
    await asyncio.gather(drawing, following)
    assert Preview not in kinds(first)


async def test_what_nobody_reads_is_cancelled_after_a_while(host: Host, engine: FakeEngine) -> None:
    heard = list[HostEvent]()
    drawing = asyncio.create_task(read(host, take("job", steps=10_000), heard))
    await until(heard, Started)
    drawing.cancel()
    async with asyncio.timeout(60):
        while host.in_hand:
            host.sweep()
            await asyncio.sleep(0)
    assert engine.cancelled == ["job"]


async def test_a_host_that_is_replaced_takes_nothing_new_and_ends_what_it_has(host: Host) -> None:
    heard = list[HostEvent]()
    drawing = asyncio.create_task(read(host, take("job", steps=50), heard))
    await until(heard, Started)
    host.tell(to_host(Drain()))
    assert await read(host, take("late"), []) == [NotHere(job_id="late")]
    assert isinstance((await drawing)[-1], Finished)


async def test_a_job_whose_worker_died_is_handed_back(host: Host) -> None:
    heard = list[HostEvent]()
    drawing = asyncio.create_task(read(host, take("job", steps=10_000), heard))
    await until(heard, Started)
    host.handed_back("job", begun=True)
    assert (await drawing)[-1] == HandedBack(job_id="job", begun=True)
    assert host.in_hand == ()


async def test_a_host_beats_while_there_is_nothing_to_say(host: Host, engine: FakeEngine) -> None:
    engine.gate.clear()
    beats = 0
    async with aclosing(host.read(to_host(take("job")))) as pieces:
        async for piece in pieces:
            beats += sum(isinstance(event, Beat) for event in read_host_events(piece))
            if beats >= 3:
                break


async def test_nonsense_is_refused(host: Host) -> None:
    with pytest.raises(ProtocolError):
        host.tell(b"\x93")
    with pytest.raises(ProtocolError):
        host.tell(to_host(take("job")))
    with pytest.raises(ProtocolError):
        await read(host, Drain(), [])
    with pytest.raises(ProtocolError):
        read_host_events(b"\x93")
