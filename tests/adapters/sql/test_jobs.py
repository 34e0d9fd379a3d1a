"""The job store in SQL: what it promises to the use cases."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from safelight.adapters.sql import Database, open_database
from safelight.adapters.sql.jobs import ROW_BYTES
from safelight.contract.jobs import JobError, JobRecord, KeptImage
from safelight.service.job_ports import Ending, Held, IdempotencyMark, JobFilter

MINE = JobFilter(owner="key-a")
FINISHED = Ending(state="finished", when=20.0, image=KeptImage(file="f", bytes=100, fingerprint="x"))
CANCELLED = Ending(state="cancelled", when=21.0)


def job(number: int, prompt: str = "a boat", **fields: Any) -> JobRecord:
    given: dict[str, Any] = {"id": f"job_{number}", "owner": "key-a", "model": "postcard"} | fields
    return JobRecord(
        number=number,
        created=number / 1e6,
        stored_bytes=ROW_BYTES + len(prompt.encode()) + len(msgspec.json.encode({"prompt": prompt, "seed": 0})),
        request_id="r",
        drawn_by="postcard",
        request={"prompt": prompt, "seed": 0},
        seed=7,
        width=64,
        height=64,
        output_format="png",
        **given,
    )


async def numbers(database: Database, **wanted: Any) -> list[int]:
    found = await database.jobs.page(msgspec.structs.replace(MINE, **wanted), 100)
    assert await database.jobs.count(msgspec.structs.replace(MINE, **wanted)) == len(found)
    return [kept.number for kept in found]


async def test_a_job_comes_back_as_it_was_after_a_restart(database: Database, tmp_path: Path) -> None:
    kept = job(5)
    await database.jobs.add(kept)
    again = await open_database(tmp_path)
    assert await again.jobs.get("key-a", "job_5") == kept
    assert await again.jobs.get("key-b", "job_5") is None
    await again.close()


async def test_a_number_is_above_every_earlier_one_whatever_the_clock_says(database: Database) -> None:
    for name in "abc":
        added = await database.jobs.add(job(5, id=name))
        assert added is not None
    await database.jobs.add(job(1, id="d"))
    assert await numbers(database) == [8, 7, 6, 5]
    kept = await database.jobs.get("key-a", "d")
    assert kept is not None
    assert kept.created == 1e-6


async def test_a_job_ends_once_whoever_comes_second(database: Database) -> None:
    await database.jobs.add(job(1))
    started = await database.jobs.start("job_1", 10.0)
    assert started is not None
    assert (started.state, started.started) == ("running", 10.0)
    endings = [FINISHED, CANCELLED, Ending(state="failed", when=22.0, error=JobError("internal_error", "no"))]
    ended = await asyncio.gather(*(database.jobs.end("job_1", ending) for ending in endings))
    (winner,) = [kept for kept in ended if kept is not None]
    assert await database.jobs.get("key-a", "job_1") == winner
    assert await database.jobs.start("job_1", 30.0) is None


async def test_what_ran_waits_again_after_a_restart_oldest_first(database: Database) -> None:
    for number in (1, 2, 3, 4):
        await database.jobs.add(job(number))
    for number in (1, 4):
        await database.jobs.start(f"job_{number}", 10.0)
    await database.jobs.end("job_2", CANCELLED)
    queued = await database.jobs.requeue(["job_4"])
    assert [(kept.number, kept.state, kept.started) for kept in queued] == [(1, "queued", None), (3, "queued", None)]
    left = await database.jobs.get("key-a", "job_4")
    assert left is not None
    assert left.state == "running"


async def test_only_what_has_ended_is_deleted_and_its_words_are_found_no_more(database: Database) -> None:
    await database.jobs.add(job(1, "a red fox"))
    assert await database.jobs.delete("key-a", "job_1") is None
    await database.jobs.end("job_1", CANCELLED)
    assert await database.jobs.delete("key-b", "job_1") is None
    assert await numbers(database, text="fox") == [1]
    deleted = await database.jobs.delete("key-a", "job_1")
    assert deleted is not None
    assert deleted.id == "job_1"
    assert await numbers(database, text="fox") == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("fox", [10, 2, 1]),
        ("FOX red", [1]),
        ("fo", [10, 2, 1]),
        ("fo red", []),
        ("ete", [3]),
        ("été", [3]),
        ("OR", []),
        ("key", []),
        ('"fox"', [10, 2, 1]),
        ("prompt:fox", []),
        ("fox_boat", [2]),
        ("日本", [4]),
        ("本の", [4]),
        ("春", [4]),
        ("日春", []),
        ("狐狸", [6]),
        ("狸在", [6]),
        ("森林 狐", [6]),
        ("灯台", [7]),
        ("ポット", [8]),
        ("ﾎﾟｯﾄ", [8]),
        ("จอก", [9]),
        ("จิ้งจอก สี", [9]),
        ("fox 狐", [10]),
        ("🦊", [5]),
        ("\U00010d40", []),
    ],
)
async def test_words_of_prompts_are_found(database: Database, text: str, found: list[int]) -> None:
    prompts = ["a red fox", "fox, boat", "un été", "日本の春", "🦊 !", "森林里的红色狐狸在雪中", "夕暮れの海辺の灯台"]
    prompts += ["ティーポット", "จิ้งจอกสีแดงในหิมะ", "fox九尾狐"]
    for number, prompt in enumerate(prompts, 1):
        await database.jobs.add(job(number, prompt))
    await database.jobs.add(job(19, "a red fox", owner="key-b"))
    await database.jobs.add(job(20, "a red fox", listed=False))
    assert await numbers(database, text=text) == found


async def test_filters_go_together_and_pages_begin_where_the_last_ended(database: Database) -> None:
    for number in range(1, 11):
        await database.jobs.add(job(number, "fox" if number % 2 else "boat", model=f"m{number % 3}"))
        if number % 5 == 0:
            await database.jobs.star("key-a", f"job_{number}", True)
    assert await numbers(database, starred=True) == [10, 5]
    assert await numbers(database, starred=False, text="fox") == [9, 7, 3, 1]
    assert await numbers(database, model="m1", text="fox") == [7, 1]
    assert await numbers(database, since=3e-6, until=5e-6) == [5, 4, 3]
    assert await numbers(database, since=3e-6, text="fox", before=7) == [5, 3]
    assert await numbers(database, states=("running", "failed")) == []


async def test_what_ended_after_a_moment_is_told_in_order(database: Database) -> None:
    for number in range(1, 5):
        await database.jobs.add(job(number, listed=number != 3))
        await database.jobs.end(f"job_{number}", Ending(state="cancelled", when=100.0 - number))
    found = await database.jobs.ended_since("key-a", 96.0, 10)
    assert [kept.number for kept in found] == [2, 1]


async def test_what_is_too_old_is_found_by_its_kind_and_starred_never(database: Database) -> None:
    kinds: list[dict[str, Any]] = [{}, {"listed": False}, {"starred": True}, {}]
    for number, fields in enumerate(kinds, 1):
        await database.jobs.add(job(number, **fields))
        await database.jobs.end(f"job_{number}", Ending(state="failed", when=float(number)))
    await database.jobs.add(job(5))

    async def expired(listed: float, unlisted: float) -> list[int]:
        return [kept.number for kept in await database.jobs.expired(listed, unlisted, 10)]

    assert await expired(4.0, 0.0) == [1]
    assert await expired(9.0, 9.0) == [1, 2, 4]


async def test_what_each_owner_holds_and_which_go_first(database: Database) -> None:
    for number in range(1, 5):
        image = KeptImage(file=f"f{number}", bytes=100, fingerprint="x")
        await database.jobs.add(job(number, state="finished", ended=9.0 - number, image=image, starred=number == 4))
    await database.jobs.add(job(5, state="failed", ended=1.0))
    await database.jobs.add(job(6, owner="key-b"))
    row = job(1).stored_bytes
    assert list(await database.jobs.held()) == [
        Held("key-a", 5, 1, 5 * row + 400),
        Held("key-b", 1, 0, row),
    ]
    assert [kept.number for kept in await database.jobs.oldest("key-a", 3)] == [5, 3, 2]
    assert [kept.number for kept in await database.jobs.oldest("key-a", 3, without_picture=True)] == [5]
    gone = await database.jobs.forget(["job_3", "job_4", "job_6"])
    assert [kept.number for kept in gone] == [3]


async def test_attempts_count_what_was_begun_and_not_what_an_orderly_stop_cut_short(database: Database) -> None:
    await database.jobs.add(job(1))
    for _ in range(2):
        await database.jobs.start("job_1", 1.0)
    back = await database.jobs.put_back("job_1")
    assert back is not None
    assert (back.attempts, back.state, back.started) == (1, "queued", None)
    assert await database.jobs.put_back("job_1") is None


async def test_a_mark_stands_for_its_first_job_until_it_is_too_old_or_that_is_gone(database: Database) -> None:
    def mark(digest: bytes, since: float = 0.0) -> IdempotencyMark:
        return IdempotencyMark(key="k", digest=digest, since=since)

    first = await database.jobs.add(job(1), mark(b"a"))
    assert await database.jobs.add(job(2), mark(b"a")) == first
    assert await database.jobs.add(job(3), mark(b"b")) is None
    other = await database.jobs.add(job(4, owner="key-b"), mark(b"b"))
    assert other is not None
    assert await numbers(database) == [1]
    later = await database.jobs.add(job(5), mark(b"b", since=1.0))
    assert later is not None
    await database.jobs.end("job_5", CANCELLED)
    await database.jobs.delete("key-a", "job_5")
    again = await database.jobs.add(job(6), mark(b"c"))
    assert again is not None
    assert again.id == "job_6"


async def test_two_who_use_one_key_at_once_get_one_job(database: Database) -> None:
    mark = IdempotencyMark(key="k", digest=b"a", since=0.0)
    added = await asyncio.gather(*(database.jobs.add(job(number), mark) for number in range(1, 20)))
    assert len({kept.id for kept in added if kept is not None}) == 1
    assert len(await numbers(database)) == 1


async def test_many_writers_wait_for_each_other_in_two_processes_connections(
    database: Database, tmp_path: Path
) -> None:
    other = await open_database(tmp_path)
    stores = (database.jobs, other.jobs)

    async def live(number: int) -> JobRecord | None:
        store = stores[number % 2]
        await store.add(job(number))
        await store.start(f"job_{number}", 1.0)
        return await store.end(f"job_{number}", FINISHED)

    ended = await asyncio.gather(*(live(number) for number in range(1, 60)))
    assert all(kept is not None and kept.state == "finished" for kept in ended)
    await other.close()


async def test_files_belong_to_what_has_a_picture_or_may_yet(database: Database) -> None:
    for number in range(1, 4):
        await database.jobs.add(job(number))
    await database.jobs.end("job_1", FINISHED)
    await database.jobs.end("job_2", CANCELLED)
    assert await database.jobs.with_files(["job_1", "job_2", "job_3", "job_4"]) == {"job_1", "job_3"}
