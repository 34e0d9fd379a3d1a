"""What PostgreSQL alone does, and what goes wrong with it; what the stores promise on it is in `tests/contracts`."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import event, insert

from safelight.adapters.sql import Database
from safelight.adapters.sql.jobs.rows import row_of
from safelight.adapters.sql.postgres import dialect, opening, search
from safelight.adapters.sql.postgres.errors import explained
from safelight.adapters.sql.schema import jobs
from safelight.contract.errors import ConfigurationError, SafelightError, StoreUnavailable
from safelight.service.access.keys import Keys
from safelight.service.ports.stores.jobs import JobFilter
from tests.adapters.sql.processes import output_of, start
from tests.contracts.jobs import job
from tests.databases import Kept
from tests.hostile.small_disk import small_disk
from tests.postgres import Server, new_server, standby_of


@pytest.mark.parametrize(("url", "brought"), [(False, "False"), (True, "True")])
def test_its_driver_is_imported_where_the_setting_names_it_alone(
    tmp_path: Path, with_postgres: object, url: bool, brought: str
) -> None:
    assert callable(with_postgres)
    program = f"""
async def main():
    await (await open_database(HOME, {with_postgres() if url else None!r})).close()
    print("asyncpg" in sys.modules)
asyncio.run(main())
"""
    assert output_of(start(program, tmp_path)).strip() == brought


def database_of(kept: Kept) -> str:
    """Its name on the server."""
    assert kept.url is not None
    return urlsplit(kept.url).path.removeprefix("/")


async def refused(kept: Kept) -> str:
    """Why it cannot be opened."""
    with pytest.raises(SafelightError) as caught:
        await kept.open()
    assert "wr0ng" not in str(caught.value)
    return f"{type(caught.value).__name__}: {caught.value}"


async def test_what_the_setting_gets_wrong_is_said_in_words(tmp_path: Path, postgres: Server) -> None:
    postgres.sql("DROP ROLE IF EXISTS guarded; CREATE ROLE guarded LOGIN PASSWORD 'right'")
    rules = postgres.data / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text("local all guarded scram-sha-256\n" + before)
    postgres.sql("SELECT pg_reload_conf()")
    try:
        wrong = postgres.url().replace("postgres@", "guarded:wr0ng@")
        said = await refused(Kept(tmp_path, wrong))
        assert said.startswith("ConfigurationError: The database refused the password.")
        # It may sign in, and owns nothing.
        right = postgres.url().replace("postgres@", "guarded:right@")
        assert "may not do what Safelight needs" in await refused(Kept(tmp_path, right))
    finally:
        rules.write_text(before)
        postgres.sql("SELECT pg_reload_conf()")
    assert "no database of that name" in await refused(Kept(tmp_path, postgres.url("nowhere")))
    assert "StoreUnavailable" in await refused(Kept(tmp_path, "postgresql://postgres@127.0.0.1:1/x"))
    assert "StoreUnavailable" in await refused(Kept(tmp_path, "postgresql://postgres@no-such-host.invalid/x"))
    assert "cannot be read" in await refused(Kept(tmp_path, f"{postgres.url()}&target_session_attrs=whatever"))
    # A slash ends what names the server, and what stands before it is taken for a port.
    assert "/ as %2F" in await refused(Kept(tmp_path, "postgresql://somebody:wr0ng/x@127.0.0.1:1/x"))


async def test_a_server_that_is_too_old_is_refused(kept_on_postgres: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialect, "LEAST_VERSION", 99)
    assert "Safelight needs 99 or newer" in await refused(kept_on_postgres)


@pytest.fixture
def kept_on_postgres(tmp_path: Path, with_postgres: Callable[[], str]) -> Kept:
    return Kept(tmp_path, with_postgres())


async def test_one_that_takes_no_writes_is_said_and_used_once_it_does(kept_on_postgres: Kept, postgres: Server) -> None:
    name = database_of(kept_on_postgres)
    database = await kept_on_postgres.open()
    postgres.sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    assert "takes no writes" in await refused(kept_on_postgres)
    # Who has a connection already sees it when it is told so: as of a primary that became a replica.
    async with database.dialect.reading() as connection:
        await connection.exec_driver_sql("SET default_transaction_read_only = on")
    with pytest.raises(StoreUnavailable, match="takes no writes"):
        await database.jobs.add(job(1))
    with pytest.raises(StoreUnavailable, match="takes no writes"):
        await database.jobs.add(job(1))
    postgres.sql(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    assert await database.jobs.add(job(1)) is not None
    await database.close()


async def test_when_all_connections_are_busy_it_is_said_in_time(
    kept_on_postgres: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "CONNECTIONS", 1)
    monkeypatch.setattr(opening, "POOL_SECONDS", 0.05)
    database = await kept_on_postgres.open()
    async with database.dialect.reading():
        with pytest.raises(StoreUnavailable, match="all connections of this process are busy"):
            await database.keys.all()
    assert await database.keys.all() == []
    await database.close()


async def test_when_the_server_has_no_connection_left_it_is_said_and_that_passes(tmp_path: Path) -> None:
    with new_server(max_connections="5", superuser_reserved_connections="0", max_wal_senders="0") as server:
        database = await Kept(tmp_path, server.database()).open()
        holders = [await opening.connect(server.url()).connect() for _ in range(5 - 1)]
        with pytest.raises(StoreUnavailable, match="no connection left"):
            await asyncio.gather(*(database.keys.all() for _ in range(5)))
        for holder in holders:
            await holder.close()
            await holder.engine.dispose()
        assert await database.keys.all() == []
        await database.close()


async def test_another_primary_takes_over(tmp_path: Path) -> None:
    with new_server() as first:
        first.sql("CREATE DATABASE safelight")
        with standby_of(first) as second:
            both = f"postgresql://postgres@/safelight?host={first.folder},{second.folder}&port=5432,5432"
            # A replica alone is no database to serve from.
            assert "takes no writes" in await refused(Kept(tmp_path, second.url("safelight")))
            database = await Kept(tmp_path, both).open()
            minted = await Keys(database.keys).create("kept")
            first.stop()
            with pytest.raises(StoreUnavailable):
                await database.jobs.add(job(1))
            second.sql("SELECT pg_promote()")
            assert await database.jobs.add(job(1)) is not None
            assert [record.id for record in await database.keys.all()] == [minted.record.id]
            await database.close()


async def test_a_full_disk_is_said_and_passes_when_there_is_room(tmp_path: Path) -> None:
    with new_server() as server, small_disk(server.folder / "small", 8) as disk:
        shutil.chown(disk.folder, server.folder.owner())
        kept = Kept(tmp_path, server.database())
        database = await kept.open()
        name = database_of(kept)
        server.sql(f"CREATE TABLESPACE small LOCATION '{disk.folder}'")
        server.sql("ALTER TABLE jobs SET TABLESPACE small", name)

        async def fill() -> None:
            for number in range(1, 2000):
                await database.jobs.add(job(number, random.Random(number).randbytes(4000).hex()))

        with pytest.raises(ConfigurationError, match="disk of the database's server is full"):
            await fill()
        await database.jobs.page(JobFilter(owner="key-a"), 10)
        server.sql("ALTER TABLE jobs SET TABLESPACE pg_default", name)
        assert await database.jobs.add(job(5000)) is not None
        await database.close()
        server.stop()


async def test_a_minute_is_counted_over_all_processes_and_a_link_of_one_is_good_at_another(
    kept_on_postgres: Kept,
) -> None:
    databases = [await kept_on_postgres.open() for _ in range(2)]
    counters = [database.rates for database in databases if database.rates is not None]
    counted = await asyncio.gather(*(counters[number % 2].hit("a", 5, 60.0) for number in range(20)))
    assert [each.accepted for each in counted].count(True) == 5
    assert all(0 < each.oldest_leaves_seconds <= 60.0 for each in counted)
    first, second = (database.links for database in databases)
    assert first is not None
    assert second is not None
    await first.add("digest", 600.0)
    left = await second.take("digest")
    assert left is not None
    assert 0 < left <= 600.0
    assert {await database.cookie_name(port) for port, database in enumerate(databases)} == {
        await databases[0].cookie_name(1)
    }
    for database in databases:
        await database.close()


def test_many_servers_may_start_on_an_empty_database_at_once_and_one_key_is_made(
    tmp_path: Path, postgres: Server
) -> None:
    program = f"""
async def main():
    sys.stdin.readline()
    database = await open_database(HOME, {postgres.database()!r})
    print(await first_key(HOME, Keys(database.keys), database.alone()))
    await database.close()
asyncio.run(main())
"""
    processes = [start(program, tmp_path / f"home {number}") for number in range(3)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    made = [text for text in (output_of(process).strip() for process in processes) if text != "None"]
    assert len(made) == 1


async def test_the_right_to_keep_is_one_processs_and_lost_with_its_connection(
    kept_on_postgres: Kept, postgres: Server
) -> None:
    one, other = await kept_on_postgres.open(), await kept_on_postgres.open()
    has_it = asyncio.Event()

    async def hold() -> None:
        async with one.keeper():
            has_it.set()
            await asyncio.Event().wait()

    async def wait() -> None:
        async with other.keeper():
            pass

    holding = asyncio.create_task(hold())
    await has_it.wait()
    waiting = asyncio.create_task(wait())
    async with other.dialect.reading() as connection:
        held = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid = 1526595587 AND database = "
        me = "(SELECT oid FROM pg_database WHERE datname = current_database())"
        assert not waiting.done()
        await connection.exec_driver_sql(f"SELECT pg_terminate_backend(pid) FROM ({held}{me}) AS holder")
    with pytest.raises(StoreUnavailable):
        await holding
    await waiting
    for database in (one, other):
        await database.close()


async def test_a_page_of_a_search_reads_the_newest_or_the_index_of_words_and_never_every_job(
    kept_on_postgres: Kept, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However common a word is, and wherever it stands: rows are counted, those of each step of each plan."""
    monkeypatch.setattr(search, "_NEAR", 200)
    # As for many jobs: of few PostgreSQL rather reads all rows than some here and there.
    postgres.sql(f"ALTER DATABASE {database_of(kept_on_postgres)} SET random_page_cost = 1")
    database = await kept_on_postgres.open()
    prompts = {
        number: f"a boat {number} word{number % 400} {'new' if number > 2000 else 'old'}" for number in range(4001)
    }
    rows = [row_of(job(number, prompts[number])) for number in range(1, 4001)]
    async with database.dialect.rewriting() as connection:
        added = (await connection.execute(insert(jobs).returning(jobs), rows)).all()
        await database.dialect.search.put_in(connection, added)
    async with database.dialect.reading() as connection:
        await connection.exec_driver_sql("ANALYZE jobs")
        await connection.exec_driver_sql("ANALYZE jobs_text")
    for asked, found, most in (
        (JobFilter(owner="key-a", text="boat"), 50, 60),
        (JobFilter(owner="key-a", text="b"), 50, 60),
        (JobFilter(owner="key-a", text="boat", before=2000, starred=False), 50, 60),
        (JobFilter(owner="key-a", text="word77"), 10, 220),
        (JobFilter(owner="key-a", text="nowhere"), 0, 220),
        (JobFilter(owner="key-a", text="new old"), 0, 220),
        (JobFilter(owner="key-a", text="boat", starred=True), 0, 10),
    ):
        with plans_on(database) as plans:
            assert len(await database.jobs.page(asked, 50)) == found, asked
        for plan in plans:
            assert max(rows_of(plan)) <= most, (asked, plan)
    # What only the older half has is found by the index, with its numbers alone.
    with plans_on(database) as plans:
        assert len(await database.jobs.page(JobFilter(owner="key-a", text="old", before=3900), 50)) == 50
    (*_, last) = plans
    assert "jobs_text_words" in str(last)
    await database.close()


@contextmanager
def plans_on(database: Database) -> Iterator[list[dict[str, Any]]]:
    """How PostgreSQL does what is asked while this is entered, with the rows that each step gave."""
    plans: list[dict[str, Any]] = []

    def asked(_: object, cursor: Any, statement: str, parameters: Any, *__: object) -> None:
        if "FROM" in statement:
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
            (said,) = cursor.fetchone()
            plans.append((said if isinstance(said, list) else json.loads(said))[0]["Plan"])

    engine = database.dialect.engine.sync_engine
    event.listen(engine, "before_cursor_execute", asked)
    try:
        yield plans
    finally:
        event.remove(engine, "before_cursor_execute", asked)


def rows_of(plan: dict[str, Any]) -> Iterator[int]:
    """How many rows each step gave or threw away, in all its loops."""
    seen = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
    yield int(seen * plan["Actual Loops"])
    for step in plan.get("Plans", ()):
        yield from rows_of(step)


def test_what_is_no_error_of_a_database_is_not_taken_for_one() -> None:
    assert explained(KeyError("x")) is None
