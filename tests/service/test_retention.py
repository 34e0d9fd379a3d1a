"""Forgetting: by age, by weight, never what is starred; and files that belong to nobody."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from safelight.adapters.fake.memory_files import MemoryFiles
from safelight.adapters.files import ObjectFiles, open_files
from safelight.adapters.in_process.feed import LocalFeed
from safelight.adapters.sql import Database, open_database
from safelight.contract.records.jobs import JobRecord, KeptImage, file_name, thumbnail_name
from safelight.service.keeping import forgetting
from safelight.service.keeping.place import Place
from safelight.service.keeping.retention import DAY_SECONDS, Retention
from safelight.service.keeping.steady_clock import SteadyClock
from safelight.service.ports.stores.files import FilesAway, FileStore
from safelight.service.ports.stores.jobs import JobFilter
from tests.api.conftest import until
from tests.contracts.jobs import job

NOW = 1000 * DAY_SECONDS


@pytest.fixture
async def database(tmp_path: Path, with_database: Callable[[Path], Path]) -> AsyncIterator[Database]:
    opened = await open_database(with_database(tmp_path))
    yield opened
    await opened.close()


@pytest.fixture
def files(tmp_path: Path) -> ObjectFiles:
    return open_files(None, tmp_path)


@pytest.fixture(params=["folder", "memory"])
def any_files(request: pytest.FixtureRequest, tmp_path: Path) -> FileStore:
    return MemoryFiles() if request.param == "memory" else open_files(None, tmp_path)


def keeping(
    database: Database,
    files: FileStore,
    keep_bytes: int = 10**9,
    feed: LocalFeed | None = None,
    *,
    place: Place | None = None,
    clock: SteadyClock | None = None,
    weights: dict[str, float] | None = None,
    forget_when_full: bool = False,
) -> Retention:
    async def weight_of(owner: str) -> float:
        return (weights or {}).get(owner, 1.0)

    return Retention(
        place=place or Place(files, database.notes, clock=lambda: NOW),
        upkeep=database.upkeep,
        weight_of=weight_of,
        store=database.jobs,
        files=files,
        feed=feed or LocalFeed(),
        keep_seconds=30 * DAY_SECONDS,
        keep_bytes=keep_bytes,
        clock=clock or SteadyClock(lambda: NOW, lambda: 0.0),
        forget_when_full=forget_when_full,
    )


async def claimed(database: Database, files: FileStore, since: float = 0.0) -> Place:
    """The place, ours since then."""
    place = Place(files, database.notes, clock=lambda: since)
    assert await place.claim()
    return place


async def keep(database: Database, files: FileStore, number: int, days: float, **fields: Any) -> None:
    """A finished job of that age, with its files of 100 bytes."""
    record = job(number, state="finished", ended=NOW - days * DAY_SECONDS, **fields)
    await database.jobs.add(msgspec.structs.replace(record, image=picture(number)))
    await files.put(file_name(record), b"x" * 100)
    await files.put(thumbnail_name(picture(number)), b"small")


def picture(number: int) -> KeptImage:
    """What is kept of that job's picture."""
    return KeptImage(file=file_name(job(number)), bytes=100, fingerprint="x")


async def left(database: Database) -> list[int]:
    return [kept.number for kept in await database.jobs.page(JobFilter(owner="key-a"), 100)]


async def test_what_is_older_than_its_time_goes_with_its_files(database: Database, files: FileStore) -> None:
    for number, days in [(1, 31.0), (2, 29.0), (3, 400.0)]:
        await keep(database, files, number, days, starred=number == 3)
    await keep(database, files, 4, 1.1, listed=False)
    await keep(database, files, 5, 0.9, listed=False)
    feed = LocalFeed()
    with feed.watch("key-a") as watcher:
        assert await keeping(database, files, feed=feed, place=await claimed(database, files)).forget() == 2
        told = await watcher.next()
    assert told is not None
    assert (told.kind, told.job.number) == ("deleted", 1)
    assert await left(database) == [3, 2]
    assert await database.jobs.get("key-a", "job_4") is None
    assert await database.jobs.get("key-a", "job_5") is not None
    assert await files.get(file_name(job(1))) is None
    assert await files.get(thumbnail_name(picture(1))) is None
    assert await files.get(file_name(job(2))) is not None


async def test_beyond_the_budget_the_oldest_without_a_star_go(database: Database, files: FileStore) -> None:
    for number in range(1, 6):
        await keep(database, files, number, days=20.0 - number, starred=number == 1)
    weight = job(1).stored_bytes + 100
    place = await claimed(database, files)
    assert await keeping(database, files, keep_bytes=4 * weight - 50, place=place).forget() == 2
    assert await left(database) == [5, 4, 1]


async def test_the_sweep_puts_old_files_of_no_job_into_the_trash_and_nothing_else(
    database: Database, files: FileStore, tmp_path: Path
) -> None:
    await keep(database, files, 1, days=1)
    place = await claimed(database, files)
    lost, young = f"zz/{await place.new_job_id()}.png", f"zz/{await place.new_job_id()}.png"
    await files.put(lost, b"lost")
    await files.put("zz/job_theirs.png", b"named by another database")
    await files.put("zz/notes.txt", b"not ours")
    for path in (tmp_path / "files").glob("*/*"):
        os.utime(path, (NOW - 7200, NOW - 7200))
    await files.put(young, b"its row may just be written")
    os.utime(tmp_path / "files" / young, (NOW - 60, NOW - 60))
    assert await keeping(database, files, place=place).sweep() == 1
    assert await files.get(lost) is None
    assert await files.get(f"trash/{NOW:.0f}/{lost}") == b"lost"
    for name in (file_name(job(1)), thumbnail_name(picture(1)), "zz/notes.txt", "zz/job_theirs.png", young):
        assert await files.get(name) is not None, name


async def test_pictures_of_tries_that_came_second_are_swept_and_what_a_job_may_need_yet_is_not(
    database: Database, files: ObjectFiles, tmp_path: Path
) -> None:
    await keep(database, files, 1, days=1)  # of try 0, as its row says
    await database.jobs.add(job(2))
    left_alone = ["b_/job_1.input-0.png", "_2/job_2.1.png", "_2/job_2.2.png", "_1/notes.png"]
    lost = ["_1/job_1.1.png", "_1/job_1.1.thumbnail.jpeg", "_1/job_1.png"]
    for name in left_alone + lost:
        await files.put(name, b"x")
    for path in (tmp_path / "files").glob("*/*"):
        os.utime(path, (NOW - 7200, NOW - 7200))
    assert await keeping(database, files, place=await claimed(database, files)).sweep() == len(lost)
    for name in (file_name(job(1)), thumbnail_name(picture(1)), *left_alone):
        assert await files.get(name) is not None, name


async def test_only_who_holds_more_than_a_share_by_weight_loses(database: Database, files: FileStore) -> None:
    for number in range(1, 31):
        await keep(database, files, number, days=20.0, owner="flood" if number > 4 else "neighbour")
    weight = job(1).stored_bytes + 100
    place = await claimed(database, files)
    keeper = keeping(database, files, keep_bytes=12 * weight, place=place, weights={"flood": 2.0})
    assert await keeper.forget() == 18
    assert {each.owner: each.rows for each in await database.jobs.held()} == {"flood": 8, "neighbour": 4}


async def test_jobs_without_a_picture_are_bounded_by_number(
    database: Database, files: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("safelight.service.keeping.forgetting.MOST_WITHOUT_PICTURE", 3)
    for number in range(1, 11):
        await database.jobs.add(job(number, state="cancelled", ended=NOW - 100 + number))
    await keep(database, files, 11, days=20)
    assert await keeping(database, files).forget() == 7
    assert await left(database) == [11, 10, 9, 8]


async def test_a_clock_that_is_a_month_ahead_for_a_minute_forgets_nothing(database: Database, files: FileStore) -> None:
    wall, elapsed = [NOW], [0.0]
    clock = SteadyClock(lambda: wall[0], lambda: elapsed[0])
    for number in range(1, 6):
        await keep(database, files, number, days=number)
    keeper = keeping(database, files, place=await claimed(database, files), clock=clock)
    wall[0], elapsed[0] = NOW + 31 * DAY_SECONDS, 75.0
    assert await keeper.forget() == 0
    wall[0], elapsed[0] = NOW + 150, 150.0
    assert await keeper.forget() == 0
    wall[0] = NOW + 31 * DAY_SECONDS  # this time it stays
    assert await keeper.forget() == 0
    wall[0], elapsed[0] = wall[0] + DAY_SECONDS, elapsed[0] + DAY_SECONDS
    assert await keeper.forget() == 5


async def test_a_start_with_a_clock_far_ahead_of_the_newest_row_waits_too(database: Database, files: FileStore) -> None:
    clock = SteadyClock(lambda: NOW + 31 * DAY_SECONDS, lambda: 0.0)
    await keep(database, files, 1, days=1)
    place = await claimed(database, files)
    await place.note(NOW)
    keeper = keeping(database, files, place=place, clock=clock)
    clock.witness(await place.seen())
    assert await keeper.forget() == 0


async def test_a_round_takes_a_share_of_what_is_too_old(database: Database, files: FileStore) -> None:
    for number in range(1, 302):
        await database.jobs.add(job(number, state="finished", ended=1.0))
    keeper = keeping(database, files, place=await claimed(database, files))
    assert await keeper.forget() == 200
    assert await keeper.forget() == 101


def size_of(home: Path) -> int:
    return sum(file.stat().st_size for file in home.glob("safelight.db*"))


async def test_a_flood_of_cancelled_jobs_leaves_a_database_of_bounded_size(
    database: Database, files: FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A quarter of the real bound: 600 jobs show what 2,400 do.
    monkeypatch.setattr("safelight.service.keeping.forgetting.MOST_WITHOUT_PICTURE", 250)
    keeper, sizes = keeping(database, files, place=await claimed(database, files)), list[int]()
    for wave in range(4):
        for number in range(150):
            number += wave * 150 + 1
            await database.jobs.add(job(number, f"a boat {number} " * 100, state="cancelled", ended=NOW))
        await keeper.forget()
        sizes.append(size_of(tmp_path))
    assert sum(each.rows for each in await database.jobs.held()) == 250
    # The bound of rows was reached in the second wave. The index of words gives its room back in parts, when it merges:
    # over nine waves it swings between 1.7 and 2.3 MB. The fourth is 1.16 of the second, and without a bound 1.84.
    assert sizes[3] < 1.5 * sizes[1]


async def test_a_short_disk_empties_the_trash_and_forgets_nothing_unless_that_is_said(
    database: Database, any_files: FileStore
) -> None:
    await keep(database, any_files, 1, days=1)
    await any_files.put(f"trash/{NOW:.0f}/zz/job_lost.png", b"lost a moment ago")
    keeper = keeping(database, any_files, place=await claimed(database, any_files))
    assert await keeper.make_room(10**6) == 1
    assert await any_files.get(f"trash/{NOW:.0f}/zz/job_lost.png") is None
    assert await keeper.make_room(10**6) == 0
    assert await left(database) == [1]


async def test_where_it_is_said_a_short_disk_takes_the_oldest_of_who_holds_most_as_many_as_are_needed(
    database: Database, any_files: FileStore
) -> None:
    for number in range(1, 11):
        await keep(database, any_files, number, days=20.0 - number, starred=number == 1)
    await keep(database, any_files, 11, days=25.0, owner="key-b")
    weight = job(1).stored_bytes + 100
    keeper = keeping(database, any_files, place=await claimed(database, any_files), forget_when_full=True)
    assert await keeper.make_room(2 * weight) == 2
    assert await left(database) == [10, 9, 8, 7, 6, 5, 4, 1]
    assert await database.jobs.get("key-b", "job_11") is not None
    assert await keeper.make_room(10**9) == 8
    assert await left(database) == [1]
    assert await keeper.make_room(10**9) == 0  # what is starred stays


async def test_a_place_of_another_database_makes_no_room(database: Database, any_files: FileStore) -> None:
    await any_files.put(f"trash/{NOW:.0f}/zz/job_lost.png", b"not ours")
    assert await keeping(database, any_files, forget_when_full=True).make_room(10**9) == 0
    assert await any_files.get(f"trash/{NOW:.0f}/zz/job_lost.png") is not None


async def test_rounds_go_on_come_sooner_when_many_end_without_a_picture_and_outlive_a_fault(
    database: Database, files: FileStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keeper = keeping(database, files)
    await keep(database, files, 1, days=31, created=NOW - 1)  # the clock has a witness
    place = tmp_path / "files"
    place.rename(tmp_path / "away")
    place.write_text("a file, where the folder should be")
    rounds = asyncio.create_task(keeper.go_on())
    await until(lambda: "forgetting_failed" in capsys.readouterr().out)
    place.unlink()
    (tmp_path / "away").rename(place)
    while await left(database):
        keeper.ended_without_picture()
        await asyncio.sleep(0.001)
    rounds.cancel()
    await asyncio.gather(rounds, return_exceptions=True)


async def test_files_of_a_place_that_is_not_ours_and_files_that_do_not_go_are_left(
    database: Database, files: FileStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await keep(database, files, 1, days=1)
    keeper = keeping(database, files)
    await keeper.remove_files(job(1, image=picture(1)))
    assert "not known to be ours" in capsys.readouterr().out
    assert await files.get(file_name(job(1))) is not None
    assert await keeper.claim()
    (path,) = (path for path in (tmp_path / "files").rglob(file_name(job(1)).rpartition("/")[2]))
    path.unlink()
    path.mkdir()
    await keeper.remove_files(job(1, image=picture(1)))
    assert "file_not_removed" in capsys.readouterr().out
    assert await files.get(thumbnail_name(picture(1))) is None


async def test_rounds_outlive_a_place_that_is_away(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    files = MemoryFiles()
    await keep(database, files, 1, days=31, created=NOW - 1)  # the clock has a witness
    keeper = keeping(database, files)
    files.error = FilesAway("The place is away.")
    rounds = asyncio.create_task(keeper.go_on())
    await until(lambda: "files_not_looked_at" in capsys.readouterr().out)
    assert len(await left(database)) == 1
    files.error = None
    while await left(database):
        keeper.ended_without_picture()
    rounds.cancel()
    await asyncio.gather(rounds, return_exceptions=True)


async def test_a_place_that_is_away_is_asked_for_one_file_of_a_job_and_one_that_refuses_for_all(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    files = MemoryFiles()
    await keep(database, files, 1, days=1)
    keeper, gone = keeping(database, files), job(1, image=picture(1))
    await keeper.remove_files(gone)
    assert "not known to be ours" in capsys.readouterr().out
    assert await keeper.claim()
    for error, asked in ((FilesAway("The place is away."), 1), (OSError("The file is in use."), 2)):
        files.error = error
        await keeper.remove_files(gone)
        assert capsys.readouterr().out.count("file_not_removed") == asked
    files.error = None
    await keeper.remove_files(gone)
    assert file_name(gone) not in files.names


async def test_rounds_begin_with_a_claim_and_a_sweep(database: Database) -> None:
    files = MemoryFiles(clock=lambda: NOW - 7200)
    await files.put("zz/job_lost.png", b"lost")
    keeper = keeping(database, files, place=Place(files, database.notes, own=True, clock=lambda: 0.0))
    rounds = asyncio.create_task(keeper.go_on())
    await until(lambda: f"trash/{NOW:.0f}/zz/job_lost.png" in files.names)
    rounds.cancel()
    await asyncio.gather(rounds, return_exceptions=True)


async def test_what_another_process_forgets_at_the_same_time_ends_the_round(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = MemoryFiles()
    await keep(database, files, 1, days=1)
    keeper = keeping(database, files, place=await claimed(database, files))
    oldest = database.jobs.oldest

    async def and_forgotten_elsewhere(owner: str, limit: int, *, without_picture: bool = False) -> Sequence[JobRecord]:
        found = await oldest(owner, limit, without_picture=without_picture)
        await database.jobs.forget([each.id for each in found])
        return found

    monkeypatch.setattr(forgetting, "MOST_ROWS", 0)
    monkeypatch.setattr(database.jobs, "oldest", and_forgotten_elsewhere)
    assert await keeper.forget() == 0
    assert await left(database) == []
