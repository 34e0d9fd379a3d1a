"""Old and new processes work side by side: migrations only add, and a newer database says who may use it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, event, insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from safelight.adapters.sql.migrate import SCRIPTS
from safelight.adapters.sql.postgres.opening import connect as connect_postgres
from safelight.adapters.sql.schema import OLDEST_REVISION, REVISION
from safelight.adapters.sql.sqlite.opening import connect as connect_sqlite
from safelight.contract.errors import ConfigurationError
from tests.contracts.jobs import job
from tests.databases import Kept
from tests.postgres import Server

# Before it no version had PostgreSQL, and a state folder has one server.
_FIRST_SHARED = "0013"
_TAKES_AWAY = re.compile(r"\b(DROP|RENAME|ALTER COLUMN)\b")


def config() -> Config:
    made = Config()
    made.set_main_option("script_location", SCRIPTS)
    made.set_main_option("path_separator", "os")
    return made


def revisions() -> list[str]:
    """All of them, oldest first."""
    return [script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()][::-1]


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


async def migrate(engine: AsyncEngine, revision: str) -> None:
    def run(connection: Connection) -> None:
        made = config()
        made.attributes["connection"] = connection
        command.upgrade(made, revision)

    async with engine.begin() as connection:
        await connection.run_sync(run)


async def test_what_a_process_of_the_version_before_reads_and_writes_goes_on_after_an_upgrade(
    empty: AsyncEngine,
) -> None:
    before = revisions()[-2]
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
        made = config()
        made.attributes["connection"] = connection
        command.upgrade(made, revision)

    async with empty.begin() as connection:
        await connection.run_sync(listen)
    assert said
    assert [statement for statement in said if _TAKES_AWAY.search(statement.upper())] == []


def test_the_oldest_version_that_may_work_with_it_is_known() -> None:
    assert OLDEST_REVISION in revisions()[-2:]


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
