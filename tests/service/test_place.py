"""Whose the place for pictures is: nothing is deleted in another's, whatever became of the database."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from safelight.adapters.fake.memory_files import MemoryFiles
from safelight.adapters.files import open_files
from safelight.adapters.sql import open_database
from safelight.adapters.sql.notes import SqlNotes
from safelight.contract.records.batches import StoredFile
from safelight.service.keeping.place import MARK, RESTORED, Place
from safelight.service.keeping.sweep import Sweep
from safelight.service.ports.stores.files import FilesAway, FileStore
from tests.object_store import Bucket
from tests.relay import relay_to

PICTURE = "ab/job_theirs.png"
LONG_AFTER = 9e9


@pytest.fixture(params=["folder", "s3", "memory"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> FileStore:
    if request.param == "memory":
        return MemoryFiles()
    where = request.getfixturevalue("bucket").url if request.param == "s3" else str(tmp_path / "shared")
    return open_files(where, tmp_path)


@pytest.fixture(autouse=True)
def _made(tmp_path: Path, with_database: Callable[[Path], Path]) -> None:
    """Each state folder has a new database, whose making would take three times as long as to open it."""
    for name in ("", "one", "two", "now", "new", "home"):
        (tmp_path / name).mkdir(exist_ok=True)
        with_database(tmp_path / name)


async def swept(home: Path, files: FileStore, *, own: bool = False, adopt: bool = False, start: float = 1.0) -> int:
    """What a server on that state folder takes away from the place at a start, long after everything was written."""
    database = await open_database(home)
    place = Place(files, database.notes, own=own, clock=lambda: start)
    if adopt:
        await place.adopt()
    await place.claim()
    taken = await Sweep(database.jobs, files, place).collect(LONG_AFTER)
    await place.note(start)
    await database.close()
    return taken


async def test_another_databases_place_is_left_alone_until_it_is_taken_over(files: FileStore, tmp_path: Path) -> None:
    await swept(tmp_path / "one", files)
    await files.put(PICTURE, b"starred")
    assert await swept(tmp_path / "two", files) == 0
    assert await files.get(PICTURE) == b"starred"
    assert await swept(tmp_path / "two", files, adopt=True, start=8e9) == 0
    assert await swept(tmp_path / "one", files) == 0
    assert await files.get(PICTURE) == b"starred"


async def test_a_place_without_a_mark_is_taken_and_what_was_in_it_stays(files: FileStore, tmp_path: Path) -> None:
    await files.put(PICTURE, b"from an earlier version")
    assert await swept(tmp_path, files, start=8e9) == 0
    assert await files.get(PICTURE) is not None
    assert await files.get(MARK) is not None


async def test_a_new_database_beside_its_own_folder_takes_it_over_and_what_was_in_it_stays(
    files: FileStore, tmp_path: Path
) -> None:
    await swept(tmp_path / "one", files)
    await files.put(PICTURE, b"x")
    assert await swept(tmp_path / "new", files, own=True, start=8e9) == 0
    assert await files.get(PICTURE) == b"x"


async def test_a_restored_backup_leaves_alone_what_the_newer_database_made(files: FileStore, tmp_path: Path) -> None:
    await swept(tmp_path / "now", files)
    shutil.copytree(tmp_path / "now", tmp_path / "backup")
    await files.put(PICTURE, b"made since")
    for _ in range(2):  # at once, and once the newer one has been started again meanwhile
        assert await swept(tmp_path / "backup", files, start=8e9) == 0
        await swept(tmp_path / "now", files, start=8e9)
    assert await files.get(PICTURE) == b"made since"


async def test_a_backup_of_the_last_start_leaves_alone_what_was_made_while_it_was_not_at_work(
    files: FileStore, tmp_path: Path
) -> None:
    await swept(tmp_path / "now", files)
    shutil.copytree(tmp_path / "now", tmp_path / "backup")
    database = await open_database(tmp_path / "now")
    made_since = f"ab/{await Place(files, database.notes).new_job_id()}.png"
    await database.close()
    await files.put(made_since, b"its row is not in the backup")
    for _ in range(2):
        assert await swept(tmp_path / "backup", files, start=8e9) == 0
    assert await files.get(made_since) is not None


async def test_a_database_that_was_restored_leaves_alone_what_was_made_right_after_its_backup(
    files: FileStore, tmp_path: Path
) -> None:
    """From its time alone it could be of a server that was killed within the minute."""
    await swept(tmp_path / "now", files, start=time.time() - 1.0)
    shutil.copytree(tmp_path / "now", tmp_path / "backup")
    database = await open_database(tmp_path / "now")
    made_since = f"ab/{await Place(files, database.notes).new_job_id()}.png"
    await database.close()
    await files.put(made_since, b"its row is not in the backup")
    restored = await open_database(tmp_path / "backup")
    await restored.notes.put(RESTORED, "yes")
    await restored.close()
    assert await swept(tmp_path / "backup", files, start=8e9) == 0
    assert await swept(tmp_path / "backup", files, start=8.5e9) == 0  # nor at the next start
    assert await files.get(made_since) is not None


async def test_two_copies_of_one_database_stop_each_other(files: FileStore, tmp_path: Path) -> None:
    await swept(tmp_path / "one", files)
    shutil.copytree(tmp_path / "one", tmp_path / "two", dirs_exist_ok=True)
    databases = [await open_database(tmp_path / home) for home in ("one", "two")]
    one, two = (Place(files, database.notes) for database in databases)
    assert await one.claim()
    assert not await two.claim()
    assert not await two.look()
    third = Place(files, databases[1].notes)
    await third.adopt()
    assert not await one.look()
    assert not await third.look()
    for database in databases:
        assert not await Place(files, database.notes).claim()
        await database.close()


async def test_processes_of_one_database_share_its_place_whoever_starts_last(files: FileStore, tmp_path: Path) -> None:
    databases = [await open_database(tmp_path) for _ in range(3)]
    one, two, three = (Place(files, database.notes) for database in databases)
    assert await one.claim()
    assert await two.may_delete()  # it claims nothing, and finds the mark that the first wrote
    assert await three.claim()
    for place in (one, two, three):
        assert await place.look()
        assert await place.may_delete()
    assert len({await place.new_job_id() for place in (one, two, three) for _ in range(10)}) == 30
    assert len({(await place.new_job_id())[:12] for place in (one, two, three)}) == 1
    for database in databases:
        await database.close()


async def test_a_mark_that_is_written_while_another_process_looks_is_not_taken_for_a_copys(
    files: FileStore, tmp_path: Path
) -> None:
    database = await open_database(tmp_path)
    one, two = Place(files, database.notes), Place(files, database.notes)
    assert await one.claim()

    class Between(SqlNotes):
        """Has the other process start after the mark was read, and before it is looked up."""

        started = False

        async def get(self, name: str) -> str | None:
            if not self.started:
                self.started = True
                assert await two.claim()
            return await super().get(name)

    looking = Place(files, Between(database.notes._dialect))
    assert await looking.look()
    assert looking.is_ours
    assert await two.look()
    await database.close()


async def test_a_file_that_another_databases_job_named_is_never_an_orphan(files: FileStore, tmp_path: Path) -> None:
    """Even if this database owns the place, answers for the time, and was at work all the while."""
    await swept(tmp_path / "one", files)
    other = await open_database(tmp_path / "two")
    theirs = f"ab/{await Place(files, other.notes).new_job_id()}.png"
    await other.close()
    for name in (theirs, PICTURE, "ab/notes.txt"):
        await files.put(name, b"x")
    assert await swept(tmp_path / "one", files) == 0
    assert await files.get(theirs) == b"x"
    assert await swept(tmp_path / "one", files, own=True) == 2  # where nobody else writes, any job's file is ours
    assert await files.get("ab/notes.txt") == b"x"


async def test_a_place_that_cannot_be_looked_at_for_a_while_is_not_lost(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with relay_to(bucket.port) as relay:
        monkeypatch.setenv("AWS_ENDPOINT_URL", relay.url)
        files, database = open_files(bucket.url, tmp_path), await open_database(tmp_path)
        place = Place(files, database.notes, elapsed=iter(range(0, 10_000, 100)).__next__)
        assert await place.claim()
        relay.let("refuse")
        with pytest.raises(FilesAway):
            await place.look()
        with pytest.raises(FilesAway):
            await place.may_delete()
        relay.let("pass")
        assert await place.look()
        await database.close()


async def test_pieces_of_an_upload_that_was_cut_go_to_the_trash_and_those_with_a_row_stay(
    files: FileStore, tmp_path: Path
) -> None:
    """A piece is written before its row: a process that is killed in between leaves it."""
    database = await open_database(tmp_path)
    place = Place(files, database.notes, clock=lambda: 2.0)
    await place.claim()
    kept, cut, batch = f"file-{'a' * 24}", f"file-{'b' * 24}", f"batch_{'c' * 24}"
    for name in (f"{kept}/0000", f"{cut}/0000", f"{cut}/0001", f"{batch}/1.1.0.png", "file-notes/mine"):
        await files.put(name, b"x")
    await database.batches.add_file(
        StoredFile(id=kept, owner="key-a", purpose="batch", filename="in.jsonl", bytes=1, created=1.0)
    )
    sweep = Sweep(database.jobs, files, place, database.batches.known_files)
    assert await sweep.collect(time.time()) == 0, "they are of the last hour"
    assert await sweep.collect(LONG_AFTER) == 3
    left = [entry.name async for entries in files.entries() for entry in entries if "trash" not in entry.name]
    assert {f"{kept}/0000", "file-notes/mine"} <= set(left)
    assert not [name for name in left if name.startswith((cut, batch))]
    await database.close()


async def test_an_orphan_goes_to_the_trash_and_from_there_after_a_week(files: FileStore, tmp_path: Path) -> None:
    assert await swept(tmp_path, files) == 0
    database = await open_database(tmp_path)
    place = Place(files, database.notes, clock=lambda: 2.0)
    await place.claim()
    orphan = f"ab/{await place.new_job_id()}.png"
    await files.put(orphan, b"x")
    sweep = Sweep(database.jobs, files, place)
    assert await sweep.collect(LONG_AFTER) == 1
    assert await sweep.collect(LONG_AFTER) == 0
    kept = f"trash/{LONG_AFTER:.0f}/{orphan}"
    assert await sweep.empty_trash(LONG_AFTER) == 0
    assert await files.get(kept) == b"x"
    assert await sweep.empty_trash(LONG_AFTER + 1) == 1
    assert await files.get(kept) is None
    await database.close()


async def test_a_place_that_is_lost_stays_lost_and_is_left_alone(files: FileStore, tmp_path: Path) -> None:
    database = await open_database(tmp_path)
    place = Place(files, database.notes)
    await place.leave_alone_until_now()  # it is not ours yet: nothing is written
    assert await files.get(MARK) is None
    assert await place.claim()
    await files.delete(MARK)
    assert not await place.look()
    await place.leave_alone_until_now()
    assert await files.get(MARK) is None
    await database.close()


@pytest.mark.parametrize("mark", [b"{", b"[]", b"\xff"])
async def test_a_mark_that_cannot_be_read_is_anothers(files: FileStore, tmp_path: Path, mark: bytes) -> None:
    await files.put(MARK, mark)
    await files.put(PICTURE, b"whose?")
    assert await swept(tmp_path / "home", files) == 0
    assert await files.get(PICTURE) == b"whose?"
