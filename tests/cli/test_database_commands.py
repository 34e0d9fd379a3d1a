"""`safelight db` and `safelight move`, on both kinds of database: real files, real servers, and real processes where
that matters.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from safelight.adapters.files import open_files
from safelight.adapters.metrics import PrometheusTelemetry
from safelight.adapters.sql.maintenance.copying import counted
from safelight.contract.records.batches import Batch, StoredFile
from safelight.contract.records.jobs import JobRecord, KeptImage
from safelight.service.ports.stores.jobs import IdempotencyMark, JobFilter
from safelight.service.ports.stores.keys import SessionRecord
from tests.adapters.sql.test_ledger import entry
from tests.cli.conftest import CommandLine, InProcess
from tests.contracts.jobs import job
from tests.contracts.test_key_and_session_ports import key
from tests.databases import Kept
from tests.postgres import Server

MINE = JobFilter(owner="key-a")


def command_line(folder: Path, kept: Kept) -> CommandLine:
    return CommandLine(folder, {} if kept.url is None else {"SAFELIGHT_DATABASE": kept.url})


class InAThread(InProcess):
    """In this process, and not in the test's thread, which has a loop of its own."""

    def __call__(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        with ThreadPoolExecutor(1) as elsewhere:
            return elsewhere.submit(super().__call__, *arguments, **variables).result()


def quick(folder: Path, kept: Kept) -> InAThread:
    return InAThread(folder, command_line(folder, kept).variables)


def home_in(folder: Path) -> Path:
    (folder / "home").mkdir(exist_ok=True)
    return folder / "home"


@pytest.fixture
def full(kept: Kept, tmp_path: Path) -> Kept:
    """A database with something in every table that is copied, in the home of the command line."""
    home = home_in(tmp_path)
    return Kept(home, kept.url)


async def fill(kept: Kept) -> list[JobRecord]:
    """Two keys, a session, jobs in every state with a picture, an Idempotency-Key and two entries of the ledger."""
    database = await kept.open()
    for number, name in enumerate("zyx"):
        await database.keys.add(key(name, 5), bytes([number]) * 32)
    await database.sessions.add(b"s" * 32, SessionRecord(key_id="z", proof="p", created=1.0, expires=9e9), 10)
    image = KeptImage(file="_1/job_1.1.png", bytes=4, fingerprint="x", average_color="#102030")
    await open_files(None, kept.home).put(image.file, b"file")
    await database.jobs.add(job(1, "a red fox", state="finished", ended=9.0, image=image, starred=True))
    await database.jobs.add(job(2, "un été"), IdempotencyMark(key="k", digest=b"d" * 32, since=0.0))
    await database.jobs.add(job(3, "狐狸在雪中"))
    await database.jobs.claim(["job_3"], 1, 10.0, "somebody")
    ledger = database.ledger(PrometheusTelemetry())
    for number in range(2):
        ledger.write(entry(number))
    await ledger.close()
    jobs = list(await database.jobs.page(MINE, 10))
    await database.close()
    return jobs


async def assert_holds(kept: Kept, jobs: list[JobRecord]) -> None:
    database = await kept.open()
    assert list(await database.jobs.page(MINE, 10)) == jobs
    assert [record.id for record in await database.keys.all()] == ["z", "y", "x"]
    assert await database.sessions.get(b"s" * 32) is not None
    for text, number in (("fox", 1), ("ete", 2), ("雪中", 3)):
        found = await database.jobs.page(JobFilter(owner="key-a", text=text), 10)
        assert [each.number for each in found] == [number], text
    marked = await database.jobs.marked("key-a", IdempotencyMark(key="k", digest=b"d" * 32, since=0.0))
    assert marked is not None
    assert marked[1]
    # It goes on from where it was: numbers of jobs, of endings and of the ledger.
    added = await database.jobs.add(job(1, id="new", state="cancelled", ended=1.0))
    assert added is not None
    assert added.number == 4
    assert added.course.end_number == 2
    ledger = database.ledger(PrometheusTelemetry())
    ledger.write(entry(9))
    await ledger.close()
    assert (await counted(database.dialect))["ledger"] == 3
    await database.close()


def ran(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("back_into", ["sqlite", "postgresql"])
async def test_a_backup_fills_an_empty_database_of_either_kind_with_all_that_there_was(
    full: Kept, tmp_path: Path, back_into: str, with_postgres: Callable[[], str]
) -> None:
    jobs = await fill(full)
    safelight, file = quick(tmp_path, full), tmp_path / "backup.db"
    rows = ran(safelight("db", "backup", str(file), "--json"))
    assert {name: rows[name] for name in ("keys", "ledger", "jobs", "idempotency", "sessions")} == {
        "keys": 3,
        "ledger": 2,
        "jobs": 3,
        "idempotency": 1,
        "sessions": 1,
    }
    again = safelight("db", "backup", str(file))
    assert again.returncode == 2
    assert "is there already" in again.stderr
    before = file.read_bytes()
    (tmp_path / "other").mkdir()
    other = Kept(home_in(tmp_path / "other"), with_postgres() if back_into == "postgresql" else None)
    elsewhere = quick(tmp_path / "other", other)
    assert ran(elsewhere("db", "restore", str(file), "--json")) == rows
    twice = elsewhere("db", "restore", str(file))
    assert twice.returncode == 2
    assert "holds 3 keys and 3 jobs already" in twice.stderr
    assert file.read_bytes() == before
    await assert_holds(other, jobs)


async def test_a_batchs_files_and_pictures_move_with_it(tmp_path: Path, with_postgres: Callable[[], str]) -> None:
    here, there = Kept(home_in(tmp_path), None), Kept(tmp_path / "home", with_postgres())
    database, files = await here.open(), open_files(None, here.home)
    await database.batches.add(Batch(id="batch_1", owner="z", endpoint="/v1", input_file_id="file-1", created=1.0))
    await database.batches.add_file(
        StoredFile(id="file-1", owner="z", purpose="batch", filename="a", bytes=4, created=1.0)
    )
    await database.close()
    for name in ("batch_1/1.1.0.png", "file-1/0000", "batch_2/1.1.0.png", "file-2/0000"):
        await files.put(name, b"file")
    place = tmp_path / "pictures"
    moved = ran(command_line(tmp_path, here)("move", "--to", str(there.url), "--files", str(place), "--json"))
    assert (moved["batches"], moved["batch_files"], moved["pictures"]) == (1, 1, 2)
    names = {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}
    assert names == {"batch_1/1.1.0.png", "file-1/0000"}


async def test_a_home_is_moved_to_postgresql_with_its_pictures_and_back(
    tmp_path: Path, with_postgres: Callable[[], str]
) -> None:
    here, there = Kept(home_in(tmp_path), None), Kept(tmp_path / "home", with_postgres())
    jobs = await fill(here)
    await open_files(None, here.home).put("_9/job_9.1.png", b"another's")
    assert there.url is not None
    place = tmp_path / "pictures"
    moved = ran(command_line(tmp_path, here)("move", "--to", there.url, "--files", str(place), "--json"))
    assert (moved["jobs"], moved["keys"], moved["pictures"]) == (3, 3, 1)
    assert [path.read_bytes() for path in place.rglob("*.png")] == [b"file"]
    (tmp_path / "home" / "safelight.db").unlink()
    back = command_line(tmp_path, there)("move", "--to", "sqlite", "--json")
    assert ran(back)["jobs"] == 3
    await assert_holds(there, jobs)
    await assert_holds(here, jobs)


async def test_a_move_that_was_killed_leaves_nothing_and_is_done_by_running_it_again(
    tmp_path: Path, with_postgres: Callable[[], str]
) -> None:
    here, there = Kept(home_in(tmp_path), None), Kept(tmp_path / "home", with_postgres())
    jobs = await fill(here)
    killed = """
import os, signal
from safelight.adapters.sql.postgres.dialect import PostgresDialect
PostgresDialect.renumber = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
from safelight.cli import main
main()
"""
    safelight = command_line(tmp_path, here)
    command = [*safelight.command()[:-2], "-c", killed, "move", "--to", str(there.url)]
    done = await asyncio.to_thread(subprocess.run, command, env=safelight.environment(), cwd=tmp_path, check=False)
    assert done.returncode == -signal.SIGKILL
    assert ran(safelight("move", "--to", str(there.url), "--json"))["jobs"] == 3
    await assert_holds(there, jobs)


async def test_where_a_server_runs_nothing_is_moved_or_restored(kept: Kept, tmp_path: Path) -> None:
    full = Kept(home_in(tmp_path), kept.url)
    await fill(full)
    safelight = quick(tmp_path, full)
    assert safelight("db", "backup", str(tmp_path / "backup.db")).returncode == 0
    with safelight.started("serve", "--engine", "fake", "--port", "0", stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert any(line.startswith("Safelight serves") for line in process.stderr)
        to = "sqlite" if kept.url is not None else "postgresql://postgres@127.0.0.1:1/x"
        for command in (("move", "--to", to), ("db", "restore", str(tmp_path / "backup.db"))):
            refused = safelight(*command)
            assert refused.returncode == 2, command
            assert "uses the" in refused.stderr
        process.terminate()
        process.stderr.read()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_status_changes_nothing_and_an_upgrade_does(tmp_path: Path, postgres: Server, kind: str) -> None:
    empty = Kept(home_in(tmp_path), None if kind == "sqlite" else postgres.database())
    safelight = quick(tmp_path, empty)
    standing = [ran(safelight("db", "status", "--json")) for _ in range(2)]
    assert [(each["kind"], each["revision"], each["rows"]) for each in standing] == [(kind, None, {})] * 2
    upgraded = ran(safelight("db", "upgrade", "--json"))
    assert upgraded["revision"] == upgraded["newest_revision"] == standing[0]["newest_revision"]
    assert upgraded["rows"]["keys"] == 0
