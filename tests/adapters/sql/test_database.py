"""Opening the database: made, migrated, and refused in words that help."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from safelight.adapters.metrics import PrometheusTelemetry
from safelight.adapters.sql import Database, open_database
from safelight.adapters.sql.maintenance.migrate import SCRIPTS
from safelight.adapters.sql.schema import REVISION, metadata
from safelight.adapters.sql.sqlite import errors
from safelight.adapters.sql.sqlite.opening import connect
from safelight.contract.errors import ConfigurationError
from safelight.service.access.keys import Keys
from safelight.service.ports.stores.jobs import JobFilter
from safelight.service.ports.stores.keys import SessionRecord
from tests.adapters.sql.keep import migrate
from tests.adapters.sql.processes import output_of, start
from tests.adapters.sql.test_ledger import entry, rows
from tests.contracts.jobs import CANCELLED, job
from tests.databases import Kept


@contextmanager
def raw(home: Path) -> Iterator[sqlite3.Connection]:
    """The file, past everything of ours."""
    with closing(sqlite3.connect(home / "safelight.db", isolation_level=None)) as connection:
        yield connection


async def make(home: Path) -> None:
    await (await open_database(home)).close()


async def test_a_new_folder_and_file_are_for_their_owner_alone(tmp_path: Path) -> None:
    home = tmp_path / "new"
    await make(home)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    for path in home.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


async def test_every_commit_is_synced_to_the_disk(tmp_path: Path) -> None:
    engine = connect(tmp_path)
    async with engine.connect() as connection:
        values = {
            pragma: (await connection.exec_driver_sql(f"PRAGMA {pragma}")).scalar_one()
            for pragma in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    await engine.dispose()
    # https://sqlite.org/pragma.html#pragma_synchronous: 2 is FULL.
    assert values == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}


# What one kind has beside the tables of the code: an index of words, and what servers share.
_OF_ONE_KIND = ("jobs_text", "rates", "links")


async def test_the_migrations_make_exactly_the_tables_that_the_code_uses(kept: Kept) -> None:
    def wanted(name: str | None, kind: str, _: object) -> bool:
        if kind == "table":
            return not (name or "").startswith(_OF_ONE_KIND)
        return (kind, name) != ("column", "arrival")

    def differences(connection: Connection) -> list[object]:
        options = {"include_name": wanted}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    database = await kept.open()
    async with database.dialect.engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await database.close()


def test_the_newest_migration_is_the_one_that_the_schema_names() -> None:
    config = Config()
    config.set_main_option("script_location", SCRIPTS)
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [REVISION]


async def test_opening_again_finds_what_was_there(tmp_path: Path) -> None:
    first = await open_database(tmp_path)
    minted = await Keys(first.keys).create("bob")
    await first.close()
    second = await open_database(tmp_path)
    assert await second.keys.all() == [minted.record]
    await second.close()


async def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    await make(tmp_path)
    with raw(tmp_path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.execute("DELETE FROM notes")
    with pytest.raises(ConfigurationError, match=r"newer Safelight.*9999.*Upgrade"):
        await open_database(tmp_path)


async def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "safelight.db").write_bytes(b"these are my holiday notes " * 100)
    with pytest.raises(ConfigurationError, match=r"damaged or not a database.*backup"):
        await open_database(tmp_path)
    assert (tmp_path / "safelight.db").read_bytes().startswith(b"these are my holiday notes")


async def test_a_damaged_page_is_said_when_it_is_read_and_found_by_the_check(tmp_path: Path) -> None:
    database = await open_database(tmp_path)
    keys = Keys(database.keys)
    for number in range(200):
        await keys.create(f"key number {number}")
    assert await database.check() is None
    await database.close()
    path = tmp_path / "safelight.db"
    with raw(tmp_path) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'keys'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    database = await open_database(tmp_path)
    with pytest.raises(ConfigurationError, match="damaged"):
        await database.keys.all()
    fault = None
    try:
        fault = await database.check()
    except ConfigurationError as error:
        fault = str(error)
    assert fault
    await database.close()


async def test_something_else_where_the_file_belongs_is_said(tmp_path: Path) -> None:
    (tmp_path / "safelight.db").mkdir()
    with pytest.raises(ConfigurationError, match="cannot be written: Is a directory"):
        await open_database(tmp_path)


def test_a_disk_that_is_full_at_the_first_start_is_said(tmp_path: Path) -> None:
    program = """
resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
try:
    asyncio.run(open_database(HOME))
except ConfigurationError as error:
    print(error)
"""
    said = output_of(start(program, tmp_path / "home"))
    assert "Is it full" in said


async def test_sqlites_own_disk_full_is_said(database: Database, tmp_path: Path) -> None:
    engine = connect(tmp_path)
    async with engine.connect() as connection:
        await connection.exec_driver_sql("PRAGMA max_page_count = 1")
        with pytest.raises(DatabaseError) as caught:
            await connection.exec_driver_sql("CREATE TABLE large AS SELECT zeroblob(1000000) AS content")
    await engine.dispose()
    assert errors.explain(caught.value, tmp_path) == f"The disk that holds {tmp_path} is full. Free some space."


async def test_a_database_that_stays_locked_is_said(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(errors, "BUSY_SECONDS", 0.05)
    impatient = await open_database(tmp_path)
    with raw(tmp_path) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(ConfigurationError, match=r"Another process has kept the database .* locked"):
            await Keys(impatient.keys).create()
    await impatient.close()


def test_many_processes_may_open_a_new_folder_at_once_and_one_key_is_made(tmp_path: Path) -> None:
    program = """
async def main():
    sys.stdin.readline()
    database = await open_database(HOME)
    print(await first_key(HOME, Keys(database.keys)))
    await database.close()
asyncio.run(main())
"""
    processes = [start(program, tmp_path / "home") for _ in range(4)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    made = [text for text in (output_of(process).strip() for process in processes) if text != "None"]
    assert len(made) == 1
    assert (tmp_path / "home" / "key").read_text().strip() == made[0]


@pytest.mark.parametrize("revision", [None, "0014"])
def test_a_process_that_is_killed_while_it_makes_tables_leaves_nothing_half_done(
    tmp_path: Path, revision: str | None
) -> None:
    if revision is not None:
        asyncio.run(migrated(tmp_path, revision))
    with raw(tmp_path) as connection:
        before = connection.execute("SELECT name FROM sqlite_master").fetchall()
    killed = """
from sqlalchemy import event
from sqlalchemy.engine import Engine
def kill(connection, cursor, statement, *_):
    if statement.startswith("CREATE INDEX audit_time"):
        os.kill(os.getpid(), signal.SIGKILL)
event.listen(Engine, "before_cursor_execute", kill)
asyncio.run(open_database(HOME))
"""
    process = start(killed, tmp_path)
    process.communicate(timeout=300)
    assert process.returncode == -signal.SIGKILL
    with raw(tmp_path) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == before
    asyncio.run(make(tmp_path))


async def migrated(home: Path, revision: str) -> None:
    engine = connect(home)
    await migrate(engine, revision)
    await engine.dispose()


async def test_deleted_prompts_are_in_none_of_the_files_and_the_files_shrink(
    database: Database, tmp_path: Path
) -> None:
    for number in range(1, 101):
        await database.jobs.add(job(number, f"quetzalcoatlus {number} " + f"wordnumber{number} " * 300))
        await database.jobs.end(f"job_{number}", CANCELLED)
    large = (tmp_path / "safelight.db").stat().st_size + (tmp_path / "safelight.db-wal").stat().st_size
    await database.jobs.forget([f"job_{number}" for number in range(1, 101)])
    await database.upkeep.tidy(0.0)
    files = {name: (tmp_path / name).read_bytes() for name in ("safelight.db", "safelight.db-wal")}
    assert [name for name, content in files.items() if b"quetzalcoatlus" in content or b"wordnumber" in content] == []
    assert sum(len(content) for content in files.values()) < large / 4


async def test_the_ledger_and_sessions_are_trimmed(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("safelight.adapters.sql.maintenance.upkeep.MOST_LEDGER_ROWS", 10)
    ledger = database.ledger(PrometheusTelemetry())
    for number in range(30):
        ledger.write(entry(number))
    await ledger.close()
    for expires in (5.0, 50.0):
        session = SessionRecord(key_id="k", proof="", created=1.0, expires=expires)
        await database.sessions.add(bytes([int(expires)]), session, 10)
    await database.upkeep.tidy(10.0)
    assert [row["request_id"] for row in rows(tmp_path)] == [f"req_{number}" for number in range(20, 30)]
    assert await database.sessions.get(bytes([5])) is None
    assert await database.sessions.get(bytes([50])) is not None


async def test_a_database_of_the_third_revision_keeps_dates_and_cursors_and_finds_what_it_held(tmp_path: Path) -> None:
    """Its index knew no words of Chinese, and its file could not shrink."""
    engine = connect(tmp_path)
    await engine.dispose()
    with raw(tmp_path) as connection:
        connection.execute("PRAGMA auto_vacuum = NONE")
        connection.execute("VACUUM")
        connection.executescript((Path(__file__).parent / "revision_0003.sql").read_text("utf-8"))
    database = await open_database(tmp_path)
    (found,) = await database.jobs.page(JobFilter(owner="key-a", text="狐狸", before=1_795_348_800_000_002), 10)
    assert (found.number, found.origin.created, found.id) == (1_795_348_800_000_001, 1_795_348_800.000001, "job_1")
    assert found.stored_bytes > 2000
    endings = await database.jobs.ended_after("key-a", 0, 10)
    assert [(kept.id, kept.course.end_number) for kept in endings] == [("job_3", 1), ("job_2", 2)]
    assert await database.jobs.last_ending() == 2
    assert found.image is None or found.image.average_color is None
    await database.close()
    with raw(tmp_path) as connection:
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
