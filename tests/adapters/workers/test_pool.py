"""The pool of worker processes: with real workers that draw with a tiny Flux, with light ones where many are started,
and with programs that are no workers.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import get_args

import msgspec
import pytest
import pytest_asyncio
from benchmarks.checkpoints.tiny import save

from safelight.adapters.metrics import PrometheusTelemetry
from safelight.adapters.workers.pending import MAX_ATTEMPTS, PendingOrder, blame
from safelight.adapters.workers.pool import LocalWorkers
from safelight.adapters.workers.processes.launching import WORKER_COMMAND
from safelight.adapters.workers.team import IN_HAND
from safelight.contract.requests.order import Order
from safelight.protocol.messages import Cancelled, Configure, Failed, Finished, JobEvent, ModelSpec, Started, Stepped
from safelight.protocol.times import BusyStage
from tests.adapters.workers import light_worker
from tests.orders import changed, order


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("checkpoints") / "flux"
    save("flux", folder)
    return str(folder)


@asynccontextmanager
async def pool(
    source: str, *, count: int | None = 1, max_runs: int = 8, command: Sequence[str] = WORKER_COMMAND
) -> AsyncIterator[LocalWorkers]:
    configure = Configure(models=(ModelSpec(source=source, dtype="float32"),), threads=1, max_runs=max_runs)
    workers = LocalWorkers(
        configure, count=count, telemetry=PrometheusTelemetry(), command=command, first_pause_seconds=0.01
    )
    await workers.start()
    try:
        yield workers
    finally:
        await workers.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def workers(checkpoint: str) -> AsyncIterator[LocalWorkers]:
    """One real worker for all tests that need no more; each leaves it idle."""
    async with pool(checkpoint, max_runs=2) as running:
        yield running


with_workers = pytest.mark.asyncio(loop_scope="module")


def job(source: str, name: str = "a", *, seed: int = 1, steps: int = 4) -> Order:
    return order(
        id=name,
        model="tiny",
        source=source,
        prompt="a boat",
        negative_prompt="",
        width=64,
        height=64,
        seed=seed,
        output_format="png",
        steps=steps,
    )


async def to_the_end(
    events: AsyncIterator[JobEvent], on_event: Callable[[JobEvent], None] = lambda event: None
) -> JobEvent:
    last: JobEvent | None = None
    async for event in events:
        on_event(event)
        last = event
    assert last is not None
    return last


async def picture(workers: LocalWorkers, wanted: Order) -> bytes:
    end = await to_the_end(workers.submit(wanted))
    assert isinstance(end, Finished), end
    return end.image


@with_workers
async def test_a_job_submitted_before_the_worker_is_ready_waits_and_is_drawn(
    workers: LocalWorkers, checkpoint: str
) -> None:
    seen: list[JobEvent] = []
    assert workers.state().model(checkpoint).status == "loading"
    end = await to_the_end(workers.submit(job(checkpoint)), seen.append)
    assert isinstance(end, Finished)
    assert [type(event) for event in seen] == [Started, Stepped, Stepped, Stepped, Stepped, Finished]
    state = workers.state()
    assert (state.model(checkpoint).status, state.running, state.queued, state.restarts) == ("ready", 0, 0, 0)


@with_workers
async def test_what_was_begun_with_another_fingerprint_is_counted(workers: LocalWorkers, checkpoint: str) -> None:
    telemetry = workers._telemetry
    assert isinstance(telemetry, PrometheusTelemetry)

    def counted() -> float:
        return telemetry.registry.get_sample_value("safelight_fingerprint_changes_total", {"source": "flux"}) or 0.0

    await picture(workers, changed(job(checkpoint), began_with="another"))
    assert counted() == 1.0
    own = workers.state().model(checkpoint).fingerprint
    await picture(workers, changed(job(checkpoint), began_with=own))
    await picture(workers, job(checkpoint))
    assert counted() == 1.0


@with_workers
@pytest.mark.parametrize("last_seen", ["prompt", 10, 40], ids=["at its prompt", "at a step", "at its decoding"])
async def test_a_worker_killed_in_mid_picture_costs_nobody_the_picture_or_a_byte(
    workers: LocalWorkers, checkpoint: str, last_seen: str | int
) -> None:
    undisturbed = await picture(workers, job(checkpoint, "alone", steps=40))
    killed: list[int] = []
    before = workers.state().restarts

    def kill_once(event: JobEvent) -> None:
        seen = event.step if isinstance(event, Stepped) else "prompt" if isinstance(event, Started) else None
        if seen == last_seen and not killed:
            killed.extend(workers.pids)
            os.kill(workers.pids[0], signal.SIGKILL)

    waiting = asyncio.create_task(picture(workers, job(checkpoint, "queued", seed=2)))
    end = await to_the_end(workers.submit(job(checkpoint, "disturbed", steps=40)), kill_once)
    assert killed
    assert isinstance(end, Finished)
    assert end.image == undisturbed
    assert await waiting
    while workers.state().restarts == before:  # a picture may be sent in the moment in which its worker is killed
        await workers.changed()
    assert workers.state().restarts == before + 1


async def test_a_job_that_every_worker_dies_of_fails_and_the_next_one_is_drawn() -> None:
    deaths = 0

    def kill(event: JobEvent) -> None:
        nonlocal deaths
        if isinstance(event, Stepped) and event.step == 1:
            deaths += 1
            os.kill(members.pids[0], signal.SIGKILL)

    async with pool("light", command=light_worker.COMMAND) as members:
        end = await to_the_end(members.submit(job("light", "deadly", steps=light_worker.LONG)), kill)
        assert isinstance(end, Failed)
        assert not end.retry_helps
        assert deaths == MAX_ATTEMPTS
        assert await picture(members, job("light", "harmless"))


async def test_what_a_worker_says_of_its_gpu_is_told_until_it_ends() -> None:
    async with pool("light", command=light_worker.COMMAND) as members:
        while not (told := members.worker_states()) or told[0].device_percent is None:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
        assert [(each.device_bytes, each.device_percent) for each in told] == [(5, 40)]


@with_workers
async def test_a_running_and_a_waiting_job_are_cancelled_each_once(workers: LocalWorkers, checkpoint: str) -> None:
    begun = asyncio.Event()
    long = [
        asyncio.create_task(to_the_end(workers.submit(job(checkpoint, f"long{n}", steps=900)), lambda _: begun.set()))
        for n in range(2)
    ]
    waiting = asyncio.create_task(to_the_end(workers.submit(job(checkpoint, "waiting", steps=900))))
    await begun.wait()
    assert workers.state().queued in (1, 2)  # one of the long ones may not have had its turn yet
    workers.cancel("waiting")
    assert isinstance(await waiting, Cancelled)
    for n in range(2):
        workers.cancel(f"long{n}")
    assert [type(end) for end in await asyncio.gather(*long)] == [Cancelled, Cancelled]
    workers.cancel("nobody knows it")
    assert await picture(workers, job(checkpoint, "next"))


@with_workers
async def test_two_workers_and_company_change_no_byte(workers: LocalWorkers, checkpoint: str) -> None:
    alone = [await picture(workers, job(checkpoint, f"alone{seed}", seed=seed)) for seed in range(1, 9)]
    async with pool(checkpoint, count=2) as two:
        together = await asyncio.gather(
            *(picture(two, job(checkpoint, f"{copy}-{seed}", seed=seed)) for copy in range(2) for seed in range(1, 9))
        )
        assert len(two.pids) == 2
    assert together == [*alone, *alone]
    assert len(set(alone)) == 8


async def test_stopping_ends_every_process_and_cancels_what_is_left() -> None:
    async with AsyncExitStack() as stack:
        workers = await stack.enter_async_context(pool("light", count=2, command=light_worker.COMMAND))
        begun = asyncio.Event()
        endless = job("light", steps=light_worker.LONG)
        drawing = asyncio.create_task(to_the_end(workers.submit(endless), lambda _: begun.set()))
        await begun.wait()
        pids = workers.pids
    assert isinstance(await drawing, Cancelled)
    assert pids
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def until_failed(workers: LocalWorkers, source: str) -> str:
    while (state := workers.state().model(source)).status != "failed":
        await workers.changed()
    assert state.reason is not None
    return state.reason


async def test_a_worker_that_dies_at_every_start_is_an_error_that_says_so_and_no_storm(tmp_path: Path) -> None:
    tally = tmp_path / "starts"
    program = f"open({str(tally)!r}, 'a').write('x'); raise SystemExit('no such device')"
    async with pool("postcard", command=(sys.executable, "-c", program)) as workers:
        waiting = asyncio.create_task(to_the_end(workers.submit(job("postcard"))))
        assert "3 times in a row" in await until_failed(workers, "postcard")
        end = await waiting
        assert isinstance(end, Failed)
        assert not end.retry_helps
        assert "safelight doctor" in end.reason
        assert tally.read_text() == "xxx"


async def test_a_program_that_cannot_be_started_is_the_same_error(tmp_path: Path) -> None:
    async with pool("postcard", command=(str(tmp_path / "missing"),)) as workers:
        assert "safelight doctor" in await until_failed(workers, "postcard")


async def test_a_worker_that_speaks_nonsense_is_ended_like_a_dead_one() -> None:
    program = "import os, sys, time; os.write(int(sys.argv[-1]), b'\\0\\0\\0\\4\\xc1\\xc1\\xc1\\xc1'); time.sleep(60)"
    async with pool("postcard", command=(sys.executable, "-c", program)) as workers:
        await until_failed(workers, "postcard")
        assert workers.state().restarts >= 3


async def test_a_checkpoint_that_cannot_be_loaded_is_said_without_a_restart() -> None:
    async with pool(light_worker.MISSING, command=light_worker.COMMAND) as workers:
        assert await until_failed(workers, light_worker.MISSING) == "There is no such model."
        end = await to_the_end(workers.submit(job(light_worker.MISSING)))
        assert isinstance(end, Failed)
        assert (end.reason, end.retry_helps) == ("There is no such model.", False)
        assert workers.state().restarts == 0


async def test_a_model_that_was_put_away_is_said_to_be_and_draws_again_when_it_is_wanted(
    checkpoint: str, tmp_path: Path
) -> None:
    other = str(save("stable-diffusion", tmp_path / "other"))
    specs = tuple(ModelSpec(source=source, dtype="float32") for source in (checkpoint, other))
    two = LocalWorkers(Configure(models=specs, threads=1, memory_bytes=1), telemetry=PrometheusTelemetry())
    await two.start()
    try:
        for source in (other, checkpoint, other):
            assert await picture(two, job(source, f"{source}-again"))
            states = {name: two.state().model(name) for name in (checkpoint, other)}
            assert {state.status for state in states.values()} == {"ready"}
            assert [name for name, state in states.items() if state.resident] == [source]
            assert {state.where for state in states.values()} == {"device", "none"}
            assert states[source].bytes
    finally:
        await two.stop()


async def test_a_model_in_the_hosts_memory_is_said_to_be_there_and_its_way_back_is_no_load() -> None:
    specs = tuple(ModelSpec(source=source) for source in (light_worker.RESTING, light_worker.RETURNED, "last"))
    telemetry = PrometheusTelemetry()
    workers = LocalWorkers(Configure(models=specs), telemetry=telemetry, command=light_worker.COMMAND)
    await workers.start()
    try:
        while workers.state().model("last").status != "ready":
            await workers.changed()
        resting, returned, _ = (workers.state().model(spec.source) for spec in specs)
        assert (resting.status, resting.resident) == ("ready", False)
        assert (returned.status, returned.where, returned.resident) == ("ready", "device", True)
        source = {"source": light_worker.RETURNED}
        seconds = telemetry.registry.get_sample_value("safelight_model_load_seconds", source)
        assert seconds == light_worker.LOAD_SECONDS
    finally:
        await workers.stop()


async def test_a_model_that_is_loaded_says_when_it_is_expected() -> None:
    async with pool(light_worker.SLOW, command=light_worker.COMMAND) as workers:
        while (expected := workers.state().model(light_worker.SLOW).ready_in_seconds) is None:
            await workers.changed()
        assert 0 < expected <= light_worker.SLOW_SECONDS
        assert workers.state().model(light_worker.SLOW).status == "loading"


async def test_a_key_with_two_hundred_pictures_waiting_is_not_before_another_key() -> None:
    async with pool("light", command=light_worker.COMMAND) as workers:
        for n in range(200):  # none of these ever ends
            workers.submit(changed(job("light", f"flood{n}", steps=light_worker.LONG), group="flood"))
        for n in range(3):
            assert await picture(workers, changed(job("light", f"modest{n}"), group="modest"))
        assert workers.state().queued + workers.state().running == 200


async def grown(workers: LocalWorkers) -> None:
    while workers.state().workers < light_worker.GROWN:
        await workers.changed()


async def test_a_pool_grows_to_the_workers_that_serve_best_and_those_that_draw_share_the_cores() -> None:
    source = light_worker.GROWING
    async with pool(source, count=None, max_runs=1, command=light_worker.COMMAND) as workers:
        assert workers.state().workers <= 1
        names = [f"endless{n}" for n in range(IN_HAND)]  # all that the first worker takes: what comes then is another's
        endless = [
            asyncio.create_task(to_the_end(workers.submit(job(source, name, steps=light_worker.LONG))))
            for name in names
        ]
        await grown(workers)
        assert await picture(workers, job(source, "beside")) == b"2 share"  # told before its very first picture
        for name in names:
            workers.cancel(name)
        await asyncio.gather(*endless)
        await picture(workers, job(source, "alone"))
        os.kill(workers.pids[-1], signal.SIGKILL)
        while workers.state().restarts == 0:
            await workers.changed()
        await grown(workers)
        assert len(workers.pids) == light_worker.GROWN


def expecting_more(source: str, measured: Path) -> LocalWorkers:
    configure = Configure(models=(ModelSpec(source=source),), warm_up_seconds=10.0, measured=str(measured))
    return LocalWorkers(configure, count=None, telemetry=PrometheusTelemetry(), command=light_worker.COMMAND)


@pytest.mark.parametrize(
    ("source", "gain", "stay"), [(light_worker.CROWDED, 1.0, 1), (light_worker.ROOMY, 2.0, light_worker.GROWN)]
)
async def test_workers_that_were_expected_to_serve_best_are_seen_to_or_go_again(
    source: str, gain: float, stay: int, tmp_path: Path
) -> None:
    kept = tmp_path / "measured" / "workers.json"
    workers = expecting_more(source, tmp_path / "measured")
    await workers.start()
    try:
        await grown(workers)
        while not kept.exists() or workers.state().workers != stay:
            await asyncio.wait([asyncio.ensure_future(workers.changed())], timeout=0.05)
        assert [*msgspec.json.decode(kept.read_bytes()).values()] == [gain]
        assert await picture(workers, job(source))
    finally:
        await workers.stop()
    again = expecting_more(source, tmp_path / "measured")  # what was seen once is known at the next start
    await again.start()
    try:
        assert await picture(again, job(source))
        while again.state().workers != stay:
            await again.changed()
    finally:
        await again.stop()
    assert [*msgspec.json.decode(kept.read_bytes()).values()] == [gain]


async def test_a_pool_of_a_set_size_does_not_grow() -> None:
    async with pool(light_worker.GROWING, count=1, command=light_worker.COMMAND) as workers:
        for n in range(8):
            assert await picture(workers, job(light_worker.GROWING, f"{n}")) == b"1 share"
        assert len(workers.pids) == 1


async def test_jobs_for_a_model_that_loads_hold_no_place_of_others() -> None:
    specs = (ModelSpec(source=light_worker.SLOW), ModelSpec(source="light"))
    workers = LocalWorkers(Configure(models=specs), telemetry=PrometheusTelemetry(), command=light_worker.COMMAND)
    await workers.start()
    try:
        for n in range(200):
            workers.submit(job(light_worker.SLOW, f"loading{n}"))
        assert await picture(workers, job("light"))
    finally:
        await workers.stop()


async def test_jobs_for_a_model_that_was_put_away_hold_no_place_of_others() -> None:
    specs = (ModelSpec(source=light_worker.RESTING), ModelSpec(source="light"))
    workers = LocalWorkers(Configure(models=specs), telemetry=PrometheusTelemetry(), command=light_worker.COMMAND)
    await workers.start()
    try:
        while (
            workers.state().model(light_worker.RESTING).where != "host" or not workers.state().model("light").resident
        ):
            await workers.changed()
        for n in range(200):  # none of these ever ends, as if it were not brought back
            workers.submit(job(light_worker.RESTING, f"coming{n}", steps=light_worker.LONG))
        assert await picture(workers, job("light"))
    finally:
        await workers.stop()


async def test_what_a_worker_was_drawing_when_it_died_is_drawn_alone_and_the_rest_after_it() -> None:
    async with pool("light", command=light_worker.COMMAND) as workers:
        first = asyncio.Event()
        guilty = asyncio.create_task(
            to_the_end(workers.submit(job("light", "guilty", steps=light_worker.LONG)), lambda _: first.set())
        )
        await first.wait()
        for _ in range(MAX_ATTEMPTS):
            before, company = workers.state().restarts, f"company{workers.state().restarts}"
            beside = asyncio.create_task(to_the_end(workers.submit(job("light", company, steps=light_worker.LONG))))
            while workers.state().running < (2 if before == 0 else 1):  # noqa: ASYNC110 - no event says so
                await asyncio.sleep(0)
            assert workers.state().running == (2 if before == 0 else 1)  # the suspect is alone from its second try on
            os.kill(workers.pids[0], signal.SIGKILL)
            while workers.state().restarts == before:
                await workers.changed()
            workers.cancel(company)
            await beside
        end = await guilty
        assert isinstance(end, Failed)
        assert not end.retry_helps
        assert await picture(workers, job("light", "harmless"))


def test_blame_falls_on_what_was_begun_on_all_if_nothing_was_and_on_who_is_always_there() -> None:
    begun, queued = PendingOrder(job("light", "begun")), PendingOrder(job("light", "queued"))
    begun.tell(Started(job_id="begun"))
    blame([begun, queued])
    assert (begun.attempts, begun.suspect, begun.started) == (1, True, False)
    assert (queued.attempts, queued.suspect) == (0, False)
    blame([queued, other := PendingOrder(job("light", "other"))])  # it died before anything was begun
    assert [(t.attempts, t.suspect) for t in (queued, other)] == [(0, True)] * 2
    blame([queued])  # alone, so nobody else can have been it
    assert queued.attempts == 1
    sly = PendingOrder(job("light", "sly"))
    for _ in range(MAX_ATTEMPTS):
        company = PendingOrder(job("light", "company"))
        company.tell(Started(job_id="company"))
        blame([company, sly])
    assert (sly.attempts, sly.suspect) == (0, True)


@pytest.mark.parametrize("stage", get_args(BusyStage))
async def test_a_worker_that_answers_pings_and_is_stuck_in_whatever_it_does_is_replaced(stage: BusyStage) -> None:
    source = light_worker.stuck_in(stage)
    configure = Configure(models=(ModelSpec(source=source),))
    workers = LocalWorkers(
        configure,
        telemetry=PrometheusTelemetry(),
        command=light_worker.COMMAND,
        first_pause_seconds=0.01,
        ping_every_seconds=0.01,
    )
    await workers.start()
    try:
        end = await to_the_end(workers.submit(job(source, "stuck", steps=light_worker.LONG)))
        assert isinstance(end, Failed)
        assert "3 times" in end.reason
        assert workers.state().restarts >= MAX_ATTEMPTS
    finally:
        await workers.stop()


async def test_a_worker_whose_child_keeps_its_log_open_is_replaced(tmp_path: Path) -> None:
    """The child is in a session of its own, where ending the worker's does not reach it."""
    pids = tmp_path / "children"
    program = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)\n"
        f"print(child.pid, file=open({str(pids)!r}, 'a'), flush=True)\n"
        "raise SystemExit('no such device')\n"
    )
    try:
        async with pool("postcard", command=(sys.executable, "-c", program)) as workers:
            assert "3 times in a row" in await until_failed(workers, "postcard")
    finally:
        for pid in pids.read_text().split():
            os.kill(int(pid), signal.SIGKILL)
