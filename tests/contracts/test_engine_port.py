"""What the `Engine` port promises, held by whatever fills it: the shipped fake, and a real worker with Postcard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
import pytest_asyncio

from safelight.adapters.fake.engine import FakeEngine
from safelight.adapters.metrics import PrometheusTelemetry
from safelight.adapters.workers.pool import LocalWorkers
from safelight.contract.requests.order import InputPicture, Order, Recipe
from safelight.contract.requests.sentences import BUNDLED_ENCODER, EmbedOrder
from safelight.postcard.scenes.scene import Scene, World
from safelight.postcard.scenes.scene_file import written
from safelight.postcard.scenes.vocabulary import Setting
from safelight.protocol.messages import (
    Cancelled,
    Configure,
    Embedded,
    EncoderSpec,
    End,
    Failed,
    Finished,
    JobEvent,
    ModelSpec,
    Preview,
    Started,
    Stepped,
)
from safelight.service.ports.engine import Engine
from tests.adapters.ray.near_cluster import NearCluster, engine_of
from tests.orders import order

SOURCE = "postcard"
KINDS = ("fake", "fake with a capacity", "workers", "cluster")


@asynccontextmanager
async def _fake(capacity: int | None) -> AsyncIterator[Engine]:
    engine = FakeEngine((SOURCE,), capacity=capacity, step_seconds=0.01)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()


@asynccontextmanager
async def _workers() -> AsyncIterator[Engine]:
    configure = Configure(
        models=(ModelSpec(source=SOURCE, dtype="float32"),),
        threads=1,
        max_runs=2,
        encoders=(EncoderSpec(source=BUNDLED_ENCODER),),
    )
    engine = LocalWorkers(configure, count=1, telemetry=PrometheusTelemetry())
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()


@asynccontextmanager
async def _cluster() -> AsyncIterator[Engine]:
    """A host, spoken to as over Ray."""
    cluster = NearCluster()
    await cluster.add_host("kind/a", FakeEngine((SOURCE,), capacity=2, step_seconds=0.01))
    engine = engine_of(cluster)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()
        await cluster.stop()


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(params=KINDS, scope="module", loop_scope="module")
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    """One of each kind for all tests, ready to draw. Each test leaves it idle, and the last one stops it."""
    made = {"fake": _fake(None), "fake with a capacity": _fake(2), "workers": _workers(), "cluster": _cluster()}
    async with made[request.param] as engine:
        while engine.state().model(SOURCE).status == "loading":
            await engine.changed()
        yield engine


def job(name: str, *, source: str = SOURCE, steps: int = 4, group: str = "", alone: bool = False) -> Order:
    """A small picture."""
    return order(
        id=name,
        model="m",
        source=source,
        prompt="a boat",
        negative_prompt="",
        width=64,
        height=64,
        seed=7,
        output_format="png",
        steps=steps,
        group=group,
        alone=alone,
        seconds=0.1,
    )


async def told(events: AsyncIterator[JobEvent]) -> list[JobEvent]:
    """Everything that is said of a job."""
    return [event async for event in events]


async def test_every_job_is_started_once_ends_once_and_counts_its_steps(engine: Engine) -> None:
    everything = await asyncio.gather(*(told(engine.submit(job(f"j{n}", group=f"g{n % 2}"))) for n in range(5)))
    for events in everything:
        assert isinstance(events[0], Started)
        assert isinstance(events[-1], Finished)
        assert events[0].fingerprint == events[-1].fingerprint
        assert [event.step for event in events if isinstance(event, Stepped)] == [1, 2, 3, 4]
        assert sum(isinstance(event, End) for event in events) == 1
    assert len({events[-1].image for events in everything if isinstance(events[-1], Finished)}) == 1
    assert (engine.state().queued, engine.state().running) == (0, 0)


async def test_what_a_worker_finished_is_its_throughput(engine: Engine) -> None:
    before = engine.worker_states()[0].per_minute.get(SOURCE, 0.0)
    await told(engine.submit(job("counted")))
    async with asyncio.timeout(60):  # what is elsewhere is heard of later
        while engine.worker_states()[0].per_minute.get(SOURCE, 0.0) <= before:  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(0.01)
    (worker,) = engine.worker_states()
    assert (worker.number, worker.where[SOURCE]) == (0, "device")
    assert worker.device in ("none", "cpu")
    assert worker.device_bytes == 0
    assert worker.device == "none" or worker.host_bytes > 50_000_000  # torch alone takes more


async def test_what_waits_and_what_is_drawn_are_counted_apart(engine: Engine) -> None:
    jobs = [engine.submit(job(f"j{n}", steps=40)) for n in range(6)]
    state = engine.state()
    assert (state.queued, state.running) == (6, 0)
    assert isinstance(await anext(jobs[0]), Started)
    state = engine.state()
    assert state.running >= 1
    assert state.queued + state.running == 6
    for n in range(6):
        engine.cancel(f"j{n}")
    ends = [(await told(events))[-1] for events in jobs]
    assert all(isinstance(end, Cancelled) for end in ends)
    assert (engine.state().queued, engine.state().running) == (0, 0)


async def test_a_cancelled_job_ends_as_cancelled_and_an_unknown_id_is_ignored(engine: Engine) -> None:
    engine.cancel("nobody")
    engine.watch("nobody", 64)
    events = engine.submit(job("long", steps=50))
    assert isinstance(await anext(events), Started)
    engine.cancel("long")
    engine.cancel("long")
    rest = await told(events)
    assert isinstance(rest[-1], Cancelled)
    assert sum(isinstance(event, End) for event in rest) == 1
    engine.cancel("long")


async def test_nothing_is_drawn_beside_a_job_that_is_to_be_alone(engine: Engine) -> None:
    said: list[tuple[str, type[JobEvent]]] = []

    async def follow(name: str, *, alone: bool) -> None:
        async for event in engine.submit(job(name, alone=alone)):
            said.append((name, type(event)))  # noqa: PERF401 - in the order in which all are told

    names = {"plain": False, "harmful": True, "late": False}
    await asyncio.gather(*(follow(name, alone=alone) for name, alone in names.items()))
    begun, ended = said.index(("harmful", Started)), said.index(("harmful", Finished))
    assert {name for name, _ in said[begun : ended + 1]} == {"harmful"}
    assert {name for name, event in said if event is Finished} == set(names)


async def test_previews_are_told_of_those_that_are_watched_alone(engine: Engine) -> None:
    watched, other = engine.submit(job("watched", steps=8)), engine.submit(job("other", steps=8))
    engine.watch("watched", 32)
    seen, unseen = await asyncio.gather(told(watched), told(other))
    previews = [event for event in seen if isinstance(event, Preview)]
    assert previews
    assert all(preview.image and 1 <= preview.step <= preview.steps == 8 for preview in previews)
    assert not [event for event in unseen if isinstance(event, Preview)]


async def test_a_job_for_a_model_that_the_engine_was_not_told_of_fails(engine: Engine) -> None:
    end = (await told(engine.submit(job("lost", source="unheard"))))[-1]
    assert isinstance(end, Failed)
    assert not end.retry_helps


async def test_a_change_is_waited_for_and_nobody_is_told_of_none(engine: Engine) -> None:
    waiting = asyncio.ensure_future(engine.changed())
    await told(engine.submit(job("one")))
    assert not waiting.done()
    waiting.cancel()


async def test_what_is_drawn_from_decides_the_picture(engine: Engine) -> None:
    """Two pictures that differ in their pixels, for an engine that draws from those, and in what they say of their
    scene, for Postcard.
    """
    sea, desert = (written(Scene(World(setting))).encode() for setting in (Setting.SEA, Setting.DESERT))
    red = InputPicture(role="image", sha256="aa", width=8, height=8, pixels=bytes((255, 0, 0)) * 64, scene=sea)
    blue = msgspec.structs.replace(red, sha256="bb", pixels=bytes((0, 0, 255)) * 64, scene=desert)
    drawn = []
    for number, picture in enumerate((red, red, blue)):
        order = msgspec.structs.replace(job(f"edit{number}"), recipe=_from(job("edit"), picture))
        drawn.append([event async for event in engine.submit(order)][-1])
    images = [end.image for end in drawn if isinstance(end, Finished)]
    assert len(images) == 3
    assert images[0] == images[1] != images[2]


def _from(order: Order, picture: InputPicture) -> Recipe:
    return msgspec.structs.replace(order.recipe, inputs=(picture,))


async def test_what_was_begun_before_is_drawn_by_that_fingerprint_and_is_what_it_was(
    engine: Engine,
) -> None:
    new = job("new")
    begun, *_ = await told(engine.submit(new))
    assert isinstance(begun, Started)
    again = msgspec.structs.replace(new, id="again", began_with=begun.fingerprint)
    assert again.identity == new.identity
    end = (await told(engine.submit(again)))[-1]
    assert isinstance(end, Finished)
    assert end.fingerprint == begun.fingerprint


def texts(name: str, *texts: str, source: str = BUNDLED_ENCODER, dimensions: int | None = None) -> EmbedOrder:
    """Texts to turn into vectors."""
    return EmbedOrder(id=name, source=source, texts=texts, dimensions=dimensions)


async def vectors(engine: Engine, order: EmbedOrder) -> list[bytes]:
    """Those of an order's texts."""
    events = await told(engine.embed(order))
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Embedded)
    assert len(events) == 2
    each = 4 * (order.dimensions or 384)
    found = events[-1].vectors
    assert len(found) == each * len(order.texts)
    return [found[at : at + each] for at in range(0, len(found), each)]


async def test_a_text_has_the_same_vector_to_the_bit_alone_and_in_company(engine: Engine) -> None:
    long = "the sea " * 400
    (alone,) = await vectors(engine, texts("alone", "a boat"))
    company = texts("company", "a lighthouse", long, "a boat", "a boat", "!")
    beside = engine.submit(job("beside"))
    found, other = await asyncio.gather(
        vectors(engine, company), vectors(engine, texts("other", *["a gull on a rock"] * 9))
    )
    assert isinstance((await told(beside))[-1], Finished)
    assert found[2] == found[3] == alone
    assert len(set(found)) == 4
    assert len(set(other)) == 1
    assert await vectors(engine, texts("long", long)) == [found[1]]
    assert engine.state().model(BUNDLED_ENCODER).dimensions == 384
    assert (engine.state().queued, engine.state().running) == (0, 0)


async def test_texts_that_are_cut_are_counted(engine: Engine) -> None:
    end = (await told(engine.embed(texts("cut", "a boat", "the sea " * 400, dimensions=16))))[-1]
    assert isinstance(end, Embedded)
    assert (end.tokens, end.cut, len(end.vectors)) == (4 + 256, 1, 2 * 16 * 4)


async def test_texts_that_nobody_wants_end_as_cancelled(engine: Engine) -> None:
    events = engine.embed(texts("many", *["the sea " * 400] * 500))
    engine.cancel("many")
    assert isinstance((await told(events))[-1], Cancelled)
    assert (engine.state().queued, engine.state().running) == (0, 0)


async def test_texts_for_an_encoder_that_the_engine_was_not_told_of_fail(engine: Engine) -> None:
    end = (await told(engine.embed(texts("lost", "a boat", source="unheard"))))[-1]
    assert isinstance(end, Failed)
    assert not end.retry_helps


async def test_what_is_there_when_it_stops_and_what_comes_later_ends_as_cancelled(engine: Engine) -> None:
    running, waiting = engine.submit(job("running", steps=50)), engine.submit(job("waiting", steps=50))
    assert isinstance(await anext(running), Started)
    await engine.stop()
    late = engine.submit(job("late"))
    for events in (running, waiting, late):
        assert isinstance((await told(events))[-1], Cancelled)
    assert (engine.state().queued, engine.state().running) == (0, 0)
