"""What the `JobNews` and `Processes` ports promise of a database that several processes share."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path

import pytest

from safelight.adapters.sql import Database, open_database
from safelight.adapters.sql.postgres.news import CHANNEL, LISTENER, payloads
from safelight.service.ports.processes.news import JobNews, Processes, ProcessState, RowChange
from safelight.service.ports.stores.jobs import Hold
from tests.contracts.jobs import CANCELLED, FINISHED, job
from tests.e2e.drawing import wait_until
from tests.postgres import Server, new_server

Heard = AsyncIterator[Sequence[RowChange]]


@pytest.fixture
async def two(tmp_path: Path, with_postgres: Callable[[], str]) -> AsyncIterator[tuple[Database, Database]]:
    """The same database, as two processes have it open."""
    url = with_postgres()
    one, other = await open_database(tmp_path, url), await open_database(tmp_path, url)
    yield one, other
    await one.close()
    await other.close()


def news_of(database: Database) -> JobNews:
    assert database.news is not None
    return database.news


def processes_of(database: Database) -> Processes:
    assert database.processes is not None
    return database.processes


async def listening(database: Database) -> Heard:
    """News from now on."""
    heard = news_of(database).changes()
    assert await anext(heard) == ()  # what came before it listened may have been missed
    return heard


async def told(heard: Heard, count: int) -> list[RowChange]:
    """So many changes, in the pieces in which they come."""
    changes: list[RowChange] = []
    while len(changes) < count:
        changes += await anext(heard)
    assert len(changes) == count
    return changes


def end_listeners(server: Server) -> None:
    """Returns when nobody listens any more: a connection that is told to end may hear something yet."""
    server.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{LISTENER}'")
    gone = f"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{LISTENER}'"
    wait_until(lambda: server.sql(gone) == "0")


async def test_others_are_told_of_every_change_and_who_made_it_is_not(two: tuple[Database, Database]) -> None:
    here, there = two
    heard, own = await listening(here), await listening(there)
    store = there.jobs
    await store.add(job(1))
    await store.add(job(2, listed=False, holder="there"))
    await store.claim(["job_1"], 1, 1.0, "there")
    await store.put_back(Hold("job_1", "there", 1))
    await store.claim(["job_1"], 1, 1.0, "there")
    await store.star("key-a", "job_1", True)
    await store.end("job_1", FINISHED, Hold("job_1", "there", 2))
    await store.end("job_1", CANCELLED)  # it has ended: that changes nothing
    await store.delete("key-a", "job_1")
    await here.jobs.add(job(3))
    changes = await told(heard, 8)
    # Some are looked for as well, so on a busy machine one may be told before another that is still on its way.
    kinds = ["waits", "changed", "drawn", "waits", "drawn", "changed", "ended", "gone"]
    assert Counter(change.kind for change in changes) == Counter(kinds)
    assert RowChange("changed", "job_2", "key-a", False) in changes
    assert await told(own, 1) == [RowChange("waits", "job_3", "key-a", True)]


async def test_what_has_arrived_is_told_before_a_look_in_its_order_and_once(two: tuple[Database, Database]) -> None:
    here, there = two
    heard = await listening(here)
    await there.jobs.add(job(1))
    await there.jobs.star("key-a", "job_1", True)
    await there.jobs.add(job(2))
    async with there.dialect.writing() as connection:  # so long ago that a look finds it
        await connection.exec_driver_sql("UPDATE notices SET time = time - 5")
    await there.jobs.add(job(3))
    changes = await told(heard, 4)
    assert [(change.kind, change.job_id) for change in changes if change.kind == "waits"] == [
        ("waits", f"job_{number}") for number in (1, 2, 3)
    ]
    assert RowChange("changed", "job_1", "key-a", True) in changes
    await there.jobs.add(job(4))
    assert await told(heard, 1) == [RowChange("waits", "job_4", "key-a", True)]


async def test_what_a_look_found_before_it_came_is_not_told_again(
    two: tuple[Database, Database], postgres: Server
) -> None:
    here, there = two
    heard = await listening(here)
    late = RowChange("gone", "job_1", "key-a")
    async with there.dialect.writing() as connection:
        await connection.exec_driver_sql(
            "INSERT INTO notices (id, process, kind, job_id, owner, listed, time)"
            " VALUES ('late', 'theirs', 'gone', 'job_1', 'key-a', true, extract(epoch FROM clock_timestamp()) - 5)"
        )
    assert await told(heard, 1) == [late]
    (payload,) = payloads("theirs", [late], ["late"])
    async with there.dialect.writing() as connection:
        await connection.exec_driver_sql(f"SELECT pg_notify('{CHANNEL}', '{payload}')")
    await there.jobs.add(job(2))
    assert await told(heard, 1) == [RowChange("waits", "job_2", "key-a", True)]


async def test_many_changes_at_once_come_in_pieces_that_the_channel_takes(two: tuple[Database, Database]) -> None:
    here, there = two
    for number in range(1, 131):
        await there.jobs.add(job(number, id=f"job_{number:024}"))
        await there.jobs.end(f"job_{number:024}", CANCELLED)
    heard = await listening(here)
    await there.jobs.forget([f"job_{number:024}" for number in range(1, 131)])
    changes = await told(heard, 130)
    assert {change.kind for change in changes} == {"gone"}
    assert len({change.job_id for change in changes}) == 130


async def test_after_its_connection_broke_it_says_that_some_may_have_been_missed(
    two: tuple[Database, Database], postgres: Server
) -> None:
    here, there = two
    heard = await listening(here)
    end_listeners(postgres)
    assert await anext(heard) == ()
    await there.jobs.add(job(1))
    assert await told(heard, 1) == [RowChange("waits", "job_1", "key-a", True)]


async def test_a_star_and_a_deletion_that_nobody_heard_of_are_told_later(
    two: tuple[Database, Database], postgres: Server
) -> None:
    here, there = two
    for number in (1, 2):
        await there.jobs.add(job(number))
        await there.jobs.end(f"job_{number}", CANCELLED)
    heard = await listening(here)
    await there.jobs.star("key-a", "job_2", True)
    assert await told(heard, 1) == [RowChange("changed", "job_2", "key-a", True)]
    end_listeners(postgres)
    await there.jobs.star("key-a", "job_1", True)  # nobody listens
    await there.jobs.delete("key-a", "job_2")
    assert await anext(heard) == ()
    missed = [RowChange("changed", "job_1", "key-a", True), RowChange("gone", "job_2", "key-a", True)]
    assert await told(heard, 2) == missed
    await there.jobs.add(job(3))
    assert await told(heard, 1) == [RowChange("waits", "job_3", "key-a", True)]  # nothing is told twice


async def test_notices_are_not_kept_for_long(two: tuple[Database, Database]) -> None:
    here, there = two
    await there.jobs.add(job(1))
    await there.jobs.star("key-a", "job_1", True)
    async with there.dialect.writing() as connection:
        await connection.exec_driver_sql("UPDATE notices SET time = time - 601")
    await here.jobs.star("key-a", "job_1", False)
    async with here.dialect.reading() as connection:
        assert (await connection.exec_driver_sql("SELECT count(*) FROM notices")).scalar_one() == 1


async def test_it_waits_for_a_server_that_is_away(tmp_path: Path) -> None:
    with new_server() as server:
        database = await open_database(tmp_path, server.database())
        async with aclosing(news_of(database).changes()) as heard:  # type: ignore[type-var]
            assert await anext(heard) == ()
            server.stop()
            waiting = asyncio.ensure_future(anext(heard))
            server.start()
            assert await waiting == ()
        await database.close()


def state(name: str, seconds: float = 0.0) -> ProcessState:
    return ProcessState(name=name, address=f"http://{name}", workers=2, seconds=seconds)


async def test_processes_know_of_each_other_until_they_leave_or_their_lease_ends(
    two: tuple[Database, Database],
) -> None:
    one, other = (processes_of(database) for database in two)
    assert await one.renew(state("one")) == [state("one")]
    assert await other.renew(state("two", 3.0)) == [state("one"), state("two", 3.0)]
    assert await one.renew(state("one", 1.0)) == [state("one", 1.0), state("two", 3.0)]
    await other.leave("two")
    assert await one.renew(state("one")) == [state("one")]
    await other.renew(state("two"))
    async with two[0].dialect.writing() as connection:
        await connection.exec_driver_sql("UPDATE processes SET lease_until = lease_until - 12.0 WHERE name = 'two'")
    assert await one.renew(state("one")) == [state("one")]
