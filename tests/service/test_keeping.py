"""Forgetting: by age, by weight, never what is starred; and files that belong to nobody."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from safelight.adapters.files import ObjectFiles, open_files
from safelight.adapters.sql import Database, open_database
from safelight.contract.jobs import KeptImage, file_name, thumbnail_name
from safelight.service.job_feed import JobFeed
from safelight.service.job_ports import JobFilter
from safelight.service.keeping import DAY_SECONDS, Keeping
from tests.adapters.sql.test_jobs import job

NOW = 1000 * DAY_SECONDS


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await open_database(tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
def files(tmp_path: Path) -> ObjectFiles:
    return open_files(None, tmp_path)


def keeping(database: Database, files: ObjectFiles, keep_bytes: int = 10**9, feed: JobFeed | None = None) -> Keeping:
    return Keeping(
        store=database.jobs,
        files=files,
        feed=feed or JobFeed(),
        keep_seconds=30 * DAY_SECONDS,
        keep_bytes=keep_bytes,
        clock=lambda: NOW,
    )


async def keep(
    database: Database, files: ObjectFiles, number: int, days: float, *, starred: bool = False, listed: bool = True
) -> None:
    """A finished job of that age, with its files of 100 bytes."""
    record = job(number, state="finished", ended=NOW - days * DAY_SECONDS, starred=starred, listed=listed)
    image = KeptImage(file=file_name(record), bytes=100, fingerprint="x")
    await database.jobs.add(
        job(number, state="finished", ended=record.ended, starred=starred, listed=listed, image=image)
    )
    await files.put(file_name(record), b"x" * 100)
    await files.put(thumbnail_name(record), b"small")


async def left(database: Database) -> list[int]:
    return [kept.number for kept in await database.jobs.page(JobFilter(owner="key-a"), 100)]


async def test_what_is_older_than_its_time_goes_with_its_files(database: Database, files: ObjectFiles) -> None:
    for number, days in [(1, 31.0), (2, 29.0), (3, 400.0)]:
        await keep(database, files, number, days, starred=number == 3)
    await keep(database, files, 4, 1.1, listed=False)
    await keep(database, files, 5, 0.9, listed=False)
    feed = JobFeed()
    with feed.watch("key-a") as watcher:
        assert await keeping(database, files, feed=feed).forget() == 2
        told = await watcher.next()
    assert told is not None
    assert (told.kind, told.job.number) == ("deleted", 1)
    assert await left(database) == [3, 2]
    assert await database.jobs.get("key-a", "job_4") is None
    assert await database.jobs.get("key-a", "job_5") is not None
    assert await files.get(file_name(job(1))) is None
    assert await files.get(thumbnail_name(job(1))) is None
    assert await files.get(file_name(job(2))) is not None


async def test_beyond_the_budget_the_oldest_without_a_star_go(database: Database, files: ObjectFiles) -> None:
    for number in range(1, 6):
        await keep(database, files, number, days=20.0 - number, starred=number == 1)
    assert await keeping(database, files, keep_bytes=350).forget() == 2
    assert await left(database) == [5, 4, 1]


async def test_the_sweep_takes_old_files_of_no_job_and_nothing_else(
    database: Database, files: ObjectFiles, tmp_path: Path
) -> None:
    await keep(database, files, 1, days=1)
    await files.put("zz/job_lost.png", b"lost")
    await files.put("zz/notes.txt", b"not ours")
    for path in (tmp_path / "files").glob("*/*"):
        os.utime(path, (NOW - 7200, NOW - 7200))
    await files.put("zz/job_young.png", b"its row may just be written")
    os.utime(tmp_path / "files" / "zz" / "job_young.png", (NOW - 60, NOW - 60))
    assert await keeping(database, files).sweep() == 1
    assert await files.get("zz/job_lost.png") is None
    for name in (file_name(job(1)), thumbnail_name(job(1)), "zz/notes.txt", "zz/job_young.png"):
        assert await files.get(name) is not None, name
