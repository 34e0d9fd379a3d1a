"""What the `JobFeed` port promises: the newest of each kind and job, for whom it concerns, until the end."""

from __future__ import annotations

import asyncio

from safelight.adapters.in_process.feed import LocalFeed
from safelight.contract.records.jobs import JobUpdate, Progress
from tests.contracts.jobs import job


async def test_a_slow_watcher_is_told_the_newest_and_the_end_replaces_all() -> None:
    feed = LocalFeed()
    with feed.watch("key-a") as watcher:
        for step in range(1, 1000):
            feed.publish(JobUpdate(kind="progress", job=job(1), progress=Progress(step, 1000, None)))
        feed.publish(JobUpdate(kind="job", job=job(2)))
        first = await watcher.next()
        assert first is not None
        assert first.progress == Progress(999, 1000, None)
        feed.publish(JobUpdate(kind="progress", job=job(2), progress=Progress(1, 2, None)))
        feed.publish(JobUpdate(kind="end", job=job(2, state="finished")))
        last = await watcher.next()
        assert last is not None
        assert (last.kind, last.job.course.state) == ("end", "finished")
        watcher.close()
        assert await watcher.next() is None


async def test_previews_are_for_those_who_look() -> None:
    feed = LocalFeed()
    changes: list[bool] = []
    feed.on_look(lambda: changes.append(feed.wants_previews(job(1))))
    with feed.watch("key-a", "job_1"):
        assert not feed.wants_previews(job(1))
    with feed.watch("key-a", "job_1", previews=True) as looking, feed.watch("key-a") as counting:
        for number in range(3):
            feed.publish(JobUpdate(kind="preview", job=job(1), preview=bytes([number])))
        told = await looking.next()
        assert told is not None
        assert told.preview == b"\2"
        feed.publish(JobUpdate(kind="preview", job=job(1), preview=b"late"))
        feed.publish(JobUpdate(kind="end", job=job(1, state="finished")))
        for watcher in (looking, counting):
            ended = await watcher.next()
            assert ended is not None
            assert ended.kind == "end"
    with feed.watch("key-b", previews=True), feed.watch("key-a", "job_2", previews=True):
        assert not feed.wants_previews(job(1))
    assert changes == [True, False, False, False, False, False]


async def test_waiting_may_be_given_up_without_losing_an_update() -> None:
    feed = LocalFeed()
    with feed.watch("key-a", "job_1") as watcher:
        waiting = asyncio.create_task(watcher.next())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        feed.publish(JobUpdate(kind="job", job=job(2)))
        feed.publish(JobUpdate(kind="job", job=job(1, owner="key-b")))
        feed.publish(JobUpdate(kind="job", job=job(1)))
        told = await watcher.next()
        assert told is not None
        assert (told.job.origin.owner, told.job.number) == ("key-a", 1)


async def test_what_is_not_listed_is_told_only_to_who_knows_its_id() -> None:
    feed = LocalFeed()
    with feed.watch("key-a") as everything, feed.watch("key-a", "job_1") as one:
        feed.publish(JobUpdate(kind="job", job=job(1, listed=False)))
        feed.close()
        told = await one.next()
        assert told is not None
        assert told.job.id == "job_1"
        assert await everything.next() is None
    with feed.watch("key-a") as late:
        assert await late.next() is None
