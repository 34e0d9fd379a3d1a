"""Engines of api processes over a cluster in one process: what dies, falls silent and is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from safelight.adapters.fake.engine import FakeEngine
from safelight.adapters.fake.states import FINGERPRINT
from safelight.adapters.fake.stripes import draw_stripes
from safelight.adapters.metrics import PrometheusTelemetry
from safelight.adapters.ray import engine as engine_module
from safelight.adapters.ray.engine import ClusterEngine
from safelight.adapters.ray.jobs.job import ClusterJob
from safelight.contract.errors import Unavailable
from safelight.contract.requests.order import Order
from safelight.protocol.messages import Cancelled, Failed, Finished, JobEvent, Started
from tests.adapters.ray.near_cluster import NearCluster, engine_of
from tests.orders import order

SILENCE = 3.0
"""Whoever lives says so each 0.1 s, unless this process stands still meanwhile."""


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
    async with asyncio.timeout(60):
        while engine.state().workers < 2:  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(0.001)
    yield Two(cluster, engine)
    await engine.stop()
    await cluster.stop()


async def begun(events: AsyncIterator[JobEvent]) -> None:
    assert isinstance(await anext(events), Started)


async def rest(events: AsyncIterator[JobEvent]) -> list[JobEvent]:
    async with asyncio.timeout(60):
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


async def test_a_job_whose_host_falls_silent_goes_on_beside_what_another_draws_and_alone_the_second_time(
    two: Two,
) -> None:
    """Or all that a frozen machine had would wait until hosts have nothing else in hand."""
    company = two.engine.submit(order("company", steps=10_000, seed=2))
    await begun(company)
    beside = two.drawing_at()
    job = two.engine.submit(order("job", steps=10_000))
    await begun(job)
    (silent,) = {name for name, host in two.cluster.hosts.items() if "job" in host.in_hand}
    assert silent != beside
    two.cluster.frozen.add(silent)
    async with asyncio.timeout(60):
        await begun(_skipping(job))
    assert set(two.cluster.hosts[beside].in_hand) == {"company", "job"}
    assert not _submitted(two, beside)[-1].share.alone
    lost = ClusterJob(order("lost"), "api", 1.0)
    for alone in (False, True):
        lost.started = True
        lost.lost(blamed=True, silent=True)
        assert lost.ask().alone is alone


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


async def test_who_is_cut_off_says_so_and_goes_on_with_what_hosts_draw_when_the_cluster_is_back(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "_JOIN_AGAIN_SECONDS", 0.01)
    wanted, later = order("job", steps=400), order("later", steps=3, seed=2)
    events = two.engine.submit(wanted)
    await begun(events)
    before = two.drawing_at()
    two.cluster.cut.set()
    async with asyncio.timeout(60):
        while not two.engine.state().away:
            await two.engine.changed()
    assert two.engine.state().model("postcard").status == "loading"
    waiting = two.engine.submit(later)
    two.cluster.cut.clear()
    async with asyncio.timeout(60):
        while two.engine.state().away or two.engine.state().model("postcard").status != "ready":
            await two.engine.changed()
    end, late = (await rest(events))[-1], (await rest(waiting))[-1]
    assert isinstance(end, Finished)
    assert isinstance(late, Finished)
    assert (end.image, late.image) == (draw_stripes(wanted), draw_stripes(later))
    assert two.engine.state().restarts == 0, "nobody is blamed for it"
    assert before in two.cluster.hosts


async def test_what_waits_while_it_is_cut_off_for_long_ends_as_something_to_ask_for_elsewhere() -> None:
    cluster = NearCluster()
    await cluster.add_host("kind/a", FakeEngine(("postcard",), step_seconds=0.001))
    engine = engine_of(cluster, load_wait_seconds=0.2)
    await engine.start()
    events = engine.submit(order("job", steps=400))
    await begun(events)
    cluster.cut.set()
    with pytest.raises(Unavailable) as told:
        await rest(events)
    assert (told.value.code, told.value.headers["retry-after"]) == ("engine_overloaded", "5")
    assert told.value.message == engine.state().away
    assert engine.state().queued == 0
    await engine.stop()
    await cluster.stop()


async def test_a_job_that_was_cancelled_before_ends_when_its_process_is_cut_off(two: Two) -> None:
    events = two.engine.submit(order("job", steps=400))
    await begun(events)
    two.cluster.frozen.add(two.drawing_at())
    two.engine.cancel("job")
    two.cluster.cut.set()
    assert isinstance((await rest(events))[-1], Cancelled)


async def test_a_job_that_goes_to_a_host_of_another_fingerprint_is_counted() -> None:
    cluster, telemetry = NearCluster(), PrometheusTelemetry()
    await cluster.add_host("kind/a", FakeEngine(("postcard",), step_seconds=0.001))
    engine = engine_of(cluster, load_wait_seconds=0.0, telemetry=telemetry)
    await engine.start()
    events = engine.submit(order("job", steps=200))
    await begun(events)
    await cluster.add_host("other/b", FakeEngine(("postcard",), fingerprint="other"))
    await cluster.kill_host("kind/a")
    assert isinstance((await rest(events))[-1], Finished)
    assert b'safelight_fingerprint_changes_total{source="postcard"} 1.0' in telemetry.render()
    await engine.stop()
    await cluster.stop()


@pytest_asyncio.fixture
async def of_two_kinds() -> AsyncIterator[NearCluster]:
    """A host of one fingerprint that is there, and no other yet."""
    cluster = NearCluster()
    await cluster.add_host("kind/a", FakeEngine(("postcard",)))
    yield cluster
    await cluster.stop()


async def test_a_job_that_another_process_began_waits_for_a_host_of_that_fingerprint(of_two_kinds: NearCluster) -> None:
    engine = engine_of(of_two_kinds)
    await engine.start()
    begun_before = order("job", began_with="other")
    events = engine.submit(begun_before)
    there = engine.submit(order("another"))
    assert isinstance((await rest(there))[-1], Finished)  # the host that is there is asked for other things
    assert engine.state().queued == 1
    await of_two_kinds.add_host("other/b", FakeEngine(("postcard",), fingerprint="other"))
    end = (await rest(events))[-1]
    assert isinstance(end, Finished)
    assert end.fingerprint == "other"
    await engine.stop()


async def test_one_whose_fingerprint_does_not_come_is_drawn_by_another_which_is_named_and_counted(
    of_two_kinds: NearCluster,
) -> None:
    telemetry = PrometheusTelemetry()
    engine = engine_of(of_two_kinds, load_wait_seconds=0.2, telemetry=telemetry)
    await engine.start()
    end = (await rest(engine.submit(order("job", began_with="other"))))[-1]
    assert isinstance(end, Finished)
    assert end.fingerprint == FINGERPRINT
    assert b'safelight_fingerprint_changes_total{source="postcard"} 1.0' in telemetry.render()
    await engine.stop()
