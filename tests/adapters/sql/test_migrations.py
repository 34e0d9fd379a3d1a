"""Old and new processes work side by side: migrations only add, and a newer database says who may use it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, event, insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from safelight.adapters.sql import open_database
from safelight.adapters.sql.jobs.rows import row_of
from safelight.adapters.sql.maintenance.migrate import alembic_config
from safelight.adapters.sql.migrations import versions
from safelight.adapters.sql.postgres.opening import connect as connect_postgres
from safelight.adapters.sql.schema import OLDEST_REVISION, REVISION, jobs, usage
from safelight.adapters.sql.search_words import words_of
from safelight.adapters.sql.sqlite import new_file
from safelight.adapters.sql.sqlite.opening import FILE_NAME
from safelight.adapters.sql.sqlite.opening import connect as connect_sqlite
from safelight.contract.errors import ConfigurationError
from safelight.contract.records.quotas import day_of
from safelight.service.ports.stores.jobs import Ending, JobFilter
from tests.adapters.sql.keep import migrate, migrated_file
from tests.contracts.jobs import job
from tests.databases import Kept
from tests.postgres import Server

# Before it no version had PostgreSQL, and a state folder has one server.
_FIRST_SHARED = "0013"
_TAKES_AWAY = re.compile(r"\b(DROP|RENAME|ALTER COLUMN)\b")


def revisions() -> list[str]:
    """All of them, oldest first."""
    return [script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()][::-1]


@pytest.fixture(params=["sqlite", "postgresql"])
async def empty(request: pytest.FixtureRequest, tmp_path: Any) -> AsyncIterator[AsyncEngine]:
    """A database with nothing in it."""
    if request.param == "sqlite":
        engine = connect_sqlite(tmp_path)
    else:
        server: Server = request.getfixturevalue("postgres")
        engine = connect_postgres(server.database())
    yield engine
    await engine.dispose()


async def test_what_a_process_of_the_version_before_reads_and_writes_goes_on_after_an_upgrade(
    empty: AsyncEngine,
) -> None:
    before = OLDEST_REVISION
    await migrate(empty, before)
    old = MetaData()
    async with empty.connect() as connection:
        await connection.run_sync(lambda synced: old.reflect(synced, only=["jobs", "keys", "counters"]))
    await migrate(empty, REVISION)
    values = {"id": "job_1", "number": 5, "owner": "o", "request_id": "r", "model": "m", "drawn_by": "m", "prompt": "p"}
    values |= {"request": {}, "seed": 1, "width": 1, "height": 1, "output_format": "png", "state": "queued"}
    values |= {"starred": False, "listed": True}
    async with empty.begin() as connection:
        await connection.execute(insert(old.tables["jobs"]).values(values))
        (row,) = (await connection.execute(select(old.tables["jobs"]))).all()
        assert (row.id, row.prompt) == ("job_1", "p")
        key = {"id": "k", "name": "n", "hint": "h", "digest": b"d", "created": 1}
        await connection.execute(insert(old.tables["keys"]).values(key))
        assert (await connection.execute(select(old.tables["counters"].c.value))).scalars().all() == [0]


@pytest.mark.parametrize("revision", revisions()[revisions().index(_FIRST_SHARED) + 1 :] or [_FIRST_SHARED])
async def test_a_migration_takes_nothing_away(empty: AsyncEngine, revision: str) -> None:
    await migrate(empty, revisions()[revisions().index(revision) - 1])
    said: list[str] = []

    def listen(connection: Connection) -> None:
        event.listen(connection, "before_cursor_execute", lambda _c, _k, statement, *_: said.append(statement))
        made = alembic_config()
        made.attributes["connection"] = connection
        command.upgrade(made, revision)

    async with empty.begin() as connection:
        await connection.run_sync(listen)
    assert said
    taken = [statement for statement in said if _TAKES_AWAY.search(statement.upper())]
    assert [statement for statement in taken if not is_made_again(statement, said)] == []


def is_made_again(statement: str, said: list[str]) -> bool:
    """Whether it takes away SQLite's full text index, which the same migration makes again, for the same statements,
    and fills from the prompts."""
    made = "CREATE VIRTUAL TABLE jobs_text USING fts5(words, owner, content=''"
    return statement == "DROP TABLE jobs_text" and any(each.startswith(made) for each in said[said.index(statement) :])


def _as_of_0013(row: dict[str, Any]) -> dict[str, Any]:
    later = ("reservation", "revised_prompt", "began_with", "traceparent", "tracestate")
    return {name: value for name, value in row.items() if name not in later}


async def test_prompts_are_found_whichever_version_put_them_into_the_index(tmp_path: Path) -> None:
    engine = connect_sqlite(tmp_path)
    await migrate(engine, "0013")
    put = "INSERT INTO jobs_text(rowid, words, owner) VALUES ({}, {!r}, 'key-a')"
    rows = [row_of(job(number, prompt)) for number, prompt in ((1, "a red fox"), (2, "森林里的红色狐狸"), (3, "a fax"))]
    async with engine.begin() as connection:
        await connection.execute(insert(jobs), [_as_of_0013(row) for row in rows])
        for row in rows:
            await connection.exec_driver_sql(put.format(row["number"], words_of(row["prompt"])))
    await engine.dispose()
    database = await open_database(tmp_path)
    async with database.dialect.writing() as connection:  # as a process of the version before goes on to do
        await connection.execute(insert(jobs), [row_of(job(4, "a first fog"))])
        await connection.exec_driver_sql(put.format(4, "a first fog"))
    assert await database.jobs.delete("key-a", "job_3") is None  # it is queued
    await database.jobs.end("job_3", Ending(state="cancelled", when=2.0))
    assert await database.jobs.delete("key-a", "job_3") is not None
    for text_, numbers in (("f", [4, 1]), ("fo", [4, 1]), ("fox", [1]), ("狐", [2]), ("fa", [])):
        found = await database.jobs.page(JobFilter(owner="key-a", text=text_), 10)
        assert [each.number for each in found] == numbers, text_
    async with database.dialect.reading() as connection:
        made = await connection.exec_driver_sql("SELECT sql FROM sqlite_schema WHERE name = 'jobs_text'")
        assert "prefix='1 2'" in made.scalar_one()
    await database.close()


async def test_a_new_file_has_what_the_migrations_would_have_made(tmp_path: Path) -> None:
    assert (files(new_file.__package__) / new_file.SQL).read_text() == await migrated_file(), (
        "`python -m tests.adapters.sql.keep` writes it anew"
    )
    (tmp_path / "new").mkdir()
    (tmp_path / "old").mkdir()
    engine = connect_sqlite(tmp_path / "old")
    await migrate(engine, revisions()[0])
    await engine.dispose()
    for name in ("new", "old"):
        await (await open_database(tmp_path / name)).close()
    new, old = (contents(tmp_path / name / FILE_NAME) for name in ("new", "old"))
    assert new == old
    assert new["jobs"] == []
    assert new["notes"] == [("oldest revision", OLDEST_REVISION)]


def contents(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """How a file's tables and indexes are made, and all of their rows, by name."""
    with closing(sqlite3.connect(path)) as file:
        made = file.execute("SELECT name, type, sql FROM sqlite_schema").fetchall()
        rows = {name: file.execute(f"SELECT * FROM {name}").fetchall() for name, kind, _ in made if kind == "table"}
    return {"made": sorted((name, kind, " ".join((sql or "").split())) for name, kind, sql in made), **rows}


def test_no_two_migrations_have_one_number_and_the_schema_names_the_newest() -> None:
    files = sorted(Path(versions.__path__[0]).glob("v*.py"))
    assert [file.name[1:5] for file in files] == revisions()
    assert revisions()[-1] == REVISION


def test_the_oldest_version_that_may_work_with_it_is_known() -> None:
    assert OLDEST_REVISION in revisions()[:-1]


async def test_a_newer_database_is_used_where_it_says_so_and_else_refused(kept: Kept) -> None:
    database = await kept.open()
    async with database.dialect.writing() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    same = await kept.open()
    assert await same.jobs.add(job(1)) is not None
    await same.close()
    async with database.dialect.writing() as connection:
        await connection.execute(text("UPDATE notes SET text = '9998' WHERE name = 'oldest revision'"))
    with pytest.raises(ConfigurationError, match=r"newer Safelight.*9999.*Upgrade"):
        await kept.open()
    await database.close()


async def test_what_was_used_before_quotas_were_there_is_added_up_from_the_ledger(empty: AsyncEngine) -> None:
    await migrate(empty, "0014")
    put = (
        "INSERT INTO ledger (request_id, time, key_id, model, drawn_by, outcome, seed, width, height, output_format, "
        "image_bytes, total_seconds, queue_seconds, encode_prompt_seconds, denoise_seconds) "
        "VALUES ('r', {}, 'a', 'm', 'm', '{}', {}, 1000, 500, 'png', 1, 1.0, 0.0, {}, {})"
    )
    last_second_of_a_day = 1_795_391_999.5
    async with empty.begin() as connection:
        for entry in (
            (last_second_of_a_day - 5, "finished", 1, 0.5, 1.0),
            (last_second_of_a_day, "finished", 2, 0.5, 1.0),
            (last_second_of_a_day, "cancelled", 3, "NULL", "NULL"),
            (last_second_of_a_day, "finished", "NULL", "NULL", "NULL"),
            (last_second_of_a_day + 1, "finished", 4, 0.0, 2.0),
        ):
            await connection.exec_driver_sql(put.format(*entry))
    await migrate(empty, REVISION)
    async with empty.connect() as connection:
        rows = (await connection.execute(select(usage).order_by(usage.c.day))).all()
    assert [(row.day, row.calls, row.pictures, row.megapixels, row.seconds) for row in rows] == [
        (day_of(last_second_of_a_day), 4, 2, 1.0, 3.0),
        (day_of(last_second_of_a_day + 1), 1, 1, 0.5, 2.0),
    ]
    assert rows[0].last == last_second_of_a_day
