"""One process of several on one store: what the others write is heard of, or found by looking, and acted on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from safelight.adapters.fake.engine import FakeEngine
from safelight.adapters.sql import Database, open_database
from safelight.adapters.sql.sqlite.opening import FILE_NAME
from safelight.contract.records.jobs import Course, JobRecord
from safelight.service.jobs import tending
from safelight.service.jobs.processes import elsewhere, suspects
from safelight.service.jobs.processes.elsewhere import Elsewhere
from safelight.service.jobs.processes.leases import Leases
from safelight.service.jobs.processes.suspects import ALONE_FROM, MOST_TRIES, Suspects
from safelight.service.ports.processes.news import ChangeKind, RowChange
from safelight.service.ports.stores.jobs import Ending, Hold
from tests.api.conftest import PICTURES, Running, Serve, serve, until
from tests.databases import altered

__all__ = ["serve"]
_FULL = "CREATE TRIGGER full BEFORE UPDATE ON jobs BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
CANCELLED = Ending(state="cancelled", when=2.0)


class Beside:
    """A server whose engine stands still, and another process on its database."""

    def __init__(self, running: Running, other: Database) -> None:
        self.running = running
        self.other = other.jobs
        jobs = running.services.jobs
        self.runner, self.feed = jobs.runner, jobs.feed
        self.store = jobs.library._store
        self.elsewhere = Elsewhere(store=self.store, runner=self.runner, feed=self.feed, holder="here")

    async def accept(self, seed: int) -> str:
        """A job that is accepted here."""
        body = {"model": "stable-image-ultra", "prompt": "a boat", "seed": seed}
        answer = await self.running.client.post(PICTURES, json=body, headers={"prefer": "respond-async"})
        return str(answer.headers["location"].rpartition("/")[2])

    async def accept_elsewhere(self, name: str) -> JobRecord:
        """A job of the same key that another process accepts."""
        (like,) = await self.store.these([next(iter(self.runner.running.holds)).job_id])
        added = await self.other.add(msgspec.structs.replace(like, id=name, course=Course()))
        assert added is not None
        return added

    async def claim_without_renewing(self, job_id: str, drawer: str) -> None:
        """A process claims that job, and its claim has run out."""
        assert await self.other.claim([job_id], 1, 1.0, drawer)
        async with self.other._dialect.writing() as connection:
            await connection.exec_driver_sql(f"UPDATE jobs SET lease_until = 0 WHERE id = '{job_id}'")

    def change(self, kind: ChangeKind, job_id: str) -> RowChange:
        return RowChange(kind, job_id, next(iter(self.runner.owners)))


@pytest.fixture
async def beside(serve: Serve, tmp_path: Path) -> AsyncIterator[Beside]:
    engine = FakeEngine(("postcard",))
    engine.gate.clear()
    running = await serve(engine=engine)
    other = await open_database(tmp_path)
    both = Beside(running, other)
    for seed in (1, 2):  # as many as there are places
        await both.accept(seed)
    await until(lambda: len(both.runner.running.holds) == 2)
    yield both
    await other.close()


@pytest.mark.parametrize("way", ["heard", "looked for"])
async def test_a_job_that_was_accepted_elsewhere_waits_here_too(beside: Beside, way: str) -> None:
    await beside.accept_elsewhere("job_there")
    if way == "heard":
        await beside.elsewhere.take([beside.change("waits", "job_there")])
    else:
        await beside.elsewhere.look()
    assert beside.runner.waiting_ids == ["job_there"]


@pytest.mark.parametrize("way", ["heard", "looked for"])
async def test_a_job_that_is_drawn_elsewhere_waits_here_no_longer(beside: Beside, way: str) -> None:
    taken, left = [await beside.accept(seed) for seed in (3, 4)]
    await beside.other.claim([taken], 1, 1.0, "there")
    if way == "heard":
        await beside.elsewhere.take([beside.change("drawn", taken)])
    else:
        await beside.elsewhere.look()
    assert beside.runner.waiting_ids == [left]


@pytest.mark.parametrize("way", ["heard", "looked for"])
async def test_a_cancel_elsewhere_stops_what_waits_and_what_is_drawn(beside: Beside, way: str) -> None:
    waiting = await beside.accept(3)
    drawn = next(iter(beside.runner.running.holds)).job_id
    await beside.elsewhere.look()
    for job_id in (waiting, drawn):
        await beside.other.end(job_id, CANCELLED)
    if way == "heard":
        await beside.elsewhere.take([beside.change("ended", job_id) for job_id in (waiting, drawn)])
    else:
        await beside.elsewhere.look()
        await beside.running.services.jobs.tending.leases.renew()
    assert waiting not in beside.runner.ids
    await until(lambda: drawn not in beside.runner.ids)


@pytest.mark.parametrize("way", ["heard", "looked for"])
async def test_watchers_here_are_told_what_becomes_of_jobs_elsewhere(beside: Beside, way: str) -> None:
    there = await beside.accept_elsewhere("job_there")
    owner = there.origin.owner
    await beside.elsewhere.look()
    told: list[tuple[str, str]] = []

    async def seen(kind: ChangeKind) -> None:
        if way == "heard":
            await beside.elsewhere.take([beside.change(kind, there.id)])
        else:
            await beside.elsewhere.look()
        update = await watcher.next()
        assert update is not None
        told.append((update.kind, update.job.course.state))

    with beside.feed.watch(owner, there.id) as watcher:
        await beside.other.claim([there.id], 1, 1.0, "there")
        await seen("drawn")
        await beside.other.end(there.id, CANCELLED, Hold(there.id, "there", 1))
        await seen("ended")
        if way == "heard":
            await beside.other.star(owner, there.id, True)
            await seen("changed")
            await beside.other.star(owner, there.id, False)
        await beside.other.delete(owner, there.id)
        if way == "heard":
            await seen("gone")
    assert told[:2] == [("job", "running"), ("end", "cancelled")]
    assert told[2:] == ([("job", "cancelled"), ("deleted", "queued")] if way == "heard" else [])


async def test_what_others_lost_again_and_again_is_tried_alone_and_then_fails(beside: Beside) -> None:
    runner, store = beside.runner, beside.store
    found = Suspects(store, beside.feed, runner)
    added = await beside.accept_elsewhere("job_there")
    assert await _lost(beside, added.id, "first") == (1, None)
    await found.take_up(await store.these([added.id]))
    assert runner.waiting_ids == [added.id]
    assert await _lost(beside, added.id, "second") == (2, "here")  # to be tried alone, by whoever found it
    assert await _lost(beside, added.id, "here", finder="third") == (MOST_TRIES, "third")
    with beside.feed.watch(added.origin.owner, added.id) as watcher:
        await found.take_up(await store.these([added.id]))
        update = await watcher.next()
    assert update is not None
    ended = update.job
    assert ended.course.state == "failed"
    assert ended.course.error is not None
    assert ended.course.error.message.startswith("3 servers ended while they drew this")


async def _lost(beside: Beside, job_id: str, drawer: str, finder: str = "here") -> tuple[int, str | None]:
    """A process claims that job and does not renew; how often the job was begun by then, and for whom it is kept."""
    await beside.claim_without_renewing(job_id, drawer)
    (lost,) = await beside.other.take_back(finder, keep_from=ALONE_FROM)
    return lost.course.attempts, lost.course.holder


class Told:
    """News that are told at once; after them nothing more happens."""

    def __init__(self, *changes: RowChange) -> None:
        self._changes = changes

    async def changes(self) -> AsyncIterator[Sequence[RowChange]]:
        yield self._changes
        await asyncio.Event().wait()


async def test_what_could_not_be_read_is_found_once_the_store_answers(
    beside: Beside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elsewhere, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(tending, "LOOK_SECONDS", 0.01)
    added = await beside.accept_elsewhere("job_there")
    share = beside.running.services.jobs.tending.share(Told(beside.change("waits", added.id)))
    awaited = {"news_not_read", "jobs_not_looked_at", "lost_jobs_not_looked_for"}
    with capture_logs() as logs:
        await altered(tmp_path / FILE_NAME, "ALTER TABLE jobs RENAME TO jobs_away")
        sharing = asyncio.create_task(share)
        await until(lambda: awaited <= {line["event"] for line in logs})
        assert beside.runner.waiting_ids == []
        await altered(tmp_path / FILE_NAME, "ALTER TABLE jobs_away RENAME TO jobs")
        await until(lambda: beside.runner.waiting_ids == [added.id])
    sharing.cancel()
    await asyncio.gather(sharing, return_exceptions=True)


async def test_after_a_renewal_that_took_long_the_others_get_time_for_theirs(beside: Beside) -> None:
    now = 0.0

    def elapsed() -> float:  # the machine is so slow that 4 s pass from one look at the clock to the next
        nonlocal now
        now += 4.0
        return now

    added = await beside.accept_elsewhere("job_there")
    await beside.claim_without_renewing(added.id, "there")
    leases = Leases(beside.store, beside.runner, beside.running.services.jobs.peers, elapsed=elapsed)
    assert await leases.renew()
    assert await leases.take_back() == ()
    assert [lost.id for lost in await leases.take_back()] == [added.id]


async def test_a_suspect_is_not_left_while_the_store_does_not_answer(
    beside: Beside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suspects, "_AGAIN_SECONDS", 0.01)
    added = await beside.accept_elsewhere("job_there")
    guilty = msgspec.structs.replace(added, course=Course(attempts=MOST_TRIES, holder="here"))
    owner = added.origin.owner
    with capture_logs() as logs:
        await altered(
            tmp_path / FILE_NAME,
            "CREATE TRIGGER full BEFORE UPDATE ON jobs BEGIN SELECT RAISE(ABORT, 'disk is full'); END",
        )
        with beside.feed.watch(owner, added.id) as watcher:
            found = Suspects(beside.store, beside.feed, beside.runner)
            await found.take_up([guilty])
            await until(lambda: any(line["event"] == "suspect_not_tried" for line in logs))
            assert found.owners == {owner}
            await altered(tmp_path / FILE_NAME, "DROP TRIGGER full")
            update = await watcher.next()
    assert update is not None
    assert update.job.course.state == "failed"
    await until(lambda: not found.owners)
