"""What the `JobStore` and `Notes` ports promise, held by a new database and by one that an earlier version made.

There is no job store in memory: to open a database of its own takes a test 30 ms, and nothing else would use one.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from safelight.adapters.sql import Database, open_database
from safelight.adapters.sql.sqlite.opening import FILE_NAME
from safelight.contract.records.jobs import JobError, JobRecord, KeptImage
from safelight.service.ports.stores.jobs import SHAPES, Ending, Held, Hold, IdempotencyMark, JobFilter, JobStore, Notes
from tests.contracts.jobs import CANCELLED, FINISHED, job
from tests.databases import Kept, kept_in

REVISION_0003 = Path(__file__).parent.parent / "adapters" / "sql" / "revision_0003.sql"
MINE = JobFilter(owner="key-a")


async def numbers(store: JobStore, **wanted: Any) -> list[int]:
    found = await store.page(msgspec.structs.replace(MINE, **wanted), 100)
    assert await store.count(msgspec.structs.replace(MINE, **wanted)) == len(found)
    return [kept.number for kept in found]


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database's file that an earlier version made and this one has opened, which takes it to what there is now."""
    home = tmp_path_factory.mktemp("earlier")
    with closing(sqlite3.connect(home / FILE_NAME)) as connection:
        connection.executescript(REVISION_0003.read_text("utf-8"))
        connection.execute("DELETE FROM jobs")
        connection.commit()

    async def open_once() -> None:
        await (await open_database(home)).close()

    with ThreadPoolExecutor(1) as elsewhere:  # a test's loop runs here
        elsewhere.submit(asyncio.run, open_once()).result()
    return home / FILE_NAME


@pytest.fixture(params=["sqlite", "sqlite of an earlier version", "postgresql"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    if request.param != "sqlite of an earlier version":
        return kept_in(request, tmp_path)
    shutil.copy(request.getfixturevalue("earlier"), tmp_path / FILE_NAME)
    return Kept(tmp_path, None)


@pytest.fixture
def database(kept_database: Database) -> Database:
    return kept_database


@pytest.fixture
def store(database: Database) -> JobStore:
    return database.jobs


async def test_a_job_comes_back_as_it_was_to_its_owner_alone(store: JobStore) -> None:
    kept = job(5, "été 狐", traceparent=f"00-{'a' * 32}-{'b' * 16}-01", tracestate="vendor=a")
    assert await store.add(kept) == kept
    assert await store.get("key-a", "job_5") == kept
    assert await store.get("key-b", "job_5") is None
    assert await store.get("key-a", "job_6") is None


async def test_a_number_is_above_every_earlier_one_whatever_the_clock_says(store: JobStore) -> None:
    for name in "abc":
        added = await store.add(job(5, id=name))
        assert added is not None
    await store.add(job(1, id="d"))
    assert await numbers(store) == [8, 7, 6, 5]
    kept = await store.get("key-a", "d")
    assert kept is not None
    assert kept.origin.created == 1e-6


async def test_a_job_ends_once_whoever_comes_second(store: JobStore) -> None:
    await store.add(job(1))
    (started,) = await store.claim(["job_1"], 1, 10.0, "here")
    assert (started.course.state, started.course.started) == ("running", 10.0)
    endings = [FINISHED, CANCELLED, Ending(state="failed", when=22.0, error=JobError("internal_error", "no"))]
    ended = await asyncio.gather(*(store.end("job_1", ending) for ending in endings))
    (winner,) = [kept for kept in ended if kept is not None]
    assert await store.get("key-a", "job_1") == winner
    assert await store.claim(["job_1"], 1, 30.0, "here") == []


async def test_those_whose_turn_it_is_are_claimed_in_that_order_and_what_does_not_wait_is_passed_over(
    store: JobStore,
) -> None:
    for number in range(1, 6):
        await store.add(job(number))
    await store.end("job_4", CANCELLED)
    assert await store.claim([], 1, 10.0, "here") == []
    assert await store.claim(["job_1"], 0, 10.0, "here") == []
    first = await store.claim(["job_5", "job_4", "job_9", "job_2", "job_1"], 2, 10.0, "here")
    assert [kept.id for kept in first] == ["job_5", "job_2"]
    assert {(kept.course.state, kept.course.started, kept.course.attempts) for kept in first} == {("running", 10.0, 1)}
    assert [kept.id for kept in await store.claim(["job_5", "job_2", "job_3", "job_1"], 9, 11.0, "here")] == [
        "job_3",
        "job_1",
    ]


async def test_a_job_is_claimed_once_however_many_processes_ask_at_once(database: Database, kept: Kept) -> None:
    other = await kept.open()
    names = [(await database.jobs.add(job(number)) or job(number)).id for number in range(1, 31)]
    asked = [store.claim(names, 7, 10.0, "here") for store in (database.jobs, other.jobs) * 2]
    claimed = [kept.id for found in await asyncio.gather(*asked) for kept in found]
    assert sorted(claimed) == sorted(names[:28])
    back = await other.jobs.put_back(Hold("job_1", "here", 1))
    assert back is not None
    assert [kept.id for kept in await database.jobs.claim(names, 9, 11.0, "here")] == ["job_1", "job_29", "job_30"]
    await other.close()


async def test_what_waits_is_told_oldest_first_but_what_is_reserved_or_left_out(store: JobStore) -> None:
    for number in (4, 3, 2, 1):
        await store.add(job(number, id=f"job_{number}"))
    await store.add(job(5, holder="here"))
    await store.claim(["job_1"], 1, 10.0, "here")
    assert [kept.id for kept in await store.waiting(["job_3"])] == ["job_4", "job_2"]


async def test_only_what_has_ended_is_deleted_and_its_words_are_found_no_more(store: JobStore) -> None:
    await store.add(job(1, "a red fox"))
    assert await store.delete("key-a", "job_1") is None
    await store.end("job_1", CANCELLED)
    assert await store.delete("key-b", "job_1") is None
    assert await numbers(store, text="fox") == [1]
    deleted = await store.delete("key-a", "job_1")
    assert deleted is not None
    assert deleted.id == "job_1"
    assert await numbers(store, text="fox") == []


WORDS = {
    "fox": [10, 2, 1],
    "FOX red": [1],
    "fo": [10, 2, 1],
    "fo red": [],
    "ete": [3],
    "été": [3],
    "OR": [],
    "key": [],
    '"fox"': [10, 2, 1],
    "prompt:fox": [],
    "fox_boat": [2],
    "日本": [4],
    "本の": [4],
    "春": [4],
    "日春": [],
    "狐狸": [6],
    "狸在": [6],
    "森林 狐": [6],
    "灯台": [7],
    "ポット": [8],
    "ﾎﾟｯﾄ": [8],
    "จอก": [9],
    "จิ้งจอก สี": [9],
    "fox 狐": [10],
    "🦊": [5],
    "\U00010d40": [],
}
"""Of which prompts of the next test each is found, newest first."""


async def test_words_of_prompts_are_found(store: JobStore) -> None:
    prompts = ["a red fox", "fox, boat", "un été", "日本の春", "🦊 !", "森林里的红色狐狸在雪中", "夕暮れの海辺の灯台"]
    prompts += ["ティーポット", "จิ้งจอกสีแดงในหิมะ", "fox九尾狐"]
    for number, prompt in enumerate(prompts, 1):
        await store.add(job(number, prompt))
    await store.add(job(19, "a red fox", owner="key-b"))
    await store.add(job(20, "a red fox", listed=False))
    assert {text: await numbers(store, text=text) for text in WORDS} == WORDS


async def test_the_newest_comes_first_however_often_a_word_stands_in_others(store: JobStore) -> None:
    prompts = ["fox fox fox", "a quiet boat", "a fox in a long sentence of many words", "fox"]
    for number, prompt in enumerate(prompts, 1):
        await store.add(job(number, prompt))
    filters: list[dict[str, Any]] = [{}, {"starred": False}, {"before": 5}]
    assert [await numbers(store, text="fox", **each) for each in filters] == [[4, 3, 1]] * 3


async def test_signs_are_found_by_themselves_and_passed_over_beside_words(store: JobStore) -> None:
    for number, prompt in enumerate(["🦊🎉 !", "what? a fox", "a fox", "ｗｈａｔ？"], 1):
        await store.add(job(number, prompt))
    for text, found in (("🎉🦊", [1]), ("?", [4, 2]), ("?!", []), ("fox!", [3, 2]), ("\u200d", [])):
        assert await numbers(store, text=text) == found


async def test_filters_go_together_and_pages_begin_where_the_last_ended(store: JobStore) -> None:
    for number in range(1, 11):
        await store.add(job(number, "fox" if number % 2 else "boat", model=f"m{number % 3}"))
        if number % 5 == 0:
            await store.star("key-a", f"job_{number}", True)
    assert await numbers(store, starred=True) == [10, 5]
    assert await numbers(store, starred=False, text="fox") == [9, 7, 3, 1]
    assert await numbers(store, model="m1", text="fox") == [7, 1]
    assert await numbers(store, since=3e-6, until=5e-6) == [5, 4, 3]
    assert await numbers(store, since=3e-6, text="fox", before=7) == [5, 3]
    assert await numbers(store, states=("running", "failed")) == []


async def test_endings_are_in_order_whatever_the_clock_says_and_their_numbers_never_come_again(
    database: Database, kept: Kept
) -> None:
    store, hour = database.jobs, 3600.0
    assert await store.last_ending() == 0
    for number, when in enumerate([100.0, 100.0 - hour, 100.0 + hour, 101.0], 1):
        await store.add(job(number, listed=number != 3))
        ended = await store.end(f"job_{number}", Ending(state="cancelled", when=when))
        assert ended is not None
        assert ended.course.end_number == number
    assert [kept.number for kept in await store.ended_after("key-a", 0, 10)] == [1, 2, 4]
    assert [kept.number for kept in await store.ended_after("key-a", 1, 1)] == [2]
    await store.delete("key-a", "job_4")
    await store.add(job(5, state="finished", ended=1.0))
    other = await kept.open()
    await other.jobs.add(job(6, owner="key-b"))
    await other.jobs.end("job_6", CANCELLED)
    assert await other.jobs.last_ending() > 5
    await other.close()
    (last,) = await store.ended_after("key-a", 4, 10)
    assert (last.number, last.course.end_number) == (5, 5)


async def test_what_is_too_old_is_found_by_its_kind_and_starred_never(store: JobStore) -> None:
    kinds: list[dict[str, Any]] = [{}, {"listed": False}, {"starred": True}, {}]
    for number, fields in enumerate(kinds, 1):
        await store.add(job(number, **fields))
        await store.end(f"job_{number}", Ending(state="failed", when=float(number)))
    await store.add(job(5))

    async def expired(listed: float, unlisted: float) -> list[int]:
        return [kept.number for kept in await store.expired(listed, unlisted, 10)]

    assert await expired(4.0, 0.0) == [1]
    assert await expired(9.0, 9.0) == [1, 2, 4]


async def test_a_picture_is_kept_with_its_average_colour_or_without(store: JobStore) -> None:
    for number, color in ((1, "#102030"), (2, None)):
        image = KeptImage(file="f", bytes=100, fingerprint="x", average_color=color)
        await store.add(job(number, state="finished", ended=9.0, image=image))
        kept = await store.get("key-a", f"job_{number}")
        assert kept is not None
        assert kept.image == image


async def test_what_each_owner_holds_and_which_go_first(store: JobStore) -> None:
    for number in range(1, 5):
        image = KeptImage(file=f"f{number}", bytes=100, fingerprint="x")
        await store.add(job(number, state="finished", ended=9.0 - number, image=image, starred=number == 4))
    await store.add(job(5, state="failed", ended=1.0))
    await store.add(job(6, owner="key-b"))
    row = job(1).stored_bytes
    assert set(await store.held()) == {Held("key-a", 5, 1, 5 * row + 400), Held("key-b", 1, 0, row)}
    # Those that ended first, and not those with the oldest date: the clock went back all the time.
    assert [kept.number for kept in await store.oldest("key-a", 3)] == [1, 2, 3]
    assert [kept.number for kept in await store.oldest("key-a", 3, without_picture=True)] == [5]
    gone = await store.forget(["job_3", "job_4", "job_6"])
    assert [kept.number for kept in gone] == [3]


async def test_attempts_count_what_was_begun_and_not_what_an_orderly_stop_cut_short(store: JobStore) -> None:
    await store.add(job(1))
    for when in (1.0, 2.0):
        await store.take_back("there", others_are_gone=True)
        (begun,) = await store.claim(["job_1"], 1, when, "here")
        assert begun.course.started == when
    back = await store.put_back(Hold("job_1", "here", 2))
    assert back is not None
    assert (back.course.attempts, back.course.state, back.course.started) == (1, "queued", None)
    assert await store.put_back(Hold("job_1", "here", 2)) is None


async def test_a_mark_stands_for_its_first_job_until_it_is_too_old_or_that_is_gone(store: JobStore) -> None:
    def mark(digest: bytes, since: float = 0.0) -> IdempotencyMark:
        return IdempotencyMark(key="k", digest=digest, since=since)

    first = await store.add(job(1), mark(b"a"))
    assert await store.add(job(2), mark(b"a")) == first
    assert await store.add(job(3), mark(b"b")) is None
    other = await store.add(job(4, owner="key-b"), mark(b"b"))
    assert other is not None
    assert await numbers(store) == [1]
    assert await store.marked("key-a", mark(b"a")) == (first, True)
    assert await store.marked("key-a", mark(b"b")) == (first, False)
    assert await store.marked("key-a", mark(b"a", since=1.0)) is None
    assert await store.marked("key-c", mark(b"a")) is None
    later = await store.add(job(5), mark(b"b", since=1.0))
    assert later is not None
    await store.end("job_5", CANCELLED)
    await store.delete("key-a", "job_5")
    again = await store.add(job(6), mark(b"c"))
    assert again is not None
    assert again.id == "job_6"


async def test_two_who_use_one_key_at_once_get_one_job(store: JobStore) -> None:
    mark = IdempotencyMark(key="k", digest=b"a", since=0.0)
    added = await asyncio.gather(*(store.add(job(number), mark) for number in range(1, 20)))
    assert len({kept.id for kept in added if kept is not None}) == 1
    assert len(await numbers(store)) == 1


async def test_jobs_are_known_by_id_whoever_owns_them_and_however_they_ended(store: JobStore) -> None:
    for number in range(1, 4):
        await store.add(job(number))
    await store.end("job_1", FINISHED)
    await store.end("job_2", CANCELLED)
    names = ["job_1", "job_2", "job_3", "job_4"]
    known = await store.known(names)
    assert {name: (job.image, job.has_ended) for name, job in known.items()} == {
        "job_1": (FINISHED.image, True),
        "job_2": (None, True),
        "job_3": (None, False),
    }


async def test_a_star_is_set_and_taken_away_by_its_owner_alone(store: JobStore) -> None:
    await store.add(job(1))
    assert await store.star("key-b", "job_1", True) is None
    for starred in (True, False):
        kept = await store.star("key-a", "job_1", starred)
        assert kept is not None
        assert kept.starred is starred
        assert await store.get("key-a", "job_1") == kept


async def test_the_newest_is_the_one_that_was_added_last_whoever_owns_it(store: JobStore) -> None:
    assert await store.newest() == 0
    await store.add(job(5_000_000))
    await store.add(job(6_000_000, owner="key-b"))
    assert await store.newest() == 6


async def test_pictures_are_told_apart_by_their_shape(store: JobStore) -> None:
    for number, (width, height) in enumerate(((96, 64), (64, 96), (64, 64)), 1):
        await store.add(job(number, width=width, height=height))
    assert [await numbers(store, shape=shape) for shape in SHAPES] == [[1], [2], [3]]


async def test_a_note_is_what_was_put_last_under_its_name(database: Database) -> None:
    notes: Notes = database.notes
    assert await notes.get("a") is None
    await notes.put("a", "one")
    await notes.put("b", "")
    await notes.put("a", "another")
    assert (await notes.get("a"), await notes.get("b")) == ("another", "")
    assert await notes.settle("a", "too late") == "another"
    settled = await asyncio.gather(*(notes.settle("c", str(number)) for number in range(8)))
    assert set(settled) == {await notes.get("c")}


async def test_whoever_reads_on_from_the_last_ending_misses_none_however_many_processes_end_jobs(
    database: Database, kept: Kept
) -> None:
    other = await kept.open()
    many = range(1, 61)
    for number in many:
        await database.jobs.add(job(number))
    read: list[JobRecord] = []

    async def read_on() -> None:
        while len(read) < len(many):
            read.extend(await database.jobs.ended_after("key-a", read[-1].course.end_number or 0 if read else 0, 7))

    async def end(number: int) -> None:
        assert await (database, other)[number % 2].jobs.end(f"job_{number}", CANCELLED)

    await asyncio.gather(read_on(), *(end(number) for number in many))
    assert sorted(each.number for each in read) == list(many)
    await other.close()
