"""What the `JobStore` port promises of claims: each is one holder's for a while, and who lost it changes nothing."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select

from safelight.adapters.sql import Database
from safelight.adapters.sql.clock import DatabaseNow
from safelight.contract.records.jobs import JobRecord
from safelight.service.ports.stores.jobs import LEASE_SECONDS, Hold, JobStore
from tests.contracts.jobs import CANCELLED, FINISHED, job
from tests.databases import Kept


@pytest.fixture
def database(kept_database: Database) -> Database:
    return kept_database


@pytest.fixture
def store(database: Database) -> JobStore:
    return database.jobs


async def claimed(store: JobStore, number: int, holder: str) -> Hold:
    """A new job of that number, claimed by that holder."""
    await store.add(job(number))
    (drawn,) = await store.claim([f"job_{number}"], 1, 10.0, holder)
    return _hold(drawn)


def _hold(drawn: JobRecord) -> Hold:
    hold = Hold.of(drawn)
    assert hold is not None
    return hold


async def run_out(database: Database, job_id: str, seconds: float = LEASE_SECONDS) -> None:
    """Have a claim be older by so many seconds than it is."""
    async with database.dialect.engine.begin() as connection:
        await connection.exec_driver_sql(f"UPDATE jobs SET lease_until = lease_until - {seconds} WHERE id = '{job_id}'")


async def test_a_claim_says_whose_it_is_and_numbers_the_try(store: JobStore) -> None:
    assert await claimed(store, 1, "one") == Hold("job_1", "one", 1)
    assert await store.put_back(Hold("job_1", "one", 1)) is not None
    (again,) = await store.claim(["job_1"], 1, 11.0, "two")
    assert (_hold(again), again.course.attempts) == (Hold("job_1", "two", 2), 1)


async def test_what_has_run_out_is_taken_back_by_another_and_only_then(database: Database) -> None:
    store = database.jobs
    for number in (2, 1):
        await claimed(store, number, "one")
    await run_out(database, "job_1", LEASE_SECONDS - 2.0)
    assert await store.take_back("two") == []
    await run_out(database, "job_1", 2.0)
    assert await store.take_back("one") == []  # nobody takes from himself
    (back,) = await store.take_back("two")
    assert (back.id, back.course.state, back.course.started) == ("job_1", "queued", None)
    assert (back.course.attempts, back.course.holder) == (1, None)
    assert await store.take_back("two") == []
    assert [each.id for each in await store.waiting([])] == ["job_1"]


async def test_a_renewed_claim_does_not_run_out_and_one_that_nobody_took_comes_alive_again(database: Database) -> None:
    store = database.jobs
    hold = await claimed(store, 1, "one")
    await run_out(database, "job_1")
    assert set(await store.renew("one")) == {hold}
    assert set(await store.renew("two")) == set()
    assert await store.take_back("two") == []


async def test_renewing_does_not_name_what_another_took_or_a_cancel_ended(database: Database) -> None:
    store = database.jobs
    lost, cancelled, kept = [await claimed(store, number, "one") for number in (1, 2, 3)]
    await run_out(database, lost.job_id)
    await store.take_back("two")
    await store.end(cancelled.job_id, CANCELLED)
    assert set(await store.renew("one")) == {kept}


@pytest.mark.parametrize("again", ["waits", "is drawn by another", "is drawn by the same"])
async def test_who_lost_a_claim_ends_nothing_and_puts_nothing_back(database: Database, again: str) -> None:
    store = database.jobs
    hold = await claimed(store, 1, "one")
    await run_out(database, "job_1")
    await store.take_back("two")
    if again != "waits":
        await store.claim(["job_1"], 1, 11.0, "two" if again == "is drawn by another" else "one")
    before = await store.get("key-a", "job_1")
    assert await store.end("job_1", FINISHED, hold) is None
    assert await store.put_back(hold) is None
    assert await store.get("key-a", "job_1") == before


async def test_a_claim_is_ended_by_its_holder_and_nothing_is_held_then(store: JobStore) -> None:
    hold = await claimed(store, 1, "one")
    ended = await store.end("job_1", FINISHED, hold)
    assert ended is not None
    assert (ended.course.state, ended.course.holder, ended.course.tries) == ("finished", None, 1)
    assert set(await store.renew("one")) == set()
    assert await store.end("job_1", FINISHED, hold) is None


async def test_whoever_claims_a_job_next_is_told_the_fingerprint_that_began_it_last(database: Database) -> None:
    store = database.jobs
    hold = await claimed(store, 1, "one")
    assert await store.begun(hold, "first")
    assert await store.begun(hold, "second")
    await run_out(database, "job_1")
    (back,) = await store.take_back("two")
    assert back.course.began_with == "second"
    assert not await store.begun(hold, "third")  # it is not ours any more
    (again,) = await store.claim(["job_1"], 1, 11.0, "two")
    assert again.course.began_with == "second"
    ended = await store.end("job_1", FINISHED, _hold(again))
    assert ended is not None
    assert ended.course.began_with == "second"


async def test_what_is_reserved_waits_for_its_holder_alone_while_that_one_renews(database: Database) -> None:
    store = database.jobs
    await store.add(job(1, holder="one"))
    assert await store.waiting([]) == []
    assert await store.claim(["job_1"], 1, 10.0, "two") == []
    assert set(await store.renew("one")) == {Hold("job_1", "one", 0)}
    await run_out(database, "job_1")
    assert [each.id for each in await store.take_back("two")] == ["job_1"]
    (drawn,) = await store.claim(["job_1"], 1, 10.0, "two")
    assert (_hold(drawn), drawn.course.attempts) == (Hold("job_1", "two", 1), 1)


async def test_who_is_alone_takes_back_all_that_others_had_and_nothing_of_its_own(database: Database) -> None:
    store = database.jobs
    for number, holder in ((1, "gone"), (2, "one"), (3, "gone too")):
        await claimed(store, number, holder)
    await store.add(job(4, holder="gone"))
    await claimed(store, 5, "an earlier version")
    async with database.dialect.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE jobs SET holder = NULL, lease_until = NULL WHERE id = 'job_5'")
    await store.end("job_3", CANCELLED)
    assert [each.id for each in await store.take_back("one", others_are_gone=True)] == ["job_1", "job_4", "job_5"]
    assert set(await store.renew("one")) == {Hold("job_2", "one", 1)}


async def test_of_many_who_take_back_at_once_one_gets_each(database: Database, kept: Kept) -> None:
    other = await kept.open()
    for number in range(1, 21):
        await claimed(database.jobs, number, "gone")
        await run_out(database, f"job_{number}")
    stores = (database.jobs, other.jobs) * 3
    asked = [store.take_back(f"holder {number}") for number, store in enumerate(stores)]
    taken = [each.id for found in await asyncio.gather(*asked) for each in found]
    assert sorted(taken) == sorted(f"job_{number}" for number in range(1, 21))
    await other.close()


def test_statements_with_the_databases_clock_are_compiled_once() -> None:
    """Without a key in SQLAlchemy's cache each claim is compiled anew: a third of the processor's time of a job."""
    assert select(DatabaseNow() + LEASE_SECONDS)._generate_cache_key() is not None
