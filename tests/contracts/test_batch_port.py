"""What the `BatchStore` port promises, held by both databases."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import update

from safelight.adapters.sql import Database
from safelight.adapters.sql.clock import DatabaseNow
from safelight.adapters.sql.schema import batch_lines
from safelight.contract.records.batches import Batch, Counts, KeptPicture, Line, LineEnding, StoredFile
from safelight.contract.records.jobs import JobError
from safelight.service.ports.stores.batches import BatchStore, FileWish, LeftToOthers, LineHold
from tests.databases import Kept, kept_in

ANSWERED = LineEnding(
    state="answered",
    status=200,
    answer={"created": 5, "data": [{"revised_prompt": "été"}]},
    pictures=(KeptPicture("b/1.1.0.png", 100),),
)
BAD = JobError("invalid_json_line", "Line 2 is no JSON object.")


@pytest.fixture(params=["sqlite", "postgresql"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    return kept_in(request, tmp_path)


@pytest.fixture
def store(kept_database: Database) -> BatchStore:
    return kept_database.batches


def batch(name: str = "a", **fields: Any) -> Batch:
    usual: dict[str, Any] = {"owner": "key-a", "endpoint": "/v1", "input_file_id": "file-1", "created": 10.0}
    return Batch(id=f"batch_{name}", **usual | fields)


def file(name: str, created: float = 1.0, **fields: Any) -> StoredFile:
    usual: dict[str, Any] = {"owner": "key-a", "purpose": "batch", "filename": "in.jsonl", "bytes": 7}
    return StoredFile(id=f"file-{name}", created=created, **usual | fields)


def line(place: int, **fields: Any) -> Line:
    return Line(batch_id="batch_a", place=place, custom_id=f"c{place}", body={"prompt": "a"}, **fields)


async def filled(store: BatchStore, *lines: Line) -> None:
    """A batch of these lines that is drawn."""
    await store.add(batch())
    assert await store.hold("batch_a", "here")
    assert await store.put_lines("batch_a", "here", lines)
    assert await store.begin("batch_a", "here", 11.0, len(lines)) is not None


async def test_files_come_back_to_their_owner_alone_in_their_order(store: BatchStore) -> None:
    for each in (file("b"), file("c", 2.0), file("a"), file("d", owner="key-b", batch_id="batch_a", holds="failed")):
        await store.add_file(each)
    assert await store.file("key-a", "file-b") == file("b")
    assert await store.file("key-b", "file-b") is None
    newest = await store.files(FileWish(owner="key-a", limit=2))
    assert [each.id for each in newest] == ["file-c", "file-b"]
    after = await store.files(FileWish(owner="key-a", limit=9, after="file-b"))
    assert [each.id for each in after] == ["file-a"]
    oldest = await store.files(FileWish(owner="key-a", limit=9, after="file-a", newest_first=False, purpose="batch"))
    assert [each.id for each in oldest] == ["file-b", "file-c"]
    assert (await store.uploaded_bytes("key-a"), await store.uploaded_bytes("key-b")) == (21, 0)
    assert await store.remove_file("key-b", "file-a") is None
    assert await store.remove_file("key-a", "file-a") == file("a")
    await store.add(batch("x"))
    assert set(await store.known_files(["file-a", "file-b", "batch_x"])) == {"file-b", "batch_x"}


async def test_one_process_reads_a_batch_and_what_it_has_read_stays(store: BatchStore) -> None:
    made = batch(metadata={"a": "b"}, traceparent=f"00-{'a' * 32}-{'b' * 16}-01", tracestate="vendor=a")
    await store.add(made)
    assert await store.get("key-a", "batch_a") == made
    held = await asyncio.gather(store.hold("batch_a", "here"), store.hold("batch_a", "there"))
    assert sorted(held) == [False, True]
    reader, other = ("here", "there") if held[0] else ("there", "here")
    assert await store.put_lines("batch_a", reader, [line(1), line(3, state="failed", error=BAD)])
    assert not await store.put_lines("batch_a", other, [line(4)])
    assert await store.put_lines("batch_a", reader, [line(1), line(3), line(5)])  # read again from the start
    assert await store.begin("batch_a", other, 11.0, 3) is None
    begun = await store.begin("batch_a", reader, 11.0, 3)
    counts = Counts(total=3, completed=0, failed=1)
    assert begun == msgspec.structs.replace(made, status="in_progress", begun=11.0, counts=counts)
    assert await store.lines("batch_a", "failed", 0, 9) == [line(3, state="failed", error=BAD)]
    assert [each.place for each in await store.lines("batch_a", "waiting", 1, 9)] == [5]


async def test_a_line_is_one_processs_until_it_ends_it_once(store: BatchStore) -> None:
    await filled(store, line(1), line(2), line(3))
    both = await asyncio.gather(store.claim("batch_a", "here", 2), store.claim("batch_a", "there", 2))
    assert sorted(each.place for lines in both for each in lines) == [1, 2, 3]
    assert {each.tries for lines in both for each in lines} == {1}
    (mine, *_), holder = (both[0], "here") if both[0] else (both[1], "there")
    hold = LineHold.of(mine)
    assert hold in set(await store.renew(holder))
    assert not await store.end(hold, "elsewhere", ANSWERED)
    assert not await store.end(LineHold(hold.batch_id, hold.place, 2), holder, ANSWERED)
    assert await store.end(hold, holder, ANSWERED)
    assert not await store.end(hold, holder, ANSWERED)
    (answered,) = await store.lines("batch_a", "answered", 0, 9)
    assert (answered.answer, answered.pictures, answered.status) == (ANSWERED.answer, ANSWERED.pictures, 200)
    assert await store.waiting("batch_a") == 2


async def test_whoever_claims_a_line_next_is_told_the_fingerprint_that_began_it_last(store: BatchStore) -> None:
    await filled(store, line(1))
    (drawn,) = await store.claim("batch_a", "gone", 1)
    assert drawn.began_with is None
    assert await store.begun(LineHold.of(drawn), "gone", "first")
    assert await store.begun(LineHold.of(drawn), "gone", "second")
    assert not await store.begun(LineHold.of(drawn), "here", "third")  # it is not ours
    await store.take_back("here")
    assert not await store.begun(LineHold.of(drawn), "gone", "third")
    (again,) = await store.claim("batch_a", "here", 1)
    assert (again.tries, again.began_with) == (2, "second")


async def test_what_was_begun_with_another_fingerprint_is_left_to_others_for_a_while(
    store: BatchStore, kept_database: Database
) -> None:
    await filled(store, line(1), line(2))
    (drawn,) = await store.claim("batch_a", "gone", 1)
    assert await store.begun(LineHold.of(drawn), "gone", "theirs")
    async with kept_database.dialect.writing() as connection:
        ran_out = update(batch_lines).where(batch_lines.c.place == drawn.place)
        await connection.execute(ran_out.values(lease_until=DatabaseNow() - 5))
    ours = LeftToOthers(("ours",), 30.0)
    (other,) = await store.claim("batch_a", "here", 9, ours)
    assert other.place == 2
    assert await store.claim("batch_a", "here", 9, LeftToOthers((), 30.0)) == []
    (again,) = await store.claim("batch_a", "there", 9, LeftToOthers(("other", "theirs"), 30.0))
    assert (again.place, again.began_with) == (1, "theirs")
    async with kept_database.dialect.writing() as connection:
        await connection.execute(update(batch_lines).values(lease_until=DatabaseNow() - 50))
    assert {each.place for each in await store.claim("batch_a", "here", 9, ours)} == {1, 2}, "nobody came for it"


async def test_what_was_put_back_or_lost_is_claimed_again_the_least_tried_first(store: BatchStore) -> None:
    await filled(store, line(1), line(2), line(3))
    lost = await store.claim("batch_a", "gone", 1)
    left = await store.claim("batch_a", "here", 1)
    await store.put_back([LineHold.of(each) for each in left], "here")
    await store.take_back("here")
    again = await store.claim("batch_a", "here", 9)
    assert [(each.place, each.tries) for each in again] == [(2, 1), (3, 1), (1, 2)]
    assert not await store.end(LineHold.of(lost[0]), "gone", ANSWERED)


async def test_a_cancelled_batch_fails_what_waits_and_ends_with_its_files(store: BatchStore) -> None:
    await filled(store, line(1), line(2))
    (first,) = await store.claim("batch_a", "here", 1)
    assert await store.cancel("key-b", "batch_a", 12.0) is None
    cancelled = await store.cancel("key-a", "batch_a", 12.0)
    assert cancelled is not None
    assert (cancelled.cancelling, cancelled.status, cancelled.counts.failed) == (12.0, "in_progress", 2)
    assert not await store.end(LineHold.of(first), "here", ANSWERED)
    assert await store.claim("batch_a", "here", 9) == []
    errors = file("e", purpose="batch_output", batch_id="batch_a", holds="failed")
    finished = await asyncio.gather(*(store.finish("batch_a", 13.0, [errors]) for _ in range(2)))
    (ended,) = [each for each in finished if each is not None]
    assert (ended.status, ended.ended, ended.error_file_id, ended.output_file_id) == ("cancelled", 13.0, "file-e", None)
    assert await store.unfinished() == []
    assert await store.cancel("key-a", "batch_a", 14.0) == ended


async def test_one_whose_time_is_over_keeps_what_was_drawn_and_expires(store: BatchStore) -> None:
    await store.add(batch())
    assert not await store.expire("batch_a"), "it is not read yet"
    assert await store.hold("batch_a", "here")
    assert await store.put_lines("batch_a", "here", [line(1), line(2), line(3)])
    await store.begin("batch_a", "here", 11.0, 3)
    first, second = await store.claim("batch_a", "here", 2)
    assert await store.end(LineHold.of(first), "here", ANSWERED)
    assert await store.expire("batch_a")
    assert not await store.expire("batch_a"), "nothing waits any more"
    assert not await store.end(LineHold.of(second), "here", ANSWERED)
    ended = await store.finish("batch_a", 13.0, [])
    assert ended is not None
    assert (ended.status, ended.ended, ended.counts) == ("expired", 13.0, Counts(total=3, completed=1, failed=2))
    late = await store.lines("batch_a", "failed", 0, 9)
    assert [each.error and each.error.code for each in late] == ["batch_expired", "batch_expired"]
    assert not await store.expire("batch_a")


async def test_one_that_is_cancelled_before_it_is_read_fails_all_that_is_read(store: BatchStore) -> None:
    await store.add(batch())
    await store.cancel("key-a", "batch_a", 10.5)
    assert await store.hold("batch_a", "here")
    assert await store.put_lines("batch_a", "here", [line(1)])
    begun = await store.begin("batch_a", "here", 11.0, 1)
    assert begun is not None
    assert begun.counts == Counts(total=1, completed=0, failed=1)
    (failed,) = await store.lines("batch_a", "failed", 0, 9)
    assert failed.error is not None
    assert failed.error.code == "batch_cancelled"


async def test_a_batch_does_not_finish_while_a_line_waits(store: BatchStore) -> None:
    await filled(store, line(1))
    assert await store.finish("batch_a", 13.0, []) is None
    (claimed,) = await store.claim("batch_a", "here", 1)
    assert await store.end(LineHold.of(claimed), "here", ANSWERED)
    ended = await store.finish("batch_a", 13.0, [file("o", batch_id="batch_a", holds="answered")])
    assert ended is not None
    assert (ended.status, ended.output_file_id) == ("completed", "file-o")


async def test_one_that_cannot_be_read_has_no_lines(store: BatchStore) -> None:
    await store.add(batch())
    assert await store.hold("batch_a", "here")
    await store.put_lines("batch_a", "here", [line(1)])
    failed = await store.fail("batch_a", "here", 12.0, JobError("empty_file", "no"))
    assert failed == batch(status="failed", ended=12.0, fault=JobError("empty_file", "no"))
    assert not await store.hold("batch_a", "here")


async def test_batches_are_paged_newest_first_and_forgotten_with_their_lines_and_files(store: BatchStore) -> None:
    await filled(store, line(1, state="failed", error=BAD))
    await store.finish("batch_a", 13.0, [file("e", batch_id="batch_a", holds="failed")])
    for name, created in (("b", 20.0), ("c", 20.0)):
        await store.add(batch(name, created=created))
    await store.add_file(file("in", 5.0))
    assert [each.id for each in await store.page("key-a", 2, None)] == ["batch_c", "batch_b"]
    assert [each.id for each in await store.page("key-a", 2, "batch_b")] == ["batch_a"]
    assert await store.page("key-b", 2, None) == []
    files, batches = await store.expired(13.5, 9)
    assert ([each.id for each in files], [each.id for each in batches]) == (["file-in"], ["batch_a"])
    await store.forget(["file-in"], ["batch_a"])
    assert await store.files(FileWish(owner="key-a", limit=9)) == []
    assert await store.lines("batch_a", "failed", 0, 9) == []
    assert [each.id for each in await store.page("key-a", 9, None)] == ["batch_c", "batch_b"]


async def test_what_is_not_renewed_in_time_is_anybodys(kept_database: Database, store: BatchStore) -> None:
    await filled(store, line(1), line(2))
    (first,) = await store.claim("batch_a", "gone", 1)
    await store.add(batch("b"))
    assert await store.hold("batch_b", "gone")
    assert not await store.hold("batch_b", "here")
    async with kept_database.dialect.writing() as connection:
        for table in ("batch_lines", "batches"):
            await connection.exec_driver_sql(f"UPDATE {table} SET lease_until = lease_until - 13")
    assert [each.place for each in await store.claim("batch_a", "here", 9)] == [2, 1]
    assert await store.hold("batch_b", "here")
    assert not await store.put_lines("batch_b", "gone", [line(1)])
    assert not await store.end(LineHold.of(first), "gone", ANSWERED)
